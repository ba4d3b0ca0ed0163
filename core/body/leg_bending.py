"""Two-bone inverse kinematics of a leg: hip, knee and ankle turn so that the ankle is at a goal and the foot keeps its direction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.rotations import angle_about, matrix_from_rotation_vector, shortest_arc
from ..geometry.skeleton import Skeleton

LONGEST_REACH = 0.999  # of thigh and shin together: a knee is never quite straight


@dataclass(frozen=True)
class Leg:
    """Joint indices; contacts: columns of ankle and foot; flat: heights of ankle and foot joint while the sole lies flat."""

    hip: int
    knee: int
    ankle: int
    foot: int
    contacts: tuple[int, int]
    flat: Tensor

    @property
    def turning_joints(self) -> list[int]:
        return [self.hip, self.knee, self.ankle]

    @property
    def standing_joints(self) -> list[int]:
        return [self.ankle, self.foot]


def legs_of(skeleton: Skeleton) -> list[Leg]:
    """The left leg, then the right one."""
    heights = skeleton.standing_heights()
    legs = []
    for number, side in enumerate(("left", "right")):
        hip, knee, ankle, foot = (skeleton.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot"))
        legs.append(Leg(hip, knee, ankle, foot, (2 * number, 2 * number + 1), heights[[ankle, foot]].double()))
    return legs


def bend_leg(local: Tensor, positions: Tensor, turned: Tensor, leg: Leg, goal: Tensor) -> None:
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
