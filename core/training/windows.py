"""Random windows of motion for training, rare contents more often than their share of the recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ..body.motion_tokens import FRAMES_PER_TOKEN
from .corpus import Corpus, Span, Stretch

T = TypeVar("T")

# For balanced_weights. Motion alone: every movement is to be seen, but the usual ones more often. With sentences nearer to all contents
# alike, and to all manners of a content: what few clips show must be told from the rest by its words
MOTION_BALANCE, TEXT_BALANCE = (0.5, 1.0), (0.25, 0.2)


def balanced_weights(stretches: list[Stretch], balance: tuple[float, float]) -> Tensor:
    """Probability (N,) of drawing each stretch: in one style of a content by frames.

    balance: between contents by frames ** balance[0], between the styles of a content by frames ** balance[1]; 1 as recorded, 0 all alike.
    """
    of_contents, of_styles = balance
    cells: Counter[tuple[str, str]] = Counter()
    for stretch in stretches:
        cells[stretch.content, stretch.style] += stretch.count
    totals: Counter[str] = Counter()
    shares: Counter[str] = Counter()
    for (content, _), frames in cells.items():
        totals[content] += frames
        shares[content] += frames**of_styles
    a_frame = {
        (content, style): totals[content] ** of_contents * frames**of_styles / shares[content] / frames
        for (content, style), frames in cells.items()
    }
    weights = torch.tensor([stretch.count * a_frame[stretch.content, stretch.style] for stretch in stretches], dtype=torch.float64)
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
