"""Two clips as one: "walks, then waves" is learnt from pairs joined where their poses match.

Features are relative to the heading, so positions and directions join by themselves; only the pose has to be blended.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLEND_FRAMES = 8  # 0.4 s
_CANDIDATES = 8  # cuts tried in each clip
_SHARE = 0.25  # of a clip may be cut away at the joint


def stitch(first: Tensor, second: Tensor, scale: Tensor) -> tuple[Tensor, int]:
    """Features (T, D) of `first` going over into `second`, and the frame at which the second begins to lead.

    scale: (D,) what counts as a difference of one between two poses.
    """
    end, start = _best_cut(first, second, scale)
    return joined(first[:end], second[start:]), end - BLEND_FRAMES // 2


def joined(head: Tensor, tail: Tensor) -> Tensor:
    """Features (T, D) of `head` whose last BLEND_FRAMES go over into the first of `tail`."""
    weight = torch.linspace(0, 1, BLEND_FRAMES + 2)[1:-1, None]
    blend = (1 - weight) * head[-BLEND_FRAMES:] + weight * tail[:BLEND_FRAMES]
    return torch.cat((head[:-BLEND_FRAMES], blend, tail[BLEND_FRAMES:]))


def _best_cut(first: Tensor, second: Tensor, scale: Tensor) -> tuple[int, int]:
    """The pair of cuts whose blended frames differ least."""
    ends = _spread(len(first) - int(_SHARE * len(first)), len(first)).clamp_min(BLEND_FRAMES)
    starts = _spread(0, int(_SHARE * len(second))).clamp_max(len(second) - BLEND_FRAMES)
    before = torch.stack([first[end - BLEND_FRAMES : end] for end in ends.tolist()]) / scale
    after = torch.stack([second[start : start + BLEND_FRAMES] for start in starts.tolist()]) / scale
    best = int(torch.cdist(before.flatten(1), after.flatten(1)).argmin())
    return int(ends[best // len(starts)]), int(starts[best % len(starts)])


def _spread(low: int, high: int) -> Tensor:
    return torch.linspace(low, high, _CANDIDATES).round().long().unique()
