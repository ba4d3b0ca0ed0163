"""Does a clip become the face that the networks make of it, the same one for the same seed?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from understudy.core.contract import BadRequest
from understudy.core.face.emotion_embedding import EmotionDistribution
from understudy.core.face.speech_to_face import (
    Delivery,
    FaceCoefficients,
    FaceNetworks,
    _emotion_vector,
    _picked,
    emotion_of_face,
    emotion_of_sound,
    face_of_speech,
)
from understudy.tests.core.face.conftest import TINY_EMOTION

Sound = Callable[..., np.ndarray]
WARM = Delivery(variance_scale=1.0, top_temperature=1.0, bottom_temperature=1.0)


def spoken(networks: FaceNetworks, sound: np.ndarray, delivery: Delivery = Delivery()) -> FaceCoefficients:  # noqa: B008
    return face_of_speech(networks, sound, emotion_of_sound(networks, sound), delivery)


def same(one: FaceCoefficients, other: FaceCoefficients) -> bool:
    return np.array_equal(one.expression, other.expression) and np.array_equal(one.jaw, other.jaw)


def normal(clip: np.ndarray, epsilon: float) -> torch.Tensor:
    return torch.from_numpy(((clip - clip.mean()) / np.sqrt(clip.var() + epsilon)).astype(np.float32))[None]


@pytest.mark.parametrize("samples", [1, 700, 2560, 640 * 8, 640 * 9, 640 * 11 + 3])
def test_the_whole_way_step_by_step(samples: int, tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(samples)
    frames = int(samples / 16_000 * 25) // 4 * 4 + 4
    whole = np.concatenate((clip, np.zeros(640 * frames - samples))).astype(np.float64)
    with torch.inference_mode():
        emotion = tiny_face.emotion.audio_encoder(normal(whole, 1e-5))
        speech = tiny_face.speech(normal(whole, 1e-7))
        features = tiny_face.talker.features(speech, emotion.mean, torch.eye(4)[[3]])
        top = tiny_face.talker.top_logits(features).argmax(-1)
        bottom = tiny_face.talker.bottom_logits(features, tiny_face.tokens.expanded_top(top)).argmax(-1)
        expected = tiny_face.tokens.decode(top, bottom)[0, : -(-samples // 640)].numpy()
    found = spoken(tiny_face, clip, Delivery(actor=3))
    assert found.expression.shape == (-(-samples // 640), 50) and found.jaw.shape == (-(-samples // 640), 3)
    assert found.expression.dtype == found.jaw.dtype == np.float32
    np.testing.assert_allclose(found.expression, expected[:, :50], atol=1e-5)
    np.testing.assert_allclose(found.jaw, expected[:, 50:], atol=1e-5)


def test_both_encoders_scale_a_quiet_clip_by_their_own_formula(tiny_face: FaceNetworks, sound: Sound) -> None:
    heard: dict[str, np.ndarray] = {}

    def listener(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor]], None]:
        return lambda _, inputs: heard.update({name: inputs[0][0].numpy()})

    clip = sound(2560 + 1920, loudness=3e-3)
    networks = {"speech": tiny_face.speech, "emotion": tiny_face.emotion.audio_encoder}
    hooks = [network.register_forward_pre_hook(listener(name)) for name, network in networks.items()]
    spoken(tiny_face, clip)
    for hook in hooks:
        hook.remove()
    whole = np.concatenate((clip, np.zeros(640))).astype(np.float64)
    for name, epsilon in (("speech", 1e-7), ("emotion", 1e-5)):
        np.testing.assert_allclose(heard[name], (whole - whole.mean()) / np.sqrt(whole.var() + epsilon), atol=1e-5)


def test_the_same_seed_gives_the_same_face(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 30)
    assert same(spoken(tiny_face, clip, WARM), spoken(tiny_face, clip, WARM))
    assert not same(spoken(tiny_face, clip, WARM), spoken(tiny_face, clip, replace(WARM, seed=1)))


def test_one_setting_does_not_change_what_another_draws(tiny_face: FaceNetworks, sound: Sound) -> None:
    """The emotion's noise is the same at every temperature."""
    clip = sound(640 * 30)
    emotion = emotion_of_sound(tiny_face, clip)
    cold, warm = (_emotion_vector(emotion, each) for each in (Delivery(variance_scale=1.0), WARM))
    assert torch.equal(cold, warm) and not torch.equal(cold, emotion.mean)


