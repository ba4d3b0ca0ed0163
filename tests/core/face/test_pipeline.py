"""Does a sound file become the face that was asked for, the same one for the same seed, by every control?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.contract import (
    ARKIT,
    EMOTIONS,
    FLAME_2020,
    VERSION,
    BadRequest,
    Cancelled,
    EmotionChange,
    FaceMotion,
    FaceRecipe,
    FaceRequest,
    flame_expression_names,
)
from understudy.core.contract.head import DEFAULT_HEAD, read_head
from understudy.core.face import pipeline as pipeline_module
from understudy.core.face.emotion_embedding import EmotionDistribution
from understudy.core.face.idle_motion import idle_motion
from understudy.core.face.long_speech import WindowSettings, face_of_long_speech
from understudy.core.face.pipeline import FaceBasis, FacePipeline
from understudy.core.face.speech_rhythm import sound_levels
from understudy.core.face.speech_to_face import Delivery, FaceNetworks, emotion_of_sound
from understudy.core.face_bundles import load_face_networks, load_face_pipeline
from understudy.tests.tiny_face_model import write_tiny_face

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
CPU = torch.device("cpu")
RECIPE = FaceRecipe(model="tiny_face", weights="00ff", version=VERSION)
TRACKS = ("expression", "jaw", "head", "eyes", "blinks")
Speak = Callable[..., FaceMotion]


def silent(_stage: str, _step: int, _total: int) -> None:
    """Progress that nobody watches."""


def noise(seconds: float, seed: int) -> np.ndarray:
    """Of syllables: loud and quiet in turn, and never twice alike."""
    time = np.arange(round(16_000 * seconds)) / 16_000
    return (np.random.default_rng(seed).normal(size=len(time)) * (0.02 + 0.1 * np.sin(2 * np.pi * 2 * time) ** 2)).astype(np.float32)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("voices")
    lengths = {"short": 2.98, "other": 2.98, "long": 24.0}
    for seed, (name, seconds) in enumerate(lengths.items()):
        soundfile.write(folder / f"{name}.wav", noise(seconds, seed), 16_000, "FLOAT")
    return {name: str(folder / f"{name}.wav") for name in lengths}


@pytest.fixture(scope="module")
def pipeline(tiny_face_bundle: Path) -> FacePipeline:
    return load_face_pipeline(tiny_face_bundle, CPU)[0]


@pytest.fixture(scope="module")
def speak(pipeline: FacePipeline, voices: dict[str, str]) -> Speak:
    def spoken(voice: str = "short", **wishes: object) -> FaceMotion:
        return pipeline.generate(FaceRequest(1, voices[voice], **wishes), RECIPE, silent)[0][0]  # type: ignore[arg-type]

    return spoken


def same(one: FaceMotion, other: FaceMotion, tracks: tuple[str, ...] = TRACKS) -> bool:
    return all(np.array_equal(getattr(one, track), getattr(other, track)) for track in tracks)


def test_a_face_has_all_that_a_face_does_and_its_recipe(speak: Speak, voices: dict[str, str]) -> None:
    changes = (EmotionChange(1.0, "angry", 0.5),)
    made = speak(
        start_s=0.5,
        seconds=2.0,
        emotion_audio=voices["other"],
        intensity=0.8,
        changes=changes,
        diversity=0.5,
        temperature=0.1,
        actor=2,
        seed=9,
    )
    assert (made.space, made.expression_names, made.fps) == (ARKIT, read_head(DEFAULT_HEAD).expression_names, 25.0)
    assert made.expression.shape == (50, 52) and made.jaw.shape == made.head.shape == (50, 3)
    assert made.eyes.shape == (50, 2, 3) and made.blinks.shape == (50,)
    assert made.recipe == FaceRecipe("short.wav", "", 0.8, 9, 0, "tiny_face", "00ff", VERSION, 0.5, 2.0, "other.wav", changes, 0.5, 0.1, 2)


def test_without_wishes_it_is_what_the_networks_make_of_the_sound(speak: Speak, tiny_face_bundle: Path) -> None:
    networks, _ = load_face_networks(tiny_face_bundle, CPU)
    for voice, sound in (("short", noise(2.98, 0)), ("long", noise(24.0, 2))):
        expected = face_of_long_speech(networks, sound, Delivery(), lambda *_: None)
        made = speak(voice)
        np.testing.assert_array_equal(made.expression, expected.expression.clip(0, 1))  # ARKit's shapes have no more
        np.testing.assert_array_equal(made.jaw, expected.jaw)


def test_blinks_head_and_gaze_are_those_of_its_sound_its_emotion_and_its_seed(speak: Speak) -> None:
    made = speak(emotion="sad", intensity=1.5, seed=4, changes=(EmotionChange(2.0, "happy"),))
    levels = sound_levels([noise(2.98, 0)])
    idle = idle_motion(levels, len(made.expression), 25.0, 4, [(0.0, "sad", 1.5), (2.0, "happy", 1.0)])
    for track in ("head", "eyes", "blinks"):
        np.testing.assert_array_equal(getattr(made, track), getattr(idle, track))


def test_the_same_seed_gives_the_same_face_and_another_another(speak: Speak) -> None:
    wishes = {"emotion": "happy", "diversity": 1.0, "temperature": 1.0}
    assert same(speak(seed=3, **wishes), speak(seed=3, **wishes))
    assert not any(same(speak(seed=3, **wishes), speak(seed=4, **wishes), (track,)) for track in ("expression", "jaw", "head"))


def test_without_diversity_and_temperature_a_seed_moves_only_blinks_head_and_gaze(speak: Speak) -> None:
    assert same(speak(seed=3), speak(seed=4), ("expression", "jaw")) and not same(speak(seed=3), speak(seed=4), ("head",))


def test_a_variation_is_what_its_seed_makes_alone(pipeline: FacePipeline, speak: Speak, voices: dict[str, str]) -> None:
    wishes = {"emotion": "happy", "diversity": 1.0, "temperature": 1.0}
    request = FaceRequest(1, voices["short"], variations=3, seed=5, **wishes)  # type: ignore[arg-type]
    motions, _ = pipeline.generate(request, RECIPE, silent)
    for variation, motion in enumerate(motions):
        assert (motion.recipe.seed, motion.recipe.variation) == (5 + variation, variation)
        assert same(motion, speak(seed=5 + variation, **wishes))


@pytest.mark.parametrize("wishes", [
    {"emotion": "happy"}, {"emotion": "happy", "intensity": 2.0}, {"emotion": "neutral"}, {"intensity": 0.0}, {"actor": 1}, {"diversity": 2.0},
    {"temperature": 2.0}, {"start_s": 0.52}, {"changes": (EmotionChange(1.0, "sad"),)},
], ids=str)  # fmt: skip
def test_every_control_changes_the_face(wishes: dict[str, object], speak: Speak) -> None:
    assert not same(speak(), speak(**wishes), ("expression",))


def test_an_emotion_as_in_another_clip(speak: Speak, voices: dict[str, str]) -> None:
    assert not same(speak(emotion_audio=voices["other"]), speak(), ("expression",))
    assert same(speak(emotion_audio=voices["short"]), speak(), ("expression", "jaw"))


@pytest.mark.parametrize(("one_pass", "n_frames"), [(0, 240), (1200, 600)])
def test_as_much_is_heard_of_another_clip_as_of_a_voice_at_once(
    one_pass: int, n_frames: int, tiny_face: FaceNetworks, voices: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def listen(networks: FaceNetworks, sound: np.ndarray) -> EmotionDistribution:
        heard.append(len(sound))
        return emotion_of_sound(networks, sound)

    monkeypatch.setattr(pipeline_module, "emotion_of_sound", listen)
    basis = FaceBasis(FLAME_2020, flame_expression_names(50))
    made = FacePipeline(tiny_face, basis, played, WindowSettings(one_pass=one_pass))
    made.generate(FaceRequest(1, voices["short"], emotion_audio=voices["long"]), RECIPE, silent)
    assert heard == [640 * n_frames]


def test_an_emotion_turns_into_another_within_a_second(speak: Speak) -> None:
    whole = speak("long", emotion="happy", changes=(EmotionChange(8.0, "angry"), EmotionChange(16.0, "", 1.0)))
    happy, angry, own = (speak("long", **wishes) for wishes in ({"emotion": "happy"}, {"emotion": "angry"}, {}))
    for part, alone in ((slice(0, 188), happy), (slice(213, 388), angry), (slice(413, 600), own)):
        np.testing.assert_allclose(whole.expression[part], alone.expression[part], atol=1e-5)
    np.testing.assert_allclose(whole.jaw[200], (happy.jaw[200] + angry.jaw[200]) / 2, atol=1e-5)
    assert not np.allclose(happy.jaw[200], angry.jaw[200], atol=1e-3)


def test_a_part_is_what_that_part_alone_becomes(speak: Speak, tmp_path: Path, pipeline: FacePipeline) -> None:
    soundfile.write(tmp_path / "part.wav", noise(24.0, 2)[16_000:48_000], 16_000, "FLOAT")
    alone = pipeline.generate(FaceRequest(1, str(tmp_path / "part.wav")), RECIPE, silent)[0][0]
    assert same(speak("long", start_s=1.0, seconds=2.0), alone)


def test_stages_are_told_and_a_cancel_between_windows_ends_it(pipeline: FacePipeline, voices: dict[str, str]) -> None:
    told: list[tuple[str, int, int]] = []
    request = FaceRequest(1, voices["long"], emotion_audio=voices["other"])
    _, times = pipeline.generate(request, RECIPE, lambda *progress: told.append(progress))
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["Reading the sound", "Speaking", "Adding blinks and gaze"]
    shares = [3 * step // total for stage, step, total in told if stage == "Speaking"]
    assert list(dict.fromkeys(shares)) == [0, 1, 2]
    assert [lap.stage for lap in times] == ["sound", "emotions", "face", "blinks, head and gaze"]

    def cancel(stage: str, step: int, total: int) -> None:
        if stage == "Speaking" and 3 * step >= 2 * total:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        pipeline.generate(request, RECIPE, cancel)


def test_what_cannot_be_had_is_told(speak: Speak, voices: dict[str, str]) -> None:
    for wishes, shown in (
        ({"actor": 3}, "no speaker 3"),
        ({"start_s": 60.0}, "is 2.98 s long"),
        ({"emotion_audio": "/none.wav"}, "none.wav"),
    ):
        with pytest.raises(BadRequest, match=shown):
            speak(**wishes)


def test_many_variations_of_a_long_sound_are_refused_before_it_is_read(pipeline: FacePipeline, tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    with soundfile.SoundFile(path, "w", 4000, 1, "PCM_U8") as file:
        for _ in range(60):
            file.write(np.full(4000 * 60, 0.5))
    with pytest.raises(BadRequest, match="60.0 min .* at most 48.0 min .* fewer variations"):
        pipeline.generate(FaceRequest(1, str(path), variations=5), RECIPE, silent)


def test_a_take_of_a_sound_that_its_body_cannot_follow_is_refused_before_it_is_read(pipeline: FacePipeline, voices: dict[str, str]) -> None:
    told: list[str] = []
    with pytest.raises(BadRequest, match=r"long\.wav lasts 23\.5 s, and the body of a take can be moved for 23\.4 s of it: set a length"):
        pipeline.generate(FaceRequest(1, voices["long"], 0.5, longest_s=23.4), RECIPE, lambda stage, *_: told.append(stage))
    assert told == []
    assert len(pipeline.generate(FaceRequest(1, voices["long"], 0.5, longest_s=23.6), RECIPE, silent)[0]) == 1


def played() -> dict[str, list[np.ndarray]]:
    """Two clips of the emotions that actors played for us."""
    names = ("neutral", "happy", "sad", "fearful", "disgusted", "angry")
    return {name: [noise(1.0 + 0.1 * row, 10 + row), noise(1.0, 20 + row)] for row, name in enumerate(names)}


def stages_of(pipeline: FacePipeline, voice: str, **wishes: object) -> tuple[list[str], FaceMotion]:
    told: list[str] = []
    request = FaceRequest(1, voice, **wishes)  # type: ignore[arg-type]
    return told, pipeline.generate(request, RECIPE, lambda stage, _step, _total: told.append(stage))[0][0]


@pytest.fixture
def without_anchors(tiny_face: FaceNetworks) -> FacePipeline:
    return FacePipeline(tiny_face, FaceBasis(FLAME_2020, flame_expression_names(50)), played)


def test_a_model_that_knows_voices_alone_hears_emotions_once(without_anchors: FacePipeline, voices: dict[str, str]) -> None:
    told, _ = stages_of(without_anchors, voices["short"])
    assert "Listening to emotions" not in told
    told, _ = stages_of(without_anchors, voices["short"], emotion="happy")
    assert told.count("Listening to emotions") == 12
    for emotion in EMOTIONS:  # surprised and contempt, too, which no clip is there for
        told, _ = stages_of(without_anchors, voices["short"], emotion=emotion)
        assert "Listening to emotions" not in told


def test_anchors_are_not_heard_by_halves(without_anchors: FacePipeline, tiny_face: FaceNetworks, voices: dict[str, str]) -> None:
    """A cancel while the emotions are heard leaves none behind."""
    request = FaceRequest(1, voices["short"], emotion="happy")

    def cancel(stage: str, step: int, _total: int) -> None:
        if stage == "Listening to emotions" and step == 5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        without_anchors.generate(request, RECIPE, cancel)
    fresh = FacePipeline(tiny_face, FaceBasis(FLAME_2020, flame_expression_names(50)), played)
    assert same(without_anchors.generate(request, RECIPE, silent)[0][0], fresh.generate(request, RECIPE, silent)[0][0])


def test_a_published_model_hears_the_voices_that_ship_with_us(tmp_path: Path, voices: dict[str, str]) -> None:
    write_tiny_face(tmp_path / "flame_face", like_published=True)
    pipeline, _ = load_face_pipeline(tmp_path / "flame_face", CPU)
    told, motion = stages_of(pipeline, voices["short"], emotion="surprised")
    assert told.count("Listening to emotions") == 24 and motion.expression_names == flame_expression_names(50)


def test_a_recipe_is_enough_to_make_the_same_face_again(pipeline: FacePipeline, voices: dict[str, str]) -> None:
    request = FaceRequest(
        1, voices["short"], 0.4, 1.6, "sad", intensity=1.3, changes=(EmotionChange(0.8, "happy"),), diversity=1.0, temperature=0.5, actor=1,
        seed=11, variations=2,
    )  # fmt: skip
    made = pipeline.generate(request, RECIPE, silent)[0][1]
    recipe = made.recipe
    again = FaceRequest(
        2, str(Path(voices["short"]).parent / recipe.audio), recipe.start_s, recipe.seconds, recipe.emotion, recipe.emotion_audio,
        recipe.intensity, recipe.changes, recipe.diversity, recipe.temperature, recipe.actor, recipe.seed,
    )  # fmt: skip
    found = pipeline.generate(again, RECIPE, silent)[0][0]
    assert same(found, made) and replace(found.recipe, variation=1) == recipe
