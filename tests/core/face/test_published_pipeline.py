"""Does an imported checkpoint speak a whole sound file as the published networks do, by plain formulas on the published tensors?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from understudy.core.contract import FLAME_2020, FaceMotion, FaceRequest, flame_expression_names
from understudy.core.face.speech_to_face import content_of_sound, emotion_of_sound
from understudy.core.face_bundles import load_face_networks
from understudy.core.service import Service
from understudy.core.weights_import.importing import Order, import_weights
from understudy.tests.core.face import test_emotion_embedding as emotion_test
from understudy.tests.core.face import test_expression_tokens as tokens_test
from understudy.tests.core.face import test_speech_encoder as speech_test
from understudy.tests.core.face import test_talker as talker_test
from understudy.tests.core.face.plain_formulas import Array, Weights, array_of
from understudy.tests.core.weights_import.published_face_files import CONV, TINY_FACE, PublishedFace, random_parts
from understudy.tests.core.weights_import.published_files import TINY

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
TOLERANCE = 1e-4
LENGTHS = (640 * 8, 640 * 9, 640 * 10 + 1, 640 * 11 + 639)  # frames that are and are not a multiple of four, whole and not
LONG = (640 * 300, 640 * 303)  # more than a window of the models that have some


def loud_parts() -> dict[str, dict[str, Tensor]]:
    """Random tensors with which other words and other emotions become other codes: as they are, biases drown all that is heard."""
    parts = random_parts()
    for name, tensor in ((name, tensor) for state in parts.values() for name, tensor in state.items()):
        if tensor.dim() > 1 and not name.endswith("pos_enc"):
            tensor *= 1 / 0.3 / tensor[0].numel() ** 0.5
        elif name.endswith("weight"):
            tensor += 1
    parts["talker"]["condition_feature_layer.weight"] *= 8
    return parts


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedFace:
    parts = loud_parts()
    v = torch.randn(parts["speech"][f"{CONV}weight"].shape, generator=torch.Generator().manual_seed(1))
    face = PublishedFace(tmp_path_factory.mktemp("downloads") / "deeptalk", parts, torch.linspace(0.5, 2.0, v.shape[2])[None, None], v)
    face.write_all()
    return face


@pytest.fixture(scope="module")
def models(published: PublishedFace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "imported"
    import_weights(Order((published.folder,), folder, "", False), lambda *_: None, replace(TINY, face=TINY_FACE))
    return folder


@pytest.fixture(scope="module")
def published_weights(published: PublishedFace) -> dict[str, Weights]:
    """By the networks' names, from what was published and not from what was imported."""
    states = {part: {name: array_of(tensor) for name, tensor in state.items()} for part, state in published.parts.items()}
    states["speech"][f"{CONV}weight"] = array_of(published.weight)
    return {part: Weights(arrays) for part, arrays in states.items()}


