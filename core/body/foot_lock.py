"""Feet that stand, stand: what slides under a planted foot is taken out of the body's path and of the legs.

The contacts that the model predicts say when. First the whole body is moved so that planted feet keep their places on average, then
each leg is bent (two-bone inverse kinematics) so that each does; feet keep their directions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..contract import BodyMotion
from ..geometry.rotations import (
    angle_about,
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
    shortest_arc,
    sign_continuous,
)
from ..geometry.skeleton import Skeleton, forward_kinematics
from .time_series import path_of, runs, smoothed

PLANTED = 0.5  # contact from which a joint counts as standing
FASTEST_SLIDE = 0.8  # m/s; what moves faster is stepping, whatever the contact says
PATH_SMOOTHING = 2.0  # frames; the correction of the body's path must not shake it
FARTHEST = 0.12  # metres that a foot is moved at most
LONGEST_REACH = 0.999  # of thigh and shin together: a knee is never quite straight


@dataclass(frozen=True)
class _Leg:
    """Joint indices; contacts: columns of ankle and foot; flat: heights of ankle and foot joint while the sole lies flat."""

    hip: int
    knee: int
    ankle: int
    foot: int
    contacts: tuple[int, int]
    flat: Tensor

    @property
    def standing_joints(self) -> list[int]:
        return [self.ankle, self.foot]


def lock_feet(motion: BodyMotion) -> BodyMotion:
    """The motion with planted feet at rest and above the floor (y = 0): its path and its legs are changed, nothing else."""
    if len(motion.translation) < 3:
        return motion
    skeleton = Skeleton(motion.joint_names, motion.parents, torch.from_numpy(motion.offsets.astype(np.float64)))
    translation = torch.from_numpy(motion.translation.astype(np.float64))
    local = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
    legs = _legs(skeleton)
    positions, turned = forward_kinematics(skeleton, local, translation)
    planted = _planted(positions, torch.from_numpy(motion.contacts), legs, motion.fps)
    shift = _path_correction(positions, planted, legs)
    positions = positions + shift[:, None]
    changed = local.clone()
    for leg, standing in zip(legs, planted, strict=True):
        goal = positions[:, leg.ankle] + _foot_correction(positions, standing, leg)
        _bend(changed, positions, turned, leg, goal)
    joints = [joint for leg in legs for joint in (leg.hip, leg.knee, leg.ankle)]
    rotations = motion.rotations.copy()
    rotations[:, joints] = sign_continuous(quaternion_from_matrix(changed[:, joints])).float().numpy()
    return replace(motion, translation=(translation + shift).float().numpy(), rotations=rotations)


def _legs(skeleton: Skeleton) -> list[_Leg]:
    heights = skeleton.standing_heights()
    legs = []
    for number, side in enumerate(("left", "right")):
        hip, knee, ankle, foot = (skeleton.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot"))
        legs.append(_Leg(hip, knee, ankle, foot, (2 * number, 2 * number + 1), heights[[ankle, foot]].double()))
    return legs


def _planted(positions: Tensor, contacts: Tensor, legs: list[_Leg], fps: float) -> list[Tensor]:
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


def _path_correction(positions: Tensor, planted: list[Tensor], legs: list[_Leg]) -> Tensor:
    """Where the whole body should be moved (T, 3), level with the floor: against the mean slide of all that stands."""
    joints = [joint for leg in legs for joint in leg.standing_joints]
    standing = torch.cat(planted, dim=-1)
    both = (standing[1:] & standing[:-1]).double()
    slide = ((positions[1:, joints] - positions[:-1, joints]) * both[..., None]).sum(1) / both.sum(-1, keepdim=True).clamp_min(1)
    back = smoothed(-slide * torch.tensor([1.0, 0.0, 1.0], dtype=slide.dtype), PATH_SMOOTHING)
    return path_of(back)


def _foot_correction(positions: Tensor, standing: Tensor, leg: _Leg) -> Tensor:
    """Where a foot should be moved (T, 3) as a whole: kept in place while it stands, and never below the floor."""
    joints = positions[:, leg.standing_joints]
    both = (standing[1:] & standing[:-1]).double()
    slide = ((joints[1:] - joints[:-1]) * both[..., None]).sum(1) / both.sum(-1, keepdim=True).clamp_min(1)
    path = path_of(slide)
    moved = torch.zeros_like(path)
    stands = standing.any(-1).numpy()
    for first, last in runs(stands):
        # Its mean place during the stance: the smallest correction that holds it
        moved[first:last] = path[first:last].mean(0) - path[first:last]
    below = leg.flat - joints[..., 1]
    settled = torch.where(standing, below, -torch.inf).amax(-1)
    moved[:, 1] = torch.where(torch.isfinite(settled), settled, 0.0)
    moved = _bridged(moved, stands)
    moved[:, 1] = torch.maximum(moved[:, 1], below.amax(-1).clamp_min(0.0))
    return moved * (FARTHEST / moved.norm(dim=-1, keepdim=True).clamp_min(FARTHEST))


def _bridged(moved: Tensor, known: np.ndarray) -> Tensor:
    """Frames in between go over from one stance's correction to the next; before the first and after the last one it is held."""
    if not known.any():
        return torch.zeros_like(moved)
    frames, given = np.arange(len(known)), np.flatnonzero(known)
    columns = [np.interp(frames, given, moved[:, axis].numpy()[given]) for axis in range(3)]
    return torch.from_numpy(np.stack(columns, axis=-1))


