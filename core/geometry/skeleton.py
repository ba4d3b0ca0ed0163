"""The SMPL joint tree, our default rest skeleton, and forward kinematics.

Axes as at the door: metres, Y up, the body faces +Z, its left is +X; rest pose is the T-pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# First 22 joints of SMPL (Loper et al. 2015), in SMPL's order.
SMPL_22_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
SMPL_22_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


@dataclass(frozen=True)
class Skeleton:
    """A joint tree at rest. `parents[j] < j`, the root's parent is -1; `offsets`: (J, 3) metres in the parent's frame."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Tensor

    def index(self, name: str) -> int:
        return self.names.index(name)

    def rest_positions(self) -> Tensor:
        """Joint positions (J, 3) in the rest pose, root at the origin."""
        positions = [torch.zeros(3, dtype=self.offsets.dtype)]
        for joint in range(1, len(self.names)):
            positions.append(positions[self.parents[joint]] + self.offsets[joint])
        return torch.stack(positions)

    def standing_heights(self) -> Tensor:
        """Heights (J,) in metres of the joints above the floor under flat soles, which lies REST_SOLE from the pelvis in the rest pose."""
        return self.rest_positions()[:, 1] - REST_SOLE

    def mirror_order(self) -> list[int]:
        """Index list that swaps every left joint with its right twin."""
        swapped = [_other_side(name) for name in self.names]
        return [self.names.index(name) for name in swapped]

    def leg_length(self) -> float:
        """Thigh plus shin, mean of both sides, metres."""
        lengths = [self.offsets[self.index(f"{side}_{joint}")].norm() for side in ("left", "right") for joint in ("knee", "ankle")]
        return float(sum(lengths) / 2)


# Joint offsets of the default body (weights/default_body/card.md), metres, rounded to 10 micrometres.
_REST_OFFSETS = (
    (0.0, 0.0, 0.0), (0.10138, -0.07125, -0.00002), (-0.10138, -0.07125, -0.00002), (0.0, 0.10413, 0.00003),
    (0.00222, -0.39372, 0.02373), (-0.00222, -0.39372, 0.02373), (0.0, 0.11509, 0.00004),
    (-0.00222, -0.40691, -0.02373), (0.00222, -0.40691, -0.02373), (0.0, 0.06029, 0.00002),
    (0.01182, -0.04352, 0.12738), (-0.01182, -0.04352, 0.12738), (0.0, 0.19730, 0.00007),
    (0.06089, 0.13419, 0.01660), (-0.06089, 0.13419, 0.01660), (0.0, 0.10087, 0.03917),
    (0.11329, 0.00452, -0.00233), (-0.11329, 0.00452, -0.00233), (0.24215, 0.0, 0.0), (-0.24215, 0.0, 0.0),
    (0.23861, 0.0, 0.0), (-0.23861, 0.0, 0.0),
)  # fmt: skip
REST_SKELETON = Skeleton(SMPL_22_NAMES, SMPL_22_PARENTS, torch.tensor(_REST_OFFSETS, dtype=torch.float64))
REST_SOLE = -0.9410  # height of the soles relative to the pelvis while it stands in the rest pose, metres


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name[5:]
    return "left_" + name[6:] if name.startswith("right_") else name


def forward_kinematics(skeleton: Skeleton, rotations: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Joint positions (..., J, 3) and global rotations (..., J, 3, 3).

    rotations: (..., J, 3, 3) local to the parent joint, the root's is global; translation: (..., 3) root position in metres.
    """
    offsets = skeleton.offsets.to(rotations)
    turned = [rotations[..., 0, :, :]]
    positions = [translation]
    for joint, parent in enumerate(skeleton.parents):
        if parent < 0:
            continue
        positions.append(positions[parent] + turned[parent] @ offsets[joint])
        turned.append(turned[parent] @ rotations[..., joint, :, :])
    return torch.stack(positions, dim=-2), torch.stack(turned, dim=-3)