def sound(samples: int) -> Array:
    """A tone over noise that is another one every four frames, as sounds of speech are."""
    random = np.random.default_rng(samples)
    steps = -(-samples // 2560)
    hertz, loudness = (np.repeat(random.uniform(low, high, steps), 2560)[:samples] for low, high in ((100, 6000), (0.01, 0.5)))
    tones = loudness * np.sin(2 * np.pi * hertz * np.arange(samples) / 16_000)
    return (tones + random.normal(size=samples) * 0.02).astype(np.float32).astype(np.float64)


def padded(clip: Array) -> Array:
    """Section 1: n = int(L / 16000 * 25) frames become n + (4 - n mod 4), silence behind."""
    frames = int(len(clip) / 16_000 * 25)
    return np.concatenate((clip, np.zeros(640 * (frames + 4 - frames % 4) - len(clip))))


def scaled(clip: Array, epsilon: float) -> Array:
    return (clip - clip.mean()) / np.sqrt(clip.var() + epsilon)


def content_by_hand(clip: Array, weights: dict[str, Weights]) -> Array:
    return speech_test.by_hand(scaled(padded(clip), 1e-7), weights["speech"])


def emotion_by_hand(clip: Array, weights: dict[str, Weights]) -> tuple[Array, Array]:
    w = weights["emotion"] / "audio_encoder"
    frames = emotion_test.trunk(scaled(padded(clip), 1e-5), w / "embedding_model")
    table = w["audio_pos_encoder.pos_enc"][0]  # which the checkpoint holds
    return emotion_test.branch(frames, w, "audio", TINY_FACE.emotion.n_layers, TINY_FACE.emotion.longest, table)


def logits_by_hand(clip: Array, actor: int, weights: dict[str, Weights]) -> tuple[Array, Array]:
    """Of the top codes, and of the bottom codes that follow from the likeliest of them."""
    w, tokens = weights["talker"], weights["tokens"]
    one_hot = np.eye(TINY_FACE.talker.n_actors)[actor]
    features = talker_test.features_by_hand(content_by_hand(clip, weights), emotion_by_hand(clip, weights)[0], one_hot, w)
    width = TINY_FACE.talker.feature_width
    top = talker_test.logits_by_hand(features.reshape(-1, 4 * width), w / "squasher_2_t")
    expanded = tokens_test.doubling(tokens["quantize_t.codebook.weight"][top.argmax(-1)], tokens / "decoder_t")
    joined = np.concatenate((features.reshape(-1, 2 * width), expanded), axis=1)
    return top, talker_test.logits_by_hand(joined, w / "squasher_2_b_2")


def codes_by_hand(clip: Array, actor: int, weights: dict[str, Weights]) -> tuple[list[int], list[int]]:
    top, bottom = logits_by_hand(clip, actor, weights)
    return top.argmax(-1).tolist(), bottom.argmax(-1).tolist()


def face_by_hand(clip: Array, actor: int, weights: dict[str, Weights]) -> Array:
    top, bottom = codes_by_hand(clip, actor, weights)
    return tokens_test.decoded(np.array(top), np.array(bottom), weights["tokens"])[: -(-len(clip) // 640)]


def spoken(samples: int, actor: int, models: Path, folder: Path) -> FaceMotion:
    """As everything asks for it: a request to the service."""
    soundfile.write(folder / "voice.wav", sound(samples), 16_000, "FLOAT")
    request = FaceRequest(1, str(folder / "voice.wav"), actor=actor, model="deeptalk", device="cpu")
    return Service((models,)).face(request, lambda *_: None).motions[0]


@pytest.mark.parametrize(("samples", "actor"), list(zip(LENGTHS + LONG, (0, 31, 5, 0, 5, 0), strict=True)))
def test_a_sound_file_becomes_the_published_face(
    samples: int, actor: int, models: Path, published_weights: dict[str, Weights], tmp_path: Path
) -> None:
    made = spoken(samples, actor, models, tmp_path)
    expected = face_by_hand(sound(samples), actor, published_weights)
    assert (made.space, made.fps, made.expression_names) == (FLAME_2020, 25.0, flame_expression_names(50))
    np.testing.assert_allclose(made.expression, expected[:, :50], atol=TOLERANCE)
    np.testing.assert_allclose(made.jaw, expected[:, 50:], atol=TOLERANCE)


@pytest.mark.parametrize("samples", LENGTHS[1:3])
def test_every_stage_is_the_published_one(samples: int, models: Path, published_weights: dict[str, Weights]) -> None:
    networks, _ = load_face_networks(models / "deeptalk", torch.device("cpu"))
    clip = sound(samples)
    heard = clip.astype(np.float32)
    content, emotion = content_of_sound(networks, heard), emotion_of_sound(networks, heard)
    mean, log_variance = emotion_by_hand(clip, published_weights)
    np.testing.assert_allclose(content[0].numpy(), content_by_hand(clip, published_weights), atol=TOLERANCE)
    np.testing.assert_allclose(emotion.mean[0].numpy(), mean, atol=TOLERANCE)
    np.testing.assert_allclose(emotion.log_variance[0].numpy(), log_variance, atol=TOLERANCE)
    with torch.inference_mode():
        actor = torch.eye(TINY_FACE.talker.n_actors)[[5]]
        features = networks.talker.features(content, emotion.mean, actor)
        top = networks.talker.top_logits(features)
        bottom = networks.talker.bottom_logits(features, networks.tokens.expanded_top(top.argmax(-1)))
    expected_top, expected_bottom = logits_by_hand(clip, 5, published_weights)
    np.testing.assert_allclose(top[0].numpy(), expected_top, atol=TOLERANCE)
    np.testing.assert_allclose(bottom[0].numpy(), expected_bottom, atol=TOLERANCE)


def test_what_is_said_how_and_by_whom_decides_which_codes_are_taken(published_weights: dict[str, Weights]) -> None:
    """Else a whole face that is right would say little about what was heard."""
    one, other = sound(LENGTHS[0]), sound(640 * 12)[: LENGTHS[0]]
    codes = [codes_by_hand(clip, actor, published_weights) for clip, actor in ((one, 0), (other, 0), (one, 5))]
    assert codes[0] != codes[1] and codes[0] != codes[2] and len(set(codes[0][1])) > 1


def test_two_clips_at_once_are_each_by_itself(models: Path, published_weights: dict[str, Weights]) -> None:
    """But for the scaling of sound, which the authors' program shares in a batch and which is a clip's own here."""
    networks, _ = load_face_networks(models / "deeptalk", torch.device("cpu"))
    clips = [sound(640 * 12)[: 640 * 11], sound(640 * 13)[: 640 * 11]]
    batch = torch.from_numpy(np.stack([padded(clip) for clip in clips]).astype(np.float32))
    with torch.inference_mode():
        content = networks.speech.hear(batch)
        emotion = networks.emotion.audio_encoder.heard(batch, networks.speech)
        actors = torch.eye(TINY_FACE.talker.n_actors)[[3, 7]]
        features = networks.talker.features(content, emotion.mean, actors)
        top = networks.talker.top_logits(features).argmax(-1)
        bottom = networks.talker.bottom_logits(features, networks.tokens.expanded_top(top)).argmax(-1)
        motion = networks.tokens.decode(top, bottom).numpy()
    for row, (clip, actor) in enumerate(zip(clips, (3, 7), strict=True)):
        assert (top[row].tolist(), bottom[row].tolist()) == codes_by_hand(clip, actor, published_weights)
        np.testing.assert_allclose(motion[row, :11], face_by_hand(clip, actor, published_weights), atol=TOLERANCE)
