"""Random windows: balanced between contents, never across two stretches, and short ones where all clips are short."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from understudy.core.contract import BadRequest
from understudy.core.training.corpus import Corpus, Span, Stretch
from understudy.core.training.windows import MOTION_BALANCE, Balance, WindowSampler, balanced_weights


def made(*stretches: tuple[str, int, str]) -> Corpus:
    """Stretches of (content, frames, split); each feature row tells its stretch and its frame."""
    rows, members, first = [], [], 0
    for number, (content, count, split) in enumerate(stretches):
        members.append(Stretch(f"clip{number}", "own", content, "", split, False, first, count, (Span(0, count, (0,)),)))
        rows.append(torch.stack((torch.full((count,), float(number)), torch.arange(count).float()), dim=-1))
        first += count
    return Corpus(torch.cat(rows), tuple(members), ("walks",))


def test_a_content_is_drawn_by_the_root_of_its_frames_and_a_clip_by_its_own() -> None:
    corpus = made(("walk", 300, "train"), ("walk", 100, "train"), ("jump", 100, "train"))
    weights = balanced_weights(list(corpus.stretches), MOTION_BALANCE)
    walk, jump = (frames**MOTION_BALANCE.contents for frames in (400, 100))
    expected = torch.tensor([walk * 300 / 400, walk * 100 / 400, jump], dtype=torch.float64) / (walk + jump)
    assert torch.allclose(weights, expected)
    assert float(weights.sum()) == pytest.approx(1)


def test_a_rare_style_of_a_content_is_drawn_more_often_than_recorded_and_the_content_is_not() -> None:
    walk, jump = (made((content, frames, "train")).stretches[0] for content, frames in (("walk", 300), ("jump", 100)))
    angry, old = (replace(walk, count=frames, style=style) for frames, style in ((25, "angry"), (75, "old")))
    weights = balanced_weights([walk, angry, old, jump], Balance(1.0, 0.5))
    assert float(weights[3]) == pytest.approx(100 / 500)
    roots = torch.tensor([300.0, 25.0, 75.0], dtype=torch.float64).sqrt()
    assert torch.allclose(weights[:3], roots / roots.sum() * 400 / 500)
    recorded = balanced_weights([walk, angry, old, jump], Balance(1.0, 1.0))
    assert torch.allclose(recorded, torch.tensor([300, 25, 75, 100], dtype=torch.float64) / 500)


@pytest.mark.parametrize("neutral", ["normal", ""])
def test_a_neutral_style_can_be_drawn_more_often_than_its_frames_say_at_the_cost_of_the_others_of_its_content(neutral: str) -> None:
    walk, jump = (made((content, frames, "train")).stretches[0] for content, frames in (("walk", 100), ("jump", 100)))
    walks = [replace(walk, style=style) for style in (neutral, "angry", "sad")]
    weights = balanced_weights([*walks, jump], Balance(1.0, 0.2, 3.0))
    assert torch.allclose(weights, torch.tensor([3 / 5 * 0.75, 0.75 / 5, 0.75 / 5, 0.25], dtype=torch.float64))


def test_stretches_are_drawn_by_these_weights() -> None:
    corpus = made(("walk", 300, "train"), ("walk", 100, "train"), ("jump", 100, "train"))
    drawn = WindowSampler(corpus, "train", 32).sample(6000, torch.Generator().manual_seed(0))[:, 0, 0]
    shares = torch.bincount(drawn.long()).double() / 6000
    assert torch.allclose(shares, balanced_weights(list(corpus.stretches), MOTION_BALANCE), atol=0.03)


def test_a_window_lies_in_one_stretch_and_every_place_is_reached() -> None:
    corpus = made(("walk", 40, "train"), ("jump", 33, "train"), ("run", 32, "train"))
    windows = WindowSampler(corpus, "train", 32).sample(2000, torch.Generator().manual_seed(0))
    assert windows.shape == (2000, 32, 2)
    assert bool((windows[:, :, 0] == windows[:, :1, 0]).all())
    assert bool((windows[:, 1:, 1] - windows[:, :-1, 1] == 1).all())
    starts = Counter((int(window[0, 0]), int(window[0, 1])) for window in windows)
    assert set(starts) == {(0, start) for start in range(9)} | {(1, 0), (1, 1), (2, 0)}


def test_stretches_that_are_too_short_or_of_another_split_are_not_drawn() -> None:
    corpus = made(("walk", 64, "train"), ("jump", 63, "train"), ("run", 90, "test"), ("bow", 70, "validation"))
    for split, expected in (("train", {0}), ("validation", {3}), ("test", {2})):
        drawn = WindowSampler(corpus, split, 64).sample(100, torch.Generator().manual_seed(0))
        assert set(drawn[..., 0].flatten().tolist()) == expected


@pytest.mark.parametrize(("longest", "expected"), [(64, 64), (63, 60), (40, 40), (23, 20), (20, 20)])
def test_where_all_clips_are_short_windows_are_whole_tokens_of_the_longest(longest: int, expected: int) -> None:
    sampler = WindowSampler(made(("walk", longest, "train"), ("jump", 20, "train")), "train", 64)
    assert sampler.frames == expected
    assert sampler.sample(5, torch.Generator().manual_seed(0)).shape == (5, expected, 2)


def test_without_held_out_motion_the_training_motion_is_validated_on() -> None:
    for corpus in (made(("walk", 80, "train")), made(("walk", 80, "train"), ("jump", 30, "validation"))):
        assert set(WindowSampler(corpus, "validation", 64).sample(9, torch.Generator()).flatten(0, 1)[:, 0].tolist()) == {0}


def test_a_corpus_without_training_motion_is_told() -> None:
    with pytest.raises(BadRequest, match="no motion that this network can be trained on"):
        WindowSampler(made(("walk", 80, "test")), "train", 64)


def test_the_same_generator_draws_the_same_windows() -> None:
    sampler = WindowSampler(made(("walk", 300, "train"), ("jump", 100, "train")), "train", 32)
    first, again, other = (sampler.sample(8, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
