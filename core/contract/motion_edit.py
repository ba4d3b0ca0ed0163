"""A range of a motion that is made anew, as it crosses the door."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .errors import BadRequest
from .motion import BodyMotion

MIN_EDIT_SECONDS = 0.2  # a token of the models of 20 frames a second; it is the least that can be made
# With the root's path they are the lower body; all other joints are the upper body
LOWER_BODY_JOINTS = ("pelvis", *(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle", "foot")))
_SAME_FRAME = 1e-4  # of a frame: times in seconds are rounded


@dataclass(frozen=True)
class MotionEdit:
    """What is between `start` and `end` seconds of `motion`, `end` not included, is made anew; all other frames stay bit for bit.

    carries_rest: what comes after the range is moved and turned as a whole, to go on from where the new part leads, instead of staying
    where it was. upper_body: legs and path stay, and only the joints of the upper body are made anew.
    """

    motion: BodyMotion
    start: float
    end: float
    carries_rest: bool = False
    upper_body: bool = False

    @property
    def first_frame(self) -> int:
        """Of those that are made anew."""
        return math.ceil(self.start * self.motion.fps - _SAME_FRAME)

    @property
    def end_frame(self) -> int:
        """The first after them; as many as the motion has where the range holds its last frame."""
        return min(math.ceil(self.end * self.motion.fps - _SAME_FRAME), len(self.motion.translation))

    @property
    def made_joints(self) -> tuple[int, ...]:
        """Indices of the joints whose rotations are made anew."""
        names = self.motion.joint_names
        return tuple(joint for joint, name in enumerate(names) if not (self.upper_body and name in LOWER_BODY_JOINTS))

    def validate(self) -> None:
        """Raises BadRequest with one sentence about a range or a motion that cannot be used."""
        lasts = len(self.motion.translation) / self.motion.fps
        if not 0 <= self.start < self.end <= lasts + _SAME_FRAME / self.motion.fps:
            raise BadRequest(
                f"The range {self.start:g} s to {self.end:g} s does not lie inside of the motion, which goes from 0 s to {lasts:g} s:"
                " choose a part of it."
            )
        if self.end - self.start < MIN_EDIT_SECONDS - _SAME_FRAME / self.motion.fps or self.end_frame <= self.first_frame:
            raise BadRequest(
                f"A range of {self.end - self.start:.3g} s is too short to be made anew: choose at least {MIN_EDIT_SECONDS:g} s."
            )
        if self.carries_rest and self.upper_body:
            raise BadRequest("An upper body leads nowhere that the rest could be carried to: choose one of both.")
        broken = ~(np.isfinite(self.motion.rotations).all((1, 2)) & np.isfinite(self.motion.translation).all(1))
        if broken.any():
            raise BadRequest(f"The motion has {broken.sum()} frames of {len(broken)} that hold no numbers: take another one.")
