"""Two clips as one: continuous at the seam, of the right length, and the joint where the second begins to lead."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.training.corpus import Corpus
from understudy.core.training.stitching import BLEND_FRAMES, stitch

ONES = torch.ones(3)


def marked(count: int, clip: float) -> Tensor:
    """Rows that tell their clip and frame."""
    return torch.stack((torch.full((count,), clip), torch.arange(count).float(), torch.zeros(count)), dim=-1)


def wave(count: int, phase: float) -> Tensor:
    angle = torch.arange(count) * 0.2 + phase
    return torch.stack((angle.sin(), angle.cos(), torch.zeros(count)), dim=-1)


lengths = st.integers(2 * BLEND_FRAMES, 200)


@given(lengths, lengths)
def test_all_frames_are_of_the_first_then_blended_then_of_the_second(a: int, b: int) -> None:
    first, second = marked(a, 0.0), marked(b, 1.0)
    joined, joint = stitch(first, second, ONES)
    head, tail = joint - BLEND_FRAMES // 2, joint + BLEND_FRAMES // 2
    assert torch.equal(joined[:head], first[:head])
    assert torch.equal(joined[tail:], second[len(second) - (len(joined) - tail) :])
    blend = joined[head:tail, 0]
    assert len(blend) == BLEND_FRAMES and bool((blend > 0).all() and (blend < 1).all() and (blend.diff() > 0).all())


@given(lengths, lengths)
def test_at_most_a_quarter_of_either_clip_is_cut_away(a: int, b: int) -> None:
    joined, joint = stitch(marked(a, 0.0), marked(b, 1.0), ONES)
    of_first = joint + BLEND_FRAMES // 2
    of_second = len(joined) - joint + BLEND_FRAMES // 2
    assert a - a * 0.25 - 1 <= of_first <= a
    assert b - b * 0.25 - 1 <= of_second <= b
    assert len(joined) == of_first + of_second - BLEND_FRAMES


@given(lengths, lengths)
def test_the_second_clip_goes_on_after_the_joint_for_more_than_a_token(a: int, b: int) -> None:
    joined, joint = stitch(marked(a, 0.0), marked(b, 1.0), ONES)
    assert 0 < joint < len(joined) - 4


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5, 4.0])
def test_clips_are_cut_where_their_poses_match(phase: float) -> None:
    joined, joint = stitch(wave(100, 0.0), wave(100, phase), ONES)
    steps = joined.diff(dim=0).norm(dim=-1)
    assert float(steps[joint - BLEND_FRAMES : joint + BLEND_FRAMES].max()) < 2.0 * float(wave(100, 0.0).diff(dim=0).norm(dim=-1).max())


def test_a_feature_with_a_large_scale_matters_less() -> None:
    first, second = wave(100, 0.0), wave(100, 2.0)
    first[:, 2], second[:, 2] = torch.linspace(0, 50, 100), torch.linspace(50, 0, 100)
    by_wave, by_ramp = (stitch(first, second, torch.tensor(scale)) for scale in ([1.0, 1.0, 1e4], [1e4, 1e4, 1.0]))
    assert len(by_wave[0]) != len(by_ramp[0]) or by_wave[1] != by_ramp[1]


def test_made_clips_are_joined_without_a_jump(made_corpus: Corpus) -> None:
    """No step at a seam is larger than the largest inside the clips and an eighth of what the poses differ by."""
    rows = slice(4, 136)
    scale = made_corpus.features.std(0).clamp_min(1e-3)
    for a, b in itertools.permutations(made_corpus.stretches[::2], 2):
        first, second = made_corpus.frames(a), made_corpus.frames(b)
        joined, joint = stitch(first, second, scale)
        seam = joined[joint - BLEND_FRAMES : joint + BLEND_FRAMES, rows].diff(dim=0).norm(dim=-1).max()
        inside = max(float(clip[:, rows].diff(dim=0).norm(dim=-1).max()) for clip in (first, second))
        apart = torch.cdist(first[:, rows], second[:, rows])
        assert float(seam) <= inside + float(apart.max()) / BLEND_FRAMES