def test_nothing_is_drawn_without_variation(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 30)
    assert same(spoken(tiny_face, clip), spoken(tiny_face, clip, Delivery(seed=1)))


@pytest.mark.parametrize("changed", [{"actor": 1}, {"variance_scale": 1.0}, {"top_temperature": 3.0}, {"bottom_temperature": 3.0}])
def test_every_control_changes_the_face(changed: dict, tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 30)
    assert not same(spoken(tiny_face, clip), spoken(tiny_face, clip, Delivery(**changed)))


def test_the_emotion_of_another_clip(tiny_face: FaceNetworks, sound: Sound) -> None:
    own = emotion_of_sound(tiny_face, sound(640 * 20))
    other = emotion_of_sound(tiny_face, sound(640 * 7, seed=5))
    assert own.mean.shape == other.mean.shape == other.log_variance.shape == (1, 6)
    assert not torch.equal(own.mean, other.mean)


def test_a_clip_is_spoken_with_the_emotion_that_is_given(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 20)
    own = emotion_of_sound(tiny_face, clip)
    opposite = EmotionDistribution(-own.mean, own.log_variance)
    assert not same(spoken(tiny_face, clip), face_of_speech(tiny_face, clip, opposite, Delivery()))


def test_temperatures_draw_from_the_softmax(tiny_face: FaceNetworks, sound: Sound) -> None:
    """Codes of many seeds are as frequent as softmax(logits / temperature) says; 5 sigma."""
    logits, temperature, n = torch.tensor([[[0.0, 1.0, 2.0]]]), 0.7, 4000
    generator = torch.Generator().manual_seed(3)
    counts = np.bincount([int(_picked(logits, temperature, generator)) for _ in range(n)], minlength=3)
    expected = (logits[0, 0] / temperature).softmax(0).numpy()
    assert (np.abs(counts / n - expected) < 5 * np.sqrt(expected * (1 - expected) / n)).all()


def test_the_emotion_of_a_face(tiny_face: FaceNetworks, sound: Sound) -> None:
    found = spoken(tiny_face, sound(640 * 20))
    emotion = emotion_of_face(tiny_face, found)
    assert emotion.mean.shape == (1, TINY_EMOTION.embedding_width)
    assert abs(float(emotion.mean.norm()) - 1) < 1e-5
    motion = torch.from_numpy(np.concatenate((found.expression, found.jaw), axis=1))[None]
    assert tiny_face.features is not None and tiny_face.emotion.exp_encoder is not None
    with torch.inference_mode():
        assert torch.equal(emotion.mean, tiny_face.emotion.exp_encoder(tiny_face.features(motion)).mean)


def test_silence_has_a_face(tiny_face: FaceNetworks) -> None:
    found = spoken(tiny_face, np.zeros(16_000, np.float32))
    assert np.isfinite(found.expression).all() and np.isfinite(found.jaw).all()


def test_what_is_refused(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(3000)
    emotion = emotion_of_sound(tiny_face, clip)
    for wrong, sentence in [(clip[:0], "samples"), (clip.reshape(2, -1), r"\(2, 1500\)"), (np.full(3000, np.nan), "not finite")]:
        with pytest.raises(BadRequest, match=sentence):
            emotion_of_sound(tiny_face, wrong)
        with pytest.raises(BadRequest, match=sentence):
            face_of_speech(tiny_face, wrong, emotion, Delivery())
    for actor in (-1, 4):
        with pytest.raises(BadRequest, match=f"no speaker {actor}: choose one of 0 to 3"):
            face_of_speech(tiny_face, clip, emotion, Delivery(actor=actor))
    with pytest.raises(BadRequest, match=r"FER\.pth"):
        emotion_of_face(replace(tiny_face, features=None), FaceCoefficients(np.zeros((4, 50), np.float32), np.zeros((4, 3), np.float32)))
