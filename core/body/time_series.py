"""Values over time: runs of frames that have something in common, and the weights of a low-pass."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Longest stretches [first, last) of True in flags (T,), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def gaussian_kernel(sigma: float, dtype: torch.dtype, reach_sigmas: float = 3.0) -> Tensor:
    """Weights (2 r + 1,) with the sum 1, for r frames on either side; r is the whole part of reach_sigmas * sigma frames."""
    radius = int(reach_sigmas * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=dtype) / sigma) ** 2)
    return kernel / kernel.sum()
