"""What the networks see of a motion of which a range is made anew: the range and up to two seconds on either side of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..contract import BadRequest, BodyMotion, MotionEdit
from ..geometry.skeleton import REST_SKELETON
from .motion_pose import MotionPose
from .motion_tokens import FRAMES_PER_TOKEN
from .token_plan import CONTEXT

SAME_BODY = 1e-3  # metres between joints of bodies that count as one
FLOOR_TOLERANCE = 0.15  # metres that the lowest joint of somebody on the floor is off it
_ROUNDING = 1e-6  # tokens


@dataclass(frozen=True)
class EditWindow:
    """Tokens at the model's rate; the first that is made begins exactly where the range does.

    begin: seconds in the motion's time at which the window's first frame is. kept: (n,) whether a token stays. floor: metres above 0 of
    the floor that the body stands on.
    """

    edit: MotionEdit
    fps: float
    begin: float
    kept: Tensor
    floor: float

    @classmethod
    def around(cls, edit: MotionEdit, fps: float) -> EditWindow:
        """fps: the model's. Raises BadRequest for a motion of another body than the models'."""
        _check_body(edit.motion)
        token, motion = FRAMES_PER_TOKEN / fps, edit.motion
        start, end = edit.first_frame / motion.fps, edit.end_frame / motion.fps
        before = min(CONTEXT, math.floor(start / token + _ROUNDING))
        made = max(1, math.ceil((end - start) / token - _ROUNDING))
        left = motion.seconds + 1 / fps - start - made * token
        after = max(0, min(CONTEXT, math.floor(left / token + _ROUNDING)))
        kept = torch.tensor([True] * before + [False] * made + [True] * after)
        window = cls(edit, fps, start - before * token, kept, 0.0)
        return replace(window, floor=_floor(window.source))

    @property
    def seconds(self) -> float:
        """From its first to its last frame."""
        return (len(self.kept) * FRAMES_PER_TOKEN - 1) / self.fps

    @property
    def source(self) -> BodyMotion:
        """The motion there is, at the model's rate and above y = 0; a frame longer, because some features are of two frames."""
        times = self.begin + np.arange(len(self.kept) * FRAMES_PER_TOKEN + 1) / self.fps
        return replace(self.edit.motion.at(times), fps=self.fps).lifted(-self.floor)


def _check_body(motion: BodyMotion) -> None:
    if motion.joint_names != REST_SKELETON.names or motion.parents != REST_SKELETON.parents:
        raise BadRequest(
            f"The motion has {len(motion.joint_names)} joints, and not SMPL's first {len(REST_SKELETON.names)} in their order: choose one"
            " that Understudy wrote."
        )
    off = float(np.abs(motion.offsets - REST_SKELETON.offsets.numpy()).max())
    if off > SAME_BODY:
        raise BadRequest(
            f"The motion is of a body whose joints are up to {off * 1000:.0f} mm elsewhere than the default body's: choose a motion that"
            " Understudy wrote."
        )


def _floor(source: BodyMotion) -> float:
    """0 where the lowest joint is near y = 0, as that of anybody on the floor is."""
    lowest = float(MotionPose.of(source).positions[..., 1].min())
    return lowest if abs(lowest) > FLOOR_TOLERANCE else 0.0