def _bend(local: Tensor, positions: Tensor, turned: Tensor, leg: _Leg, goal: Tensor) -> None:
    """Turns hip, knee and ankle in `local` (T, J, 3, 3) so that the ankle is at `goal` (T, 3) and the foot keeps its direction."""
    hip, thigh = positions[:, leg.hip], positions[:, leg.knee] - positions[:, leg.hip]
    shin = positions[:, leg.ankle] - positions[:, leg.knee]
    upper, lower = thigh.norm(dim=-1), shin.norm(dim=-1)
    reach = (goal - hip).norm(dim=-1)
    reach = torch.minimum(torch.maximum(reach, (upper - lower).abs() + 1e-6), LONGEST_REACH * (upper + lower))
    reach = torch.maximum(reach, torch.minimum((positions[:, leg.ankle] - hip).norm(dim=-1), (goal - hip).norm(dim=-1)))
    axis = _hinge(thigh, shin, turned[:, leg.hip])
    bent = angle_about(axis, thigh, shin)
    wanted = torch.arccos(((reach.square() - upper.square() - lower.square()) / (2 * upper * lower)).clamp(-1, 1))
    knee_turn = matrix_from_rotation_vector(axis * (wanted - bent)[:, None])
    ankle = thigh + torch.einsum("tij,tj->ti", knee_turn, shin)
    swing = shortest_arc(ankle, goal - hip)
    hip_turned = swing @ turned[:, leg.hip]
    knee_turned = swing @ knee_turn @ turned[:, leg.knee]
    parent = turned[:, leg.hip] @ local[:, leg.hip].transpose(-1, -2)
    local[:, leg.hip] = parent.transpose(-1, -2) @ hip_turned
    local[:, leg.knee] = hip_turned.transpose(-1, -2) @ knee_turned
    local[:, leg.ankle] = knee_turned.transpose(-1, -2) @ turned[:, leg.ankle]


def _hinge(thigh: Tensor, shin: Tensor, hip_turned: Tensor) -> Tensor:
    """Unit axes (T, 3) that the knee bends about; of a straight leg the thigh's own axis to the left."""
    across = torch.linalg.cross(thigh, shin)
    lateral = hip_turned[..., 0]
    clear = across.norm(dim=-1, keepdim=True) > 0.02 * (thigh.norm(dim=-1) * shin.norm(dim=-1))[:, None]
    level = lateral - (lateral * thigh).sum(-1, keepdim=True) * thigh / thigh.square().sum(-1, keepdim=True)
    axis = torch.where(clear, across, level)
    return axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-9)
