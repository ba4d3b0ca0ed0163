"""Values over time that some frames do not show: filled from the frames before and after that do.

Time is the first dimension; a frame counts as known where its flag is True. A gap is crossed evenly, and beyond the first and
the last known frame their values are held, so that time read backwards gives the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .rotations import matrix_from_quaternion, quaternion_from_matrix, wrap_angle


class KnownNeighbours(NamedTuple):
    """For every frame the known ones around it; both are the frame itself where it is known.

    before, after: (T, ...) indices. share: (T, ...) 0 at the frame before .. 1 at the frame after.
    """

    before: Tensor
    after: Tensor
    share: Tensor


def known_neighbours(known: Tensor) -> KnownNeighbours:
    """`known` (T, ...) bool. Without a known frame in a column its frames count as known."""
    known = known | ~known.any(0)
    count = len(known)
    frames = torch.arange(count).reshape(-1, *[1] * (known.ndim - 1)).expand(known.shape)
    before = torch.where(known, frames, -1).cummax(0).values
    after = torch.where(known, frames, count).flip(0).cummin(0).values.flip(0)
    before, after = torch.where(before < 0, after, before), torch.where(after == count, before, after)
    gap = (after - before).double()
    return KnownNeighbours(before, after, torch.where(gap > 0, (frames - before) / gap.clamp_min(1), 0.0))


def filled_angles(angles: Tensor, known: Tensor) -> Tensor:
    """Radians (T, ...), taken the shorter way round across each gap of `known` (T, ...)."""
    before, after, share = known_neighbours(known)
    start = angles.gather(0, before)
    return start + share * wrap_angle(angles.gather(0, after) - start)


def filled_directions(vectors: Tensor, known: Tensor) -> Tensor:
    """Unit vectors (T, ..., 3) along `vectors`, mixed from both neighbours across each gap of `known` (T, ...)."""
    unit = F.normalize(vectors, dim=-1)
    if bool(known.all()):
        return unit
    before, after, share = known_neighbours(known)
    start, end = (unit.gather(0, at[..., None].expand(unit.shape)) for at in (before, after))
    return F.normalize(torch.lerp(start, end, share[..., None]), dim=-1)


def filled_rotations(rotations: Tensor, known: Tensor) -> Tensor:
    """Rotations (T, 3, 3), turned the shorter way across each gap of `known` (T,)."""
    before, after, share = known_neighbours(known)
    q = quaternion_from_matrix(rotations)
    start, end = q[before], q[after]
    end = torch.where((start * end).sum(-1, keepdim=True) < 0, -end, end)
    return matrix_from_quaternion(F.normalize(torch.lerp(start, end, share[:, None]), dim=-1))
