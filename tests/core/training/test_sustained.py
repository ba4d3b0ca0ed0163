"""Steady gaits: as long as asked, as fast as the fast part of the clip, straight ahead, without a seam that shows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from understudy.core.body.features import FPS, Layout
from understudy.core.training.corpus import MIXED, Corpus, Span, Stretch
from understudy.core.training.sustained import CLIPS, FRAMES, LONGEST, SHORTEST, sustained, with_steady_gaits

LAYOUT = Layout(22)
SCALE = torch.ones(LAYOUT.n_features)


def gait(count: int, period: float, speed: float = 2.5, ramp: int = 0, yaw: float = 0.0) -> Tensor:
    """A run that swings every joint with one period in frames; speeds up over `ramp` frames and brakes over as many."""
    generator = torch.Generator().manual_seed(1)
    frame = torch.arange(count).float()[:, None]
    phase = torch.rand(LAYOUT.n_features, generator=generator) * 2 * math.pi
    rows = torch.sin(2 * math.pi * frame / period + phase)
    rows[:, LAYOUT.groups["yaw_velocity"]] = yaw
    near_end = torch.minimum(frame, frame.flip(0))[:, 0]
    rows[:, LAYOUT.groups["planar_velocity"]] = 0
    rows[:, LAYOUT.groups["planar_velocity"].start + 1] = speed * (near_end / ramp).clamp_max(1) if ramp else speed
    return rows


def speed(rows: Tensor) -> Tensor:
    return rows[:, LAYOUT.groups["planar_velocity"]].norm(dim=-1)


@pytest.mark.parametrize("period", [14.0, 16.0, 22.5, 31.0])
def test_a_short_run_goes_on_at_its_speed_without_a_seam(period: float) -> None:
    clip = gait(90, period, ramp=15)
    made = sustained(clip, SCALE, 160, LAYOUT)
    assert made is not None and made.shape == (160, LAYOUT.n_features)
    assert float(speed(made).min()) >= 0.7 * 2.5 and float(speed(made).mean()) >= 0.9 * 2.5
    rotations = LAYOUT.groups["rotations"]
    assert float(made[:, rotations].diff(dim=0).norm(dim=-1).max()) <= 1.3 * float(clip[:, rotations].diff(dim=0).norm(dim=-1).max())


def test_what_is_repeated_comes_back_after_whole_periods() -> None:
    made = sustained(gait(80, 16.0), SCALE, 200, LAYOUT)
    assert made is not None
    again = [lag for lag in range(SHORTEST, LONGEST) if float((made[lag:] - made[:-lag]).abs().max()) < 0.5]
    assert again and all(lag % 16 in (15, 0, 1) for lag in again)


def test_a_curve_becomes_straight() -> None:
    made = sustained(gait(80, 16.0, yaw=0.7), SCALE, 160, LAYOUT)
    assert made is not None
    assert abs(float(made[:, LAYOUT.groups["yaw_velocity"]].sum())) / FPS < math.radians(5)


def test_a_pose_that_never_comes_back_cannot_be_sustained() -> None:
    drifting = gait(80, 16.0)
    drifting[:, LAYOUT.groups["rotations"]] = torch.linspace(0, 40, 80)[:, None]
    assert sustained(drifting, SCALE, 160, LAYOUT) is None


@pytest.mark.parametrize("count", [2, 12, 17])
def test_a_clip_shorter_than_a_step_cannot_be_sustained(count: int) -> None:
    assert sustained(gait(count, 16.0), SCALE, 160, LAYOUT) is None


def corpus_of(*cells: tuple[str, str, str, int]) -> Corpus:
    """Content, style, split and number of clips."""
    stretches: list[Stretch] = []
    for content, style, split, count in cells:
        for _ in range(count):
            spans = (Span(0, 80, (len(stretches),)),)
            stretches.append(Stretch(f"clip {len(stretches)}", "cmu", content, style, split, False, 80 * len(stretches), 80, spans))
    return Corpus(gait(80, 16.0).repeat(len(stretches), 1), tuple(stretches), tuple(f"sentence {n}" for n in range(len(stretches))))


def test_gaits_of_the_training_are_sustained_with_their_sentences_and_nothing_else_changes() -> None:
    corpus = corpus_of(("run", "", "train", 1), ("run", "", "test", 1), ("kick", "", "train", 1), ("walk slow", "sad", "train", CLIPS + 3))
    longer = with_steady_gaits(corpus, lambda *_: None)
    assert longer.stretches[: len(corpus.stretches)] == corpus.stretches and longer.sentences == corpus.sentences
    assert torch.equal(longer.features[: len(corpus.features)], corpus.features)
    made = longer.stretches[len(corpus.stretches) :]
    assert [(each.content, each.style) for each in made] == [("run", "")] + [("walk slow", "sad")] * CLIPS
    assert all(each.pack == MIXED and each.split == "train" and each.count == FRAMES == each.spans[0].end for each in made)
    assert made[0].spans[0].sentences == (0,) and len({each.spans[0].sentences for each in made}) == len(made)
    assert made[-1].first + FRAMES == len(longer.features)
    assert torch.equal(longer.frames(made[-1]), longer.features[-FRAMES:])
