"""A motion clip on the skeleton it was published with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...contract import UnderstudyError
from ...geometry.skeleton import Skeleton, forward_kinematics

FASTEST = 15.0 / 0.85  # leg lengths a second: 15 m/s of an adult


@dataclass(frozen=True)
class SourceSkeleton:
    """A capture skeleton and how it stands to SMPL.

    joints: the tree, offsets in metres (in file units where a file does not tell its unit).
    t_pose: (J, 3, 3) global rotation of each joint while the body stands in the SMPL rest pose.
    smpl_joints: 22 indices, the source joint that gives each SMPL-22 joint its rotation.
    """

    joints: Skeleton
    t_pose: Tensor
    smpl_joints: tuple[int, ...]


@dataclass(frozen=True)
class SourceClip:
    """rotations: (T, J, 3, 3) local; root_positions: (T, 3); frame_ok: (T,) False where the recording jumps."""

    name: str
    skeleton: SourceSkeleton
    rotations: Tensor
    root_positions: Tensor
    fps: float
    frame_ok: Tensor

    def forward_kinematics(self) -> tuple[Tensor, Tensor]:
        """Positions (T, J, 3) and global rotations (T, J, 3, 3) of the source joints."""
        return forward_kinematics(self.skeleton.joints, self.rotations, self.root_positions)


class MotionFileError(UnderstudyError):
    """A motion file that cannot be used, in words for the person who brought it."""


def frames_without_jumps(positions: Tensor, fps: float, leg_length: float) -> Tensor:
    """(T,) False on both sides of a step in which a joint of positions (T, J, 3) is faster than anybody moves.

    A T-pose before the motion is such a step too.
    """
    speed = (positions[1:] - positions[:-1]).norm(dim=-1).amax(-1) * fps / leg_length
    fine = speed <= FASTEST
    always = torch.ones(1, dtype=torch.bool)
    return torch.cat((always, fine)) & torch.cat((fine, always))
