"""A part made anew is set into the motion that it is a part of: placed, bent to where the rest goes on, and joined without a jump.

All frames outside of the range stay bit for bit. The new part begins where the motion is, facing as it does. By itself it would lead
somewhere else than the old one did, so its path is bent to meet the rest, most where the body travels most; or the rest is
carried along. What is left between poses and speeds at the two seams fades out inside of the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..contract import BodyMotion, MotionEdit, Recipe
from ..geometry.rotations import quaternion_conjugate, quaternion_multiply, sign_continuous, twist_about_y
from .time_series import eased, path_of
from .track import LEVEL, Track

SEAM_SECONDS = 0.5  # in which a seam's difference of pose and speed fades
IDLE_SPEED = 0.5  # m/s that a body counts as travelling with beside its own: somebody who stands is dragged rather than hurled
BEND_SECONDS = 0.3  # after a seam until a path is bent in full, so that its speed does not jump there


@dataclass(frozen=True)
class Spliced:
    """missed_metres, missed_radians: how far the new part would by itself have led from where the rest of the motion goes on."""

    motion: BodyMotion
    missed_metres: float = 0.0
    missed_radians: float = 0.0


@dataclass(frozen=True)
class _Borders:
    """Frames of a cut of both motions: `first` to `end`, not included, are made.

    before, after: the kept ones beside them, None where there is none.
    """

    first: int
    end: int
    before: int | None
    after: int | None

    @classmethod
    def of(cls, edit: MotionEdit, start: int) -> _Borders:
        """start: the motion's frame that the cut begins with."""
        first, end = edit.first_frame - start, edit.end_frame - start
        is_open = edit.end_frame == len(edit.motion.translation)
        return cls(first, end, first - 1 if edit.first_frame else None, None if is_open else end)


def spliced(edit: MotionEdit, made: BodyMotion, begin: float, floor: float) -> Spliced:
    """made: the new part with what it was made beside, its frame 0 at `begin` seconds of the edit's motion, on a floor `floor` metres up.

    The result has the recipe and, in the range, the contacts of the new part.
    """
    motion, first, end = edit.motion, edit.first_frame, edit.end_frame
    # Two kept frames on either side have a pose and a speed
    near = slice(max(0, first - 2), min(len(motion.translation), end + 2))
    sampled = made.at(np.arange(near.start, near.stop) / motion.fps - begin).lifted(floor)
    borders = _Borders.of(edit, near.start)
    result, old = _copied(motion, made.recipe), Track.of(motion, near)
    new = _placed(Track.of(sampled), old, borders, edit.carries_rest)
    gap = (0.0, 0.0) if edit.upper_body else _gap(new, old, borders)
    if edit.carries_rest and borders.after is not None:
        _carry(result, Track.of(motion, slice(end, None)), new, borders.after, end)
        old = Track.of(result, near)
    elif borders.before is not None and borders.after is not None:
        new = _met(new, old, borders, motion.fps)
    new = _joined(new, old, borders, round(SEAM_SECONDS * motion.fps))
    inside, joints = slice(borders.first, borders.end), list(edit.made_joints)
    result.rotations[first:end, joints] = F.normalize(new.rotations[inside][:, joints], dim=-1).float().numpy()
    if not edit.upper_body:
        result.translation[first:end] = new.translation[inside].float().numpy()
        result.contacts[first:end] = sampled.contacts[inside]
    return Spliced(_with_continuous_signs(result, edit), *gap)


def _copied(motion: BodyMotion, recipe: Recipe) -> BodyMotion:
    translation, rotations, contacts = (each.copy() for each in (motion.translation, motion.rotations, motion.contacts))
    return replace(motion, translation=translation, rotations=rotations, contacts=contacts, recipe=recipe)


def _placed(new: Track, old: Track, borders: _Borders, carries_rest: bool) -> Track:
    """Where the old motion is in the frame before the range; without one where it is after it, or where the range begins."""
    at = borders.before
    if at is None:
        at = borders.first if borders.after is None or carries_rest else borders.after
    return new.turned(_turn_to(old, new, at), new.translation[at], old.translation[at])


def _turn_to(goal: Track, track: Track, at: int) -> Tensor:
    """Radians about +Y from the way that a track's root faces in a frame to that of another."""
    return twist_about_y(quaternion_multiply(goal.rotations[at, 0], quaternion_conjugate(track.rotations[at, 0])))


def _gap(new: Track, old: Track, borders: _Borders) -> tuple[float, float]:
    if borders.before is None or borders.after is None:
        return 0.0, 0.0
    way = (new.translation[borders.after] - old.translation[borders.after]) * new.translation.new_tensor(LEVEL)
    return float(way.norm()), abs(float(_turn_to(old, new, borders.after)))


def _met(new: Track, old: Track, borders: _Borders, fps: float) -> Track:
    """Bent between the borders so that root and facing are those of the old motion in the frame after the range."""
    assert borders.before is not None and borders.after is not None
    steps = ((new.translation[1:] - new.translation[:-1]) * new.translation.new_tensor(LEVEL)).norm(dim=-1) + IDLE_SPEED / fps
    middles = torch.arange(len(steps)) + 0.5
    inside = torch.minimum(middles - borders.before, borders.after - middles).clamp_min(0)
    steps = steps * eased(inside / min(BEND_SECONDS * fps, (borders.after - borders.before) / 2))
    weights = path_of(steps[:, None])[:, 0] / steps.sum()
    return new.bent(_turn_to(old, new, borders.after) * weights, weights, old.translation[borders.after], borders.after)


def _carry(result: BodyMotion, rest: Track, new: Track, after: int, end: int) -> None:
    """Moves and turns all that comes after the range, in place, to where the new part leads."""
    first = Track(rest.translation[:1], rest.rotations[:1])
    to = new.translation[after]
    carried = rest.turned(_turn_to(Track(new.translation[after:], new.rotations[after:]), first, 0), rest.translation[0], to)
    result.translation[end:] = carried.translation.float().numpy()
    result.rotations[end:, 0] = carried.rotations[:, 0].float().numpy()


def _joined(new: Track, old: Track, borders: _Borders, fade: int) -> Track:
    """What pose and speed of both differ by at a border fades out over `fade` frames inside of the range, or over all of it."""
    if borders.before is not None:
        new = new.led_over(old, borders.before, 1, min(fade, borders.end - borders.before))
    if borders.after is not None:
        new = new.led_over(old, borders.after, -1, min(fade, borders.after - borders.first + 1))
    return new


def _with_continuous_signs(motion: BodyMotion, edit: MotionEdit) -> BodyMotion:
    """Signs of the new quaternions follow those of the frame before the range, or else after it; a carried root's go on from them."""
    first, end = edit.first_frame, edit.end_frame
    rotations = motion.rotations.copy()
    begin = max(0, first - 1)
    if first == 0 and end < len(rotations):
        rotations[: end + 1] = sign_continuous(torch.from_numpy(rotations[: end + 1]).flip(0)).flip(0).numpy()
    else:
        rotations[begin:end] = sign_continuous(torch.from_numpy(rotations[begin:end])).numpy()
    if edit.carries_rest and first > 0:
        rotations[end - 1 :, 0] = sign_continuous(torch.from_numpy(rotations[end - 1 :, 0])).numpy()
    return replace(motion, rotations=rotations)
