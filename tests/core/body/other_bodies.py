"""Bodies with other bones than the default body, and motions of them whose feet stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from understudy.core.contract import BodyMotion
from understudy.core.geometry.rotations import matrix_about_axis, matrix_from_quaternion, quaternion_from_matrix, sign_continuous
from understudy.core.geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, SMPL_22_PARENTS, Skeleton, forward_kinematics

FOOT_SLOPE = 0.08  # radians by which the foot of the other body rests steeper


def _changed(names: str, scale: tuple[float, float, float]) -> dict[int, Tensor]:
    return {
        SMPL_22_NAMES.index(name): REST_SKELETON.offsets[SMPL_22_NAMES.index(name)] * torch.tensor(scale).double() for name in names.split()
    }


def other_body() -> Skeleton:
    """Longer thighs, shorter shins, wider and lower hips, a longer spine, and longer feet that slope more."""
    offsets = REST_SKELETON.offsets.clone()
    changed = (
        _changed("left_hip right_hip", (1.1, 1.3, 1.0))
        | _changed("left_knee right_knee", (1.08, 1.08, 1.08))
        | _changed("left_ankle right_ankle", (0.97, 0.97, 0.97))
        | _changed("spine1 spine2 spine3 neck", (1.15, 1.15, 1.15))
        | _changed("left_foot right_foot", (1.1, 1.1, 1.1))
    )
    offsets[list(changed)] = torch.stack(list(changed.values()))
    feet = [SMPL_22_NAMES.index(f"{side}_foot") for side in ("left", "right")]
    offsets[feet] = offsets[feet] @ matrix_about_axis("X", torch.tensor(FOOT_SLOPE).double()).T
    return replace(REST_SKELETON, offsets=offsets)


def body_motion(rotations: Tensor, translation: Tensor, fps: float, body: Skeleton = REST_SKELETON) -> BodyMotion:
    """Local rotations (T, 22, 3, 3) as a motion without contacts."""
    return BodyMotion(
        translation=translation.float().numpy(),
        rotations=sign_continuous(quaternion_from_matrix(rotations)).float().numpy(),
        contacts=np.zeros((len(rotations), 4), np.float32),
        joint_names=SMPL_22_NAMES,
        parents=SMPL_22_PARENTS,
        offsets=body.offsets.float().numpy(),
        fps=fps,
    )


def positions_of(motion: BodyMotion) -> Tensor:
    """Joints (T, 22, 3) in metres on the motion's own bones."""
    body = Skeleton(motion.joint_names, motion.parents, torch.from_numpy(motion.offsets.astype(np.float64)))
    rotations = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
    return forward_kinematics(body, rotations, torch.from_numpy(motion.translation.astype(np.float64)))[0]


def resting(frames: int) -> Tensor:
    """Local rotations (T, 22, 3, 3) of the rest pose."""
    return torch.eye(3, dtype=torch.float64).expand(frames, 22, 3, 3).clone()


def squatting(frames: int = 60) -> Tensor:
    """Local rotations (T, 22, 3, 3): knees bend to 100 degrees and stretch again, soles keep their slope."""
    bend = torch.deg2rad(50.0 * (1 - torch.cos(torch.arange(frames).double() / 8)))
    pose = resting(frames)
    for side in ("left", "right"):
        for joint, share in (("hip", -0.5), ("knee", 1.0), ("ankle", -0.5)):
            pose[:, SMPL_22_NAMES.index(f"{side}_{joint}")] = matrix_about_axis("X", share * bend)
    return pose


def on_its_feet(pose: Tensor, body: Skeleton) -> Tensor:
    """Root translation (T, 3) that holds the ball of the left foot at the origin."""
    placed, _ = forward_kinematics(body, pose, torch.zeros(len(pose), 3).double())
    return -placed[:, SMPL_22_NAMES.index("left_foot")]
