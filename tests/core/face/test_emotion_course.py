"""Does a face have the emotion that was asked for, as strongly and when it was, and does what is drawn spread as it was wished?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import EMOTIONS, EmotionChange, FaceRequest
from understudy.core.face.emotion_anchors import EmotionAnchors
from understudy.core.face.emotion_course import FADE_S, AskedEmotion, EmotionCourse, asked_emotions, fade_shares
from understudy.core.face.emotion_embedding import EmotionDistribution, unit
from understudy.core.face.reference_voices import mixture

TIMES = np.arange(100) / 25
starts = st.lists(st.floats(0, 5), max_size=5).map(lambda later: [0.0, *sorted(later)])


def distribution(seed: int) -> EmotionDistribution:
    generator = torch.Generator().manual_seed(seed)
    return EmotionDistribution(unit(torch.randn(1, 6, generator=generator)), torch.randn(1, 6, generator=generator) - 3)


VOICE, CLIP = distribution(100), distribution(101)


@pytest.fixture(scope="module")
def anchors() -> EmotionAnchors:
    made = EmotionAnchors(6)
    for row in range(len(EMOTIONS)):
        made.place(EMOTIONS[row], distribution(row))
    return made


def never() -> EmotionDistribution:
    raise AssertionError("nobody asked what the voice sounds like")


def only(asked: AskedEmotion, anchors: EmotionAnchors | None, diversity: float = 0.0) -> EmotionDistribution:
    (part,) = EmotionCourse([asked], anchors, diversity).between(TIMES, lambda: VOICE)
    np.testing.assert_array_equal(part.weights, np.ones(100, np.float32))
    return part.emotion


def assert_mean(found: EmotionDistribution, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found.mean, expected / expected.norm(), atol=1e-6, rtol=0)


def test_as_the_voice_sounds_is_left_as_it_is() -> None:
    assert only(AskedEmotion(0.0, "", 1.0), None) is VOICE
    assert only(AskedEmotion(0.0, "", 1.0, CLIP), None) is CLIP


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_emotion_by_its_name_lies_at_its_anchor(name: str, anchors: EmotionAnchors) -> None:
    (part,) = EmotionCourse([AskedEmotion(0.0, name, 1.0)], anchors, 0.0).between(TIMES, never)
    assert_mean(part.emotion, anchors.mean[[EMOTIONS.index(name)]])
    torch.testing.assert_close(part.emotion.log_variance, anchors.log_variance[[EMOTIONS.index(name)]])


@pytest.mark.parametrize("intensity", [0.0, 0.4, 1.0, 1.7, 2.0])
@pytest.mark.parametrize(("name", "clip"), [("angry", None), ("", None), ("", CLIP)])
def test_intensity_is_a_distance_from_neutral(
    intensity: float, name: str, clip: EmotionDistribution | None, anchors: EmotionAnchors
) -> None:
    full = anchors.of(name).mean if name else (clip or VOICE).mean
    neutral = anchors.mean[[0]]
    assert_mean(only(AskedEmotion(0.0, name, intensity, clip), anchors), neutral + intensity * (full - neutral))


@pytest.mark.parametrize("diversity", [0.5, 1.0, 2.0])
def test_diversity_is_a_factor_on_what_is_drawn(diversity: float, anchors: EmotionAnchors) -> None:
    asked, noise = AskedEmotion(0.0, "sad", 1.0), distribution(7).log_variance
    found = only(asked, anchors, diversity).drawn(noise)
    usual = only(asked, anchors)
    assert_mean(EmotionDistribution(found, found), usual.mean + diversity * noise * usual.log_variance.div(2).exp())


@given(starts)
def test_shares_of_emotions_sum_to_one_and_follow_one_another(starts: list[float]) -> None:
    shares = fade_shares(starts, TIMES)
    np.testing.assert_allclose(sum(shares), 1, atol=1e-6)
    assert all((share >= 0).all() for share in shares)
    for start, following, share in zip(starts, [*starts[1:], np.inf], shares, strict=True):
        alone = (start + FADE_S / 2 <= TIMES) & (following - FADE_S / 2 >= TIMES)
        np.testing.assert_allclose(share[alone], 1, atol=1e-6)


def test_the_fade_is_straight_and_half_done_at_the_change() -> None:
    _, second = fade_shares([0.0, 2.0], np.array([1.4, 1.5, 1.75, 2.0, 2.25, 2.5, 2.6]))
    np.testing.assert_allclose(second, [0, 0, 0.25, 0.5, 0.75, 1, 1])


def test_a_change_at_the_start_takes_its_place_over_at_once(anchors: EmotionAnchors) -> None:
    request = FaceRequest(1, "a.wav", emotion="sad", changes=(EmotionChange(0.0, "happy", 0.5),))
    parts = EmotionCourse(asked_emotions(request, None), anchors, 0.0).between(np.array([1.0, 2.0]), never)
    assert len(parts) == 1


def test_only_emotions_of_a_window_are_made(anchors: EmotionAnchors) -> None:
    request = FaceRequest(1, "a.wav", emotion="sad", changes=(EmotionChange(10.0, ""), EmotionChange(20.0, "happy")))
    course = EmotionCourse(asked_emotions(request, None), anchors, 0.0)
    assert len(course.between(np.arange(8.0), never)) == 1
    assert len(course.between(np.arange(8.0, 13.0), lambda: VOICE)) == 2
    assert len(course.between(np.arange(25.0, 30.0), never)) == 1


def test_a_clip_speaks_until_the_first_change() -> None:
    request = FaceRequest(1, "a.wav", emotion_audio="b.wav", intensity=0.5, changes=(EmotionChange(3.0, ""),))
    assert asked_emotions(request, CLIP) == [AskedEmotion(0.0, "", 0.5, CLIP), AskedEmotion(3.0, "", 1.0)]


def test_several_clips_of_an_emotion_lie_where_their_mixture_lies() -> None:
    """Mean and variance of the mixture, by drawing from it."""
    clips = [distribution(seed) for seed in range(4)]
    generator = torch.Generator().manual_seed(0)
    draws = torch.cat([clip.mean + torch.randn(50_000, 6, generator=generator) * clip.log_variance.div(2).exp() for clip in clips])
    found = mixture(clips)
    torch.testing.assert_close(found.mean, unit(draws.mean(0, keepdim=True)), atol=0.01, rtol=0)
    torch.testing.assert_close(found.log_variance.exp()[0], draws.var(0), atol=0.02, rtol=0.02)
