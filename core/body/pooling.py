"""One vector for a sequence of vectors."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_and_highest(hidden: Tensor, pad: Tensor) -> Tensor:
    """Mean and highest of what is not padding: (B, n, C) and (B, n) to (B, 2 C); zero for a row that is all padding."""
    inside = (~pad)[..., None].to(hidden)
    mean = (hidden * inside).sum(1) / inside.sum(1).clamp_min(1)
    highest = hidden.masked_fill(pad[..., None], -1e4).amax(1) * inside.amax(1)
    return torch.cat((mean, highest), dim=-1)
