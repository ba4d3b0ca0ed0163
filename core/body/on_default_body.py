"""Motion of a body with other bones, brought to the default body: the feet stand where they stood, soles on the floor.

Local rotations alone would not do: thigh and shin share a leg's length differently, and the bone in the foot rests at another slope,
so that feet would drift by centimetres under a bending knee, and soles would tilt. Ways are scaled by the ratio of the legs, hips
follow the source's, and legs are bent so that the balls of the feet are where the source has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.rotations import matrix_about_axis, matrix_from_quaternion, quaternion_from_matrix, sign_continuous
from ..geometry.skeleton import REST_SKELETON, Skeleton, forward_kinematics
from .features import CONTACT_SPEED
from .leg_bending import Leg, bend_leg, legs_of

LARGEST_SCALE = 3.0  # legs of a quarter of a metre; what is shorter is a model's mistake
LARGEST_LEVELLING = 0.2  # radians: rests differ by some 5 degrees, and who stands on tiptoe all the time is not to be put flat
LEAST_STANCE = 3  # frames of either foot that tell how a sole lies
HIGHEST_STANCE = 0.05  # metres of the ball of a foot above the source's floor, its lowest joint of all frames
UPRIGHT_SHIN = 0.5  # height of the knee over the ankle in lengths of the shin: nobody crawls or lies on soles
STANCE_BAND = 0.02  # metres that a standing ankle is above the lowest fifth of the resting ones
_HIPS = [REST_SKELETON.index(f"{side}_hip") for side in ("left", "right")]


@dataclass(frozen=True)
class _Standing:
    """A leg, the frames (S,) in which its sole lies on the floor, and where its joints are in these, (S, 22, 3)."""

    leg: Leg
    frames: Tensor
    joints: Tensor


def on_default_body(joints: Tensor, rotations: Tensor, own: Skeleton, fps: float) -> tuple[Tensor, Tensor]:
    """Root translation (T, 3) in metres and local rotations (T, 22, 4) wxyz, sign-continuous, on `REST_SKELETON`.

    joints: (T, 22, 3) metres above the source's floor, float64. rotations: (T, 22, 4) local, which have them on its skeleton `own`.
    """
    goal = joints * leg_ratio(own)
    local = matrix_from_quaternion(rotations.double())
    standing = [_standing(goal, leg, fps) for leg in legs_of(REST_SKELETON)]
    for leg, levelled in zip(legs_of(REST_SKELETON), _levelled_ankles(local, standing), strict=True):
        local[:, leg.ankle] = levelled
    positions, turned = forward_kinematics(REST_SKELETON, local, torch.zeros_like(goal[:, 0]))
    ankles = _ankle_goals(goal, turned, standing)
    translation = goal[:, _HIPS].mean(1) - positions[:, _HIPS].mean(1)
    translation = translation + _over_the_feet(positions + translation[:, None], ankles, standing)
    for each, ankle in zip(standing, ankles, strict=True):
        bend_leg(local, positions + translation[:, None], turned, each.leg, ankle)
    return translation, sign_continuous(quaternion_from_matrix(local))


def leg_ratio(own: Skeleton) -> float:
    """Length of the default body's legs in lengths of those of `own`."""
    rest = REST_SKELETON.leg_length()
    return rest / max(own.leg_length(), rest / LARGEST_SCALE)


def _standing(joints: Tensor, leg: Leg, fps: float) -> _Standing:
    steps = joints[1:, leg.standing_joints] - joints[:-1, leg.standing_joints]
    slow = (steps.norm(dim=-1) * fps < CONTACT_SPEED).all(-1)
    slow = torch.cat((slow, slow[-1:])) if len(slow) else torch.ones(1, dtype=torch.bool)
    shin, ankle = joints[:, leg.knee] - joints[:, leg.ankle], joints[:, leg.ankle, 1]
    upright = shin[:, 1] > UPRIGHT_SHIN * shin.norm(dim=-1)
    frames = slow & upright & (joints[:, leg.foot, 1] < HIGHEST_STANCE)
    if bool(frames.any()):
        frames = frames & (ankle < torch.quantile(ankle[frames], 0.2) + STANCE_BAND)
    return _Standing(leg, frames, joints[frames])


def _levelled_ankles(local: Tensor, standing: list[_Standing]) -> list[Tensor]:
    """Local rotations (T, 3, 3) of both ankles, turned by one constant angle so that the median standing sole is flat."""
    excess = []
    for each in standing:
        bone = each.joints[:, each.leg.foot] - each.joints[:, each.leg.ankle]
        flat = torch.arcsin((each.leg.flat[0] - each.leg.flat[1]) / REST_SKELETON.offsets[each.leg.foot].norm())
        excess.append(flat + torch.arcsin((bone[:, 1] / bone.norm(dim=-1).clamp_min(1e-6)).clamp(-1, 1)))
    toes_down = _typical(torch.cat(excess), 0.0).clamp(-LARGEST_LEVELLING, LARGEST_LEVELLING)
    return [local[:, each.leg.ankle] @ matrix_about_axis("X", toes_down) for each in standing]


def _ankle_goals(joints: Tensor, turned: Tensor, standing: list[_Standing]) -> list[Tensor]:
    """Where both ankles (T, 3) belong so that the balls of the feet are at those of `joints`, standing ones as high as ours stand."""
    goals = []
    for each, lift in zip(standing, _lifts(standing), strict=True):
        ball = joints[:, each.leg.foot] + lift * _up(joints)
        goals.append(ball - turned[:, each.leg.ankle] @ REST_SKELETON.offsets[each.leg.foot].to(joints))
    return goals


def _lifts(standing: list[_Standing]) -> list[Tensor]:
    """Constant step up of each foot: the one body of HumanML3D has a left leg that is a centimetre longer than the right one."""
    missing = [each.leg.flat[1] - each.joints[:, each.leg.foot, 1] for each in standing]
    # Without a stance the lowest joint of the clip counts as one of a foot
    of_either = _typical(torch.cat(missing), float(standing[0].leg.flat[1]))
    return [_typical(of_one, float(of_either)) for of_one in missing]


def _over_the_feet(positions: Tensor, ankles: list[Tensor], standing: list[_Standing]) -> Tensor:
    """Constant step (3,) up that brings the body over its ankles (T, 3) each: legs are as bent as they were."""
    gaps = [ankle - positions[:, each.leg.ankle] for each, ankle in zip(standing, ankles, strict=True)]
    stood = torch.cat([gap[each.frames, 1] for each, gap in zip(standing, gaps, strict=True)])
    return _typical(stood, float(torch.stack(gaps)[..., 1].median())) * _up(positions)


def _typical(values: Tensor, otherwise: float) -> Tensor:
    return values.median() if len(values) >= LEAST_STANCE else values.new_tensor(otherwise)


def _up(like: Tensor) -> Tensor:
    return like.new_tensor([0.0, 1.0, 0.0])
