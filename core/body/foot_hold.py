"""Feet that stand in a range made anew keep their places, although the body's path was bent there: legs are, nothing else.

A stance that begins before the range or ends behind it is held where it is there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..contract import BodyMotion
from ..geometry.rotations import quaternion_from_matrix
from .features import foot_contacts
from .foot_lock import FARTHEST, bridged, planted, standing_path
from .leg_bending import Leg, bend_leg, legs_of
from .motion_pose import MotionPose
from .time_series import eased, runs

SEEN_SECONDS = 0.5  # on either side of the range: what a stance there needs to be seen
RAMP_SECONDS = 0.3  # from a kept frame until a stance that is not held by it is corrected in full


def hold_feet(motion: BodyMotion, first: int, end: int, floor: float) -> BodyMotion:
    """Changes legs in the frames first..end, `end` not included. floor: its height in metres.

    Contacts count in the range; what stands outside is seen from the motion itself.
    """
    seen = round(SEEN_SECONDS * motion.fps)
    begin, stop = max(0, first - seen), min(len(motion.translation), end + seen)
    if stop - begin < 3:
        return motion
    part = motion.cut(begin, stop).lifted(-floor)
    made = np.zeros(stop - begin, bool)
    made[first - begin : end - begin] = True
    pose = MotionPose.of(part)
    contacts = foot_contacts(pose.positions, pose.skeleton, motion.fps).float()
    contacts[made] = torch.from_numpy(part.contacts)[made]
    legs, changed = legs_of(pose.skeleton), pose.local.clone()
    for leg, standing in zip(legs, planted(pose.positions, contacts, legs, motion.fps), strict=True):
        goal = pose.positions[:, leg.ankle] + _held(pose.positions, standing, leg, made, motion.fps)
        bend_leg(changed, pose.positions, pose.turned, leg, goal)
    joints = [joint for leg in legs for joint in leg.turning_joints]
    rotations = motion.rotations.copy()
    rotations[first:end, joints] = quaternion_from_matrix(changed[made][:, joints]).float().numpy()
    return replace(motion, rotations=rotations)


def _held(positions: Tensor, standing: Tensor, leg: Leg, made: np.ndarray, fps: float) -> Tensor:
    """Where a foot should be moved (T, 3), level with the floor; nowhere in frames that are not `made` (T,)."""
    path = standing_path(positions[:, leg.standing_joints], standing)
    stands = standing.any(-1).numpy()
    after_kept, before_kept = _ramp(made, fps), _ramp(made[::-1], fps).flip(0)
    moved = torch.zeros_like(path)
    for first, last in runs(stands):
        frames = np.arange(first, last)
        kept = frames[~made[first:last]]
        if len(kept):
            places = [np.interp(frames, kept, path[kept, axis].numpy()) for axis in range(3)]
            moved[first:last] = torch.from_numpy(np.stack(places, axis=-1)) - path[first:last]
        else:
            moved[first:last] = path[first:last].mean(0) - path[first:last]
        # A stance that is dragged too far is held in part, all along: let go midway it would jerk
        moved[first:last] *= FARTHEST / max(FARTHEST, float(moved[first:last].norm(dim=-1).max()))
        # Where a kept frame holds the stance there is nothing left to lead over to it
        if made[first]:
            moved[first:last] *= after_kept[first:last, None]
        if made[last - 1]:
            moved[first:last] *= before_kept[first:last, None]
    return bridged(moved * moved.new_tensor([1.0, 0.0, 1.0]), stands | ~made)


def _ramp(made: np.ndarray, fps: float) -> Tensor:
    """(T,) 0 in frames that are kept, and up to 1 in those that come long enough after one."""
    frames = np.arange(len(made))
    last_kept = np.maximum.accumulate(np.where(made, -len(made) - RAMP_SECONDS * fps, frames))
    return eased(torch.from_numpy((frames - last_kept) / max(1.0, RAMP_SECONDS * fps)))
