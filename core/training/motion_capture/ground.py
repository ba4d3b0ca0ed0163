"""Feet on the floor: after retargeting, soles lie flat while they stand, at y = 0, and toes do not sink in.

Ankle-to-toe lines are defined differently by every capture skeleton, so the carried-over foot is pitched a little and the clip
stands a little high or low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...body.features import CONTACT_SPEED
from ...contract import BodyMotion
from ...geometry.rotations import matrix_from_quaternion, quaternion_multiply
from ...geometry.skeleton import REST_SKELETON, Skeleton, forward_kinematics

MAX_LEVELLING = float(np.deg2rad(20.0))
MAX_LIFTING = float(np.deg2rad(60.0))
UPRIGHT_SHIN = 0.5  # height of the knee over the ankle in lengths of the shin: nobody crawls or lies on soles
MIN_LEVERAGE = 0.5  # height that a foot's pitch can move its toes by, in lengths of the foot; little where it lies on its side
MIN_STANCE_FRAMES = 6
# How far a joint is from the floor when that part of the body lies on it, metres. Feet: as in the rest pose. Arms, whose length
# is not the source's even after scaling, do not tell where the floor is.
_LYING = {"knee": 0.05, "hip": 0.09, "pelvis": 0.09, "spine": 0.09, "neck": 0.06, "head": 0.09, "collar": 0.08,
          "shoulder": 0.07, "elbow": -math.inf, "wrist": -math.inf}  # fmt: skip
_LOWEST_SHARE = 0.05  # of the frames of a clip without a stance may be below the floor: one noisy frame must not lift it


@dataclass(frozen=True)
class Foot:
    """Joint indices of one foot, and the height of both joints above a floor that the rest pose stands on, metres."""

    knee: int
    ankle: int
    toe: int
    ankle_height: float
    toe_height: float


def feet(skeleton: Skeleton) -> tuple[Foot, Foot]:
    heights = skeleton.standing_heights()
    sides = [[skeleton.index(f"{side}_{joint}") for joint in ("knee", "ankle", "foot")] for side in ("left", "right")]
    left, right = (Foot(knee, ankle, toe, float(heights[ankle]), float(heights[toe])) for knee, ankle, toe in sides)
    return left, right


def joint_positions(motion: BodyMotion, skeleton: Skeleton = REST_SKELETON) -> Tensor:
    """(T, J, 3) metres, float64."""
    return _global_pose(motion, skeleton)[1]


def _global_pose(motion: BodyMotion, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """Global rotations (T, J, 3, 3) and positions (T, J, 3) metres, float64."""
    rotations = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
    positions, turned = forward_kinematics(skeleton, rotations, torch.from_numpy(motion.translation.astype(np.float64)))
    return turned, positions


def on_flat_floor(motion: BodyMotion, skeleton: Skeleton = REST_SKELETON) -> BodyMotion:
    """A clip that was captured on flat ground: levelled, set down, and its toes kept out of the floor."""
    levelled = _level_soles(motion, skeleton)
    return _lift_toes(_set_down(levelled, skeleton), skeleton)


def stance(positions: Tensor, foot: Foot, fps: float) -> Tensor:
    """(T,) True while ankle and toe both rest below an upright shin, the ankle about as low as it gets: the sole lies on something."""
    steps = positions[1:, [foot.ankle, foot.toe]] - positions[:-1, [foot.ankle, foot.toe]]
    slow = (steps.norm(dim=-1) * fps < CONTACT_SPEED).all(-1)
    shin = positions[:, foot.knee] - positions[:, foot.ankle]
    resting = torch.cat((slow, slow[-1:])) if len(slow) else torch.ones(1, dtype=torch.bool)
    resting = resting & (shin[:, 1] > UPRIGHT_SHIN * shin.norm(dim=-1))
    if not resting.any():
        return resting
    ankle = positions[:, foot.ankle, 1]
    return resting & (ankle < torch.quantile(ankle[resting], 0.2) + 0.02)


def clearances(skeleton: Skeleton) -> Tensor:
    """Height (J,) of each joint above the floor that its part of the body touches."""
    flat = skeleton.standing_heights()
    parts = [name.split("_")[-1].rstrip("123") for name in skeleton.names]
    return torch.tensor([_LYING.get(part, float(flat[joint])) for joint, part in enumerate(parts)], dtype=torch.float64)


def _level_soles(motion: BodyMotion, skeleton: Skeleton) -> BodyMotion:
    """Both ankles turned by one constant angle, so that the mean standing foot is as flat as in the rest pose."""
    positions = joint_positions(motion, skeleton)
    excess = []
    for foot in feet(skeleton):
        standing = positions[stance(positions, foot, motion.fps)]
        drop = standing[:, foot.ankle, 1] - standing[:, foot.toe, 1]
        length = float(skeleton.offsets[foot.toe].norm())
        rest = np.arcsin((foot.ankle_height - foot.toe_height) / length)
        excess.append(rest - torch.arcsin((drop / length).clamp(-1, 1)))
    angles = torch.cat(excess)
    if len(angles) < MIN_STANCE_FRAMES:
        return motion
    pitch = float(angles.median().clamp(-MAX_LEVELLING, MAX_LEVELLING))
    rotations = motion.rotations.copy()
    for foot in feet(skeleton):
        _pitch_foot(rotations, foot, np.full(len(rotations), pitch))
    return replace(motion, rotations=rotations)


def _set_down(motion: BodyMotion, skeleton: Skeleton) -> BodyMotion:
    """Moved up or down as a whole: standing soles are at y = 0; without any, the lowest part of the body is."""
    positions = joint_positions(motion, skeleton)
    standing = [positions[stance(positions, foot, motion.fps), foot.ankle, 1] - foot.ankle_height for foot in feet(skeleton)]
    heights = torch.cat(standing)
    if len(heights) >= MIN_STANCE_FRAMES:
        drop = float(heights.median())
    else:
        lowest = (positions[..., 1] - clearances(skeleton)).amin(-1)
        drop = float(torch.quantile(lowest, _LOWEST_SHARE))
    return replace(motion, translation=motion.translation - np.array([0, drop, 0], np.float32))


def _lift_toes(motion: BodyMotion, skeleton: Skeleton) -> BodyMotion:
    """Where a toe joint is below its height on the floor, the ankle is turned until it is not."""
    rotations = motion.rotations.copy()
    turned, positions = _global_pose(motion, skeleton)
    for foot in feet(skeleton):
        pitch = _pitch_to_floor(positions[:, foot.ankle, 1], turned[:, foot.ankle, 1], skeleton.offsets[foot.toe], foot.toe_height)
        below = positions[:, foot.toe, 1] < foot.toe_height
        _pitch_foot(rotations, foot, torch.where(below, pitch, 0.0).numpy())
    return replace(motion, rotations=rotations)


def _pitch_to_floor(ankle: Tensor, up: Tensor, toe: Tensor, toe_height: float) -> Tensor:
    """Smallest angles (T,) about the foot's lateral axis that bring the toe to its height, or as near to it as can be.

    ankle: (T,) height; up: (T, 3) the vertical in the ankle's axes; toe: (3,) from the ankle.
    """
    # Turned by an angle a, the toe is at ankle + fixed + along cos a + across sin a
    fixed, along, across = up[:, 0] * toe[0], up[:, 1] * toe[1] + up[:, 2] * toe[2], up[:, 2] * toe[1] - up[:, 1] * toe[2]
    reach, highest = torch.hypot(along, across), torch.atan2(across, along)
    away = torch.arccos(((toe_height - ankle - fixed) / reach.clamp_min(1e-9)).clamp(-1, 1))
    angle = highest - torch.sign(highest) * away
    return torch.where(reach > MIN_LEVERAGE * toe.norm(), angle.clamp(-MAX_LIFTING, MAX_LIFTING), 0.0)


def _pitch_foot(rotations: np.ndarray, foot: Foot, angles: np.ndarray) -> None:
    """Turns the ankle about the foot's lateral axis by (T,) radians, toes down where positive; the toes keep their direction."""
    half = torch.from_numpy(np.asarray(angles, np.float64)) / 2
    zero = torch.zeros_like(half)
    down = torch.stack((torch.cos(half), torch.sin(half), zero, zero), dim=-1)
    up = torch.stack((torch.cos(half), -torch.sin(half), zero, zero), dim=-1)
    ankle = torch.from_numpy(rotations[:, foot.ankle].astype(np.float64))
    toe = torch.from_numpy(rotations[:, foot.toe].astype(np.float64))
    rotations[:, foot.ankle] = quaternion_multiply(ankle, down).numpy()
    rotations[:, foot.toe] = quaternion_multiply(up, toe).numpy()
