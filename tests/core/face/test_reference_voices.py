"""Do named emotions lie where the voices lie that play them?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from understudy.core.contract import EMOTIONS
from understudy.core.emotion_voices import read_emotion_voices
from understudy.core.face import reference_voices
from understudy.core.face.emotion_embedding import EmotionDistribution, unit
from understudy.core.face.reference_voices import anchors_of_voices, mixture
from understudy.core.face.speech_to_face import FaceNetworks, emotion_of_sound

PLAYED = ("neutral", "happy", "sad", "fearful", "disgusted", "angry")
VOICES = {name: [np.full(3, 2 * row, np.float32), np.full(3, 2 * row + 1, np.float32)] for row, name in enumerate(PLAYED)}


def of_clip(_networks: FaceNetworks, clip: np.ndarray) -> EmotionDistribution:
    """Another one for each clip, told by its samples."""
    generator = torch.Generator().manual_seed(int(clip[0]))
    return EmotionDistribution(unit(torch.randn(1, 6, generator=generator)), torch.randn(1, 6, generator=generator))


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotion_is_the_mixture_of_its_clips(emotion: str, tiny_face: FaceNetworks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_voices, "emotion_of_sound", of_clip)
    told: list[tuple[int, int]] = []
    anchors = anchors_of_voices(tiny_face, VOICES, lambda *progress: told.append(progress))
    mixed: dict[str, Sequence[str]] = {"surprised": ("happy", "fearful"), "contempt": ("disgusted", "angry")}
    clips = [of_clip(tiny_face, clip) for name in mixed.get(emotion, (emotion,)) for clip in VOICES[name]]
    torch.testing.assert_close(anchors.of(emotion).mean, mixture(clips).mean)
    torch.testing.assert_close(anchors.of(emotion).log_variance, mixture(clips).log_variance)
    assert told == [(done, 12) for done in range(12)]


def test_the_emotion_of_one_clip_is_that_clips(tiny_face: FaceNetworks) -> None:
    clip = np.random.default_rng(0).normal(size=9000).astype(np.float32) * 0.1
    anchors = anchors_of_voices(tiny_face, {name: [clip] for name in PLAYED}, lambda *_: None)
    own = emotion_of_sound(tiny_face, clip)
    torch.testing.assert_close(anchors.of("sad").mean, own.mean)
    torch.testing.assert_close(anchors.of("sad").log_variance, own.log_variance, atol=1e-4, rtol=1e-4)


def test_the_voices_that_ship_with_us() -> None:
    pytest.importorskip("soundfile", reason="soundfile is not installed")
    voices = read_emotion_voices()
    assert set(voices) == set(PLAYED) and {len(clips) for clips in voices.values()} == {4}
    clips = [clip for of_emotion in voices.values() for clip in of_emotion]
    assert all(1.4 <= len(clip) / 16_000 <= 2.01 and 0.3 < float(np.abs(clip).max()) <= 1 for clip in clips)
