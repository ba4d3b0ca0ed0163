"""Where in a sequence a vector stands, as sines and cosines: for bodies and faces alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LONGEST_WAVE = 10_000.0


def sinusoids(n: int, width: int) -> Tensor:
    """(n, width): sines in even and cosines in odd columns, position 0 first (Vaswani et al. 2017). width is even."""
    angles = torch.arange(n)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(_LONGEST_WAVE) / width))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
