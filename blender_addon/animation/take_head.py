"""The turns of a speaking head on a body that wears the face: they are added to what the body's own head does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...core.contract import BodyMotion
from . import quaternions
from .face_lines import FaceLine

FADE_SECONDS = 0.4  # before and after a line, so that the head does not jump
_HEAD = "head"


def with_head_turns(body: BodyMotion, lines: Sequence[FaceLine], start_frame: float) -> BodyMotion:
    """The motion, which begins at `start_frame`, with the turns of all lines that have some. Body and face have the same axes."""
    head = body.joint_names.index(_HEAD)
    rotations = body.rotations.copy()
    for line in lines:
        motion = line.motions[line.shown]
        if motion.head is None:
            continue
        times = np.arange(len(rotations)) / body.fps - (line.start_frame - start_frame) / line.fps
        outside = np.maximum(np.maximum(-times, times - motion.seconds), 0)
        share = line.amounts.head * np.clip(1 - outside / FADE_SECONDS, 0, 1)
        turns = motion.at(times).head
        assert turns is not None
        rotations[:, head] = quaternions.multiply(rotations[:, head], quaternions.from_axis_angle(turns * share[:, None]))
    return replace(body, rotations=rotations.astype(np.float32))
