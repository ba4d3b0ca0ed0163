"""Where a motion's joints are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..contract import BodyMotion
from ..geometry.rotations import matrix_from_quaternion
from ..geometry.skeleton import Skeleton, forward_kinematics


@dataclass(frozen=True)
class MotionPose:
    """float64. translation: (T, 3) metres; local, turned: (T, J, 3, 3) rotations to the parent and to the world; positions: (T, J, 3)."""

    skeleton: Skeleton
    translation: Tensor
    local: Tensor
    positions: Tensor
    turned: Tensor

    @classmethod
    def of(cls, motion: BodyMotion) -> MotionPose:
        """On the motion's own skeleton."""
        skeleton = Skeleton(motion.joint_names, motion.parents, torch.from_numpy(motion.offsets.astype(np.float64)))
        translation = torch.from_numpy(motion.translation.astype(np.float64))
        local = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
        return cls(skeleton, translation, local, *forward_kinematics(skeleton, local, translation))
