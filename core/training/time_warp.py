"""The same movement a little faster or slower: more motion out of few recordings."""

from __future__ import annotations

import torch
from torch import Tensor

from ..body.features import Layout

SLOWEST, FASTEST = 0.85, 1.2
SHARE = 0.5  # of the examples are warped


def time_warped(frames: Tensor, rate: float, layout: Layout) -> Tensor:
    """Raw features (T, D) played `rate` times as fast: about T / rate rows, between two rows a mean of both, and faster velocities."""
    count = max(2, int((len(frames) - 1) / rate) + 1)
    places = torch.arange(count) * rate
    before = places.long().clamp_max(len(frames) - 2)
    weight = (places - before)[:, None].to(frames)
    warped = torch.lerp(frames[before], frames[before + 1], weight)
    warped[:, layout.root_velocities] *= rate
    return warped


def drawn_rate(generator: torch.Generator) -> float:
    """1 for some, a random rate for the others."""
    dice = torch.rand(2, generator=generator)
    return 1.0 if dice[0] > SHARE else SLOWEST * (FASTEST / SLOWEST) ** float(dice[1])
