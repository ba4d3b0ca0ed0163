"""The bias by which attention weakens with distance in time (ALiBi)."""

from __future__ import annotations

import torch
from torch import Tensor


def alibi(n_heads: int, n: int, device: torch.device | None = None, period: int = 1) -> Tensor:
    """What is added to attention's logits: (n_heads, n, n), -slope * floor(|i - j| / period), the same in both directions.

    Press et al. 2022; with period 25, DEEPTalk's periodic form, in which frames of the same second weigh the same.
    """
    steps = torch.arange(n, device=device)
    distance = (steps[:, None] - steps).abs().div(period, rounding_mode="floor")
    return -torch.tensor(alibi_slopes(n_heads), device=device)[:, None, None] * distance


def alibi_slopes(n_heads: int) -> list[float]:
    """2^-1 to 2^-8 in equal ratios for a power of two; other numbers add every second slope of the next power."""
    whole = 1 << (n_heads.bit_length() - 1)
    between = _slopes(2 * whole)[::2]
    return _slopes(whole) + between[: n_heads - whole]


def _slopes(n_heads: int) -> list[float]:
    return [2.0 ** (-8.0 * (head + 1) / n_heads) for head in range(n_heads)]
