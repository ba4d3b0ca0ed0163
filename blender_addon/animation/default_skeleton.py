"""The body that all motions of the models are of, as a motion that stands in the T-pose."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from ...core.contract import BodyMotion
from . import quaternions
from .rig import BODY_JOINTS

DEFAULT_BODY = Path(__file__).parents[2] / "weights" / "default_body" / "default_body.npz"


def resting_motion(fps: float) -> BodyMotion:
    """A single frame, with BODY_JOINTS in their order."""
    parents, offsets = _skeleton()
    count = len(BODY_JOINTS)
    return BodyMotion(
        translation=np.zeros((1, 3), np.float32),
        rotations=np.tile(quaternions.IDENTITY, (1, count, 1)).astype(np.float32),
        contacts=np.zeros((1, 4), np.float32),
        joint_names=BODY_JOINTS,
        parents=parents,
        offsets=offsets,
        fps=fps,
    )


@cache
def _skeleton() -> tuple[tuple[int, ...], np.ndarray]:
    """Parents (22,) and offsets (22, 3) in metres."""
    with np.load(DEFAULT_BODY, allow_pickle=False) as body:
        names = [str(name) for name in body["joint_names"]]
        joints, above = body["joints"].astype(np.float64), body["parents"]
    rows = [names.index(name) for name in BODY_JOINTS]
    parents = tuple(BODY_JOINTS.index(names[above[row]]) if above[row] >= 0 else -1 for row in rows)
    offsets = [joints[row] - joints[above[row]] if above[row] >= 0 else np.zeros(3) for row in rows]
    return parents, np.array(offsets, np.float32)
