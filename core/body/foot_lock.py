"""Feet that stand, stand: what slides under a planted foot is taken out of the body's path and of the legs.

The contacts that the model predicts say when. First the whole body is moved so that planted feet keep their places on average, then
each leg is bent (two-bone inverse kinematics) so that each does; feet keep their directions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..contract import BodyMotion
from ..geometry.rotations import quaternion_from_matrix, sign_continuous
from .leg_bending import Leg, bend_leg, legs_of
from .motion_pose import MotionPose
from .time_series import path_of, runs, smoothed

PLANTED = 0.5  # contact from which a joint counts as standing
FASTEST_SLIDE = 0.8  # m/s; what moves faster is stepping, whatever the contact says
PATH_SMOOTHING = 2.0  # frames; the correction of the body's path must not shake it
FARTHEST = 0.12  # metres that a foot is moved at most


def lock_feet(motion: BodyMotion) -> BodyMotion:
    """The motion with planted feet at rest and above the floor (y = 0): its path and its legs are changed, nothing else."""
    if len(motion.translation) < 3:
        return motion
    pose = MotionPose.of(motion)
    legs = legs_of(pose.skeleton)
    standing = planted(pose.positions, torch.from_numpy(motion.contacts), legs, motion.fps)
    shift = _path_correction(pose.positions, standing, legs)
    positions = pose.positions + shift[:, None]
    changed = pose.local.clone()
    for leg, stands in zip(legs, standing, strict=True):
        goal = positions[:, leg.ankle] + _foot_correction(positions, stands, leg)
        bend_leg(changed, positions, pose.turned, leg, goal)
    joints = [joint for leg in legs for joint in leg.turning_joints]
    rotations = motion.rotations.copy()
    rotations[:, joints] = sign_continuous(quaternion_from_matrix(changed[:, joints])).float().numpy()
    return replace(motion, translation=(pose.translation + shift).float().numpy(), rotations=rotations)


def planted(positions: Tensor, contacts: Tensor, legs: list[Leg], fps: float) -> list[Tensor]:
    """(T, 2) a leg: whether ankle and foot stand. Gaps and blips of a single frame are closed and left out."""
    found = []
    for leg in legs:
        steps = positions[1:, leg.standing_joints][..., [0, 2]] - positions[:-1, leg.standing_joints][..., [0, 2]]
        slow = steps.norm(dim=-1) * fps < FASTEST_SLIDE
        slow = torch.cat((slow, slow[-1:]))
        standing = (contacts[:, list(leg.contacts)] > PLANTED) & slow
        around = torch.stack((torch.cat((standing[:1], standing[:-1])), standing, torch.cat((standing[1:], standing[-1:]))))
        found.append(around.sum(0) >= 2)
    return found


def _path_correction(positions: Tensor, standing: list[Tensor], legs: list[Leg]) -> Tensor:
    """Where the whole body should be moved (T, 3), level with the floor: against the mean slide of all that stands."""
    joints = [joint for leg in legs for joint in leg.standing_joints]
    together = torch.cat(standing, dim=-1)
    both = (together[1:] & together[:-1]).double()
    slide = ((positions[1:, joints] - positions[:-1, joints]) * both[..., None]).sum(1) / both.sum(-1, keepdim=True).clamp_min(1)
    back = smoothed(-slide * torch.tensor([1.0, 0.0, 1.0], dtype=slide.dtype), PATH_SMOOTHING)
    return path_of(back)


def _foot_correction(positions: Tensor, standing: Tensor, leg: Leg) -> Tensor:
    """Where a foot should be moved (T, 3) as a whole: kept in place while it stands, and never below the floor."""
    joints = positions[:, leg.standing_joints]
    path = standing_path(joints, standing)
    moved = torch.zeros_like(path)
    stands = standing.any(-1).numpy()
    for first, last in runs(stands):
        # Its mean place during the stance: the smallest correction that holds it
        moved[first:last] = path[first:last].mean(0) - path[first:last]
    below = leg.flat - joints[..., 1]
    settled = torch.where(standing, below, -torch.inf).amax(-1)
    moved[:, 1] = torch.where(torch.isfinite(settled), settled, 0.0)
    moved = bridged(moved, stands)
    moved[:, 1] = torch.maximum(moved[:, 1], below.amax(-1).clamp_min(0.0))
    return moved * (FARTHEST / moved.norm(dim=-1, keepdim=True).clamp_min(FARTHEST))


def standing_path(joints: Tensor, standing: Tensor) -> Tensor:
    """Where a foot slides to (T, 3) by the mean steps of those of its joints (T, N, 3) that are `standing` (T, N)."""
    both = (standing[1:] & standing[:-1]).double()
    slide = ((joints[1:] - joints[:-1]) * both[..., None]).sum(1) / both.sum(-1, keepdim=True).clamp_min(1)
    return path_of(slide)


def bridged(moved: Tensor, known: np.ndarray) -> Tensor:
    """Frames in between go over from one stance's correction to the next; before the first and after the last one it is held."""
    if not known.any():
        return torch.zeros_like(moved)
    frames, given = np.arange(len(known)), np.flatnonzero(known)
    columns = [np.interp(frames, given, moved[:, axis].numpy()[given]) for axis in range(3)]
    return torch.from_numpy(np.stack(columns, axis=-1))
