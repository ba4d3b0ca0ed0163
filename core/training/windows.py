"""Random windows of motion for training, rare contents more often than their share of the recordings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from ..body.motion_tokens import FRAMES_PER_TOKEN
from .corpus import Corpus, Span, Stretch
from .manners import is_neutral

T = TypeVar("T")

@dataclass(frozen=True)
class Balance:
    """Contents are drawn by frames ** contents, the styles of one by frames ** styles: 1 as recorded, 0 all alike.

    neutral: how many times as often as by that what is in no particular manner is drawn, as most prompts name none.
    """

    contents: float
    styles: float
    neutral: float = 1.0


# Motion alone: every movement is to be seen, but the usual ones more often. With sentences nearer to all contents alike, and to all manners
# of a content: what few clips show must be told from the rest by its words
MOTION_BALANCE, TEXT_BALANCE = Balance(0.5, 1.0), Balance(0.25, 0.2, 3.0)


def balanced_weights(stretches: list[Stretch], balance: Balance) -> Tensor:
    """Probability (N,) of drawing each stretch: in one style of a content by frames."""
    cells: Counter[tuple[str, str]] = Counter()
    for stretch in stretches:
        cells[stretch.content, stretch.style] += stretch.count
    drawn = {(stretch.content, stretch.style): balance.neutral if is_neutral(stretch) else 1.0 for stretch in stretches}
    totals: dict[str, float] = defaultdict(float)
    shares: dict[str, float] = defaultdict(float)
    for cell, frames in cells.items():
        drawn[cell] *= frames**balance.styles
        totals[cell[0]] += frames
        shares[cell[0]] += drawn[cell]
    a_frame = {cell: totals[cell[0]] ** balance.contents * drawn[cell] / shares[cell[0]] / frames for cell, frames in cells.items()}
    weights = torch.tensor([stretch.count * a_frame[(stretch.content, stretch.style)] for stretch in stretches], dtype=torch.float64)
    return weights / weights.sum()


def picked(items: Sequence[T], generator: torch.Generator) -> T:
    """One of them, all alike."""
    return items[int(torch.randint(len(items), (), generator=generator))]


def drawn_window(stretch: Stretch, span: Span, longest: int, generator: torch.Generator) -> slice:
    """Rows of the corpus' features: up to `longest` frames of a span, from anywhere in it."""
    length = min(span.end - span.start, longest)
    start = stretch.first + span.start + int(torch.randint(span.end - span.start - length + 1, (), generator=generator))
    return slice(start, start + length)


class WindowSampler:
    """Windows of `frames` frames out of the stretches of one split that are long enough; shorter ones where none is."""

    def __init__(self, corpus: Corpus, split: str, frames: int) -> None:
        longest = max(stretch.count for stretch in corpus.usable("train", lambda stretch: stretch.is_recorded))
        self.frames = min(frames, longest // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN)
        self._stretches = corpus.usable(split, lambda stretch: stretch.is_recorded and stretch.count >= self.frames)
        self._weights = balanced_weights(self._stretches, MOTION_BALANCE)
        self._features = corpus.features

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, frames, D), not normalised."""
        chosen = torch.multinomial(self._weights, count, replacement=True, generator=generator)
        places = torch.rand(count, generator=generator)
        windows = []
        for index, place in zip(chosen.tolist(), places.tolist(), strict=True):
            stretch = self._stretches[index]
            start = stretch.first + int(place * (stretch.count - self.frames + 1))
            windows.append(self._features[start : start + self.frames])
        return torch.stack(windows)
