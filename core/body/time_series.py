"""Values over time: runs of frames that have something in common, low-passes, and where steps lead."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Longest stretches [first, last) of True in flags (T,), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def gaussian_kernel(sigma: float, dtype: torch.dtype, reach_sigmas: float = 3.0) -> Tensor:
    """Weights (2 r + 1,) with the sum 1, for r frames on either side; r is the whole part of reach_sigmas * sigma frames."""
    radius = int(reach_sigmas * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=dtype) / sigma) ** 2)
    return kernel / kernel.sum()


def smoothed(values: Tensor, sigma: float, reach_sigmas: float = 3.0) -> Tensor:
    """(T, C) low-passed in time by a Gaussian of sigma frames, the ends held."""
    kernel = gaussian_kernel(sigma, values.dtype, reach_sigmas).to(values.device)
    radius = len(kernel) // 2
    held = torch.cat((values[:1].expand(radius, -1), values, values[-1:].expand(radius, -1)))
    return F.conv1d(held.T[:, None], kernel[None, None])[:, 0].T


def path_of(steps: Tensor) -> Tensor:
    """Where steps (..., T - 1, C) lead from zero: (..., T, C)."""
    return F.pad(steps.cumsum(-2), (0, 0, 1, 0))


def eased(share: Tensor) -> Tensor:
    """0 up to 0, 1 from 1 on, and in between a rise that begins and ends level."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)
