"""Are clips padded and scaled as section 1 of the specification says?"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.face.sound_frames import CONTENT_EPSILON, EMOTION_EPSILON, heard_frames, normalised, padded, padded_frames
from understudy.tests.core.face.plain_formulas import array_of


@pytest.mark.parametrize(("samples", "frames"), [
    (1, 4), (639, 4), (640, 4), (1919, 4), (2559, 4), (2560, 8), (2561, 8), (3 * 640, 4), (5 * 640, 8), (16_000, 28), (48 * 16_000, 1204),
])  # fmt: skip
def test_one_to_four_frames_are_always_added(samples: int, frames: int) -> None:
    assert padded_frames(samples) == frames
    assert padded(torch.ones(2, samples)).shape == (2, 640 * frames)


@pytest.mark.parametrize("frames", [29, 57, 58, 116])
def test_lengths_at_which_the_authors_product_of_floats_is_too_small(frames: int) -> None:
    whole = int(frames * 640 / 16_000 * 25)
    assert whole == frames - 1
    assert padded_frames(frames * 640) == whole + 4 - whole % 4


def test_silence_is_added_behind() -> None:
    found = padded(torch.ones(1, 1000))
    assert torch.equal(found[:, :1000], torch.ones(1, 1000)) and not found[:, 1000:].any()


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (640, 1), (641, 2), (2560, 4), (16_000, 25)])
def test_frames_that_begin_in_the_clip(samples: int, frames: int) -> None:
    assert heard_frames(samples) == frames <= padded_frames(samples)


@pytest.mark.parametrize("epsilon", [CONTENT_EPSILON, EMOTION_EPSILON])
@pytest.mark.parametrize("loudness", [1e-3, 0.1, 1.0])
def test_each_clip_has_mean_zero_and_variance_one(epsilon: float, loudness: float) -> None:
    sound = torch.randn(2, 3000, dtype=torch.float64) * loudness + 0.01
    found = array_of(normalised(sound, epsilon))
    for row, clip in zip(found, array_of(sound), strict=True):
        np.testing.assert_allclose(row, (clip - clip.mean()) / np.sqrt(clip.var() + epsilon), atol=1e-12)


def test_the_two_encoders_hear_a_quiet_clip_at_different_loudness() -> None:
    quiet = torch.randn(1, 3000) * 3e-3
    content, emotion = (float(normalised(quiet, epsilon).std()) for epsilon in (CONTENT_EPSILON, EMOTION_EPSILON))
    assert content > 0.99 and 0.6 < emotion < 0.75


def test_silence_stays_silent() -> None:
    assert not normalised(torch.zeros(1, 3000), CONTENT_EPSILON).any()
