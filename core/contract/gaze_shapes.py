"""Turns of the eyes as ARKit's shapes, for faces that have no bones for their eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .face_amounts import with_shapes
from .face_motion import FaceMotion

# Degrees that a shape turns the eye by where it is fully in: those of the default head, since ARKit does not give any
UP_DEGREES, DOWN_DEGREES, SIDE_DEGREES = 11.0, 16.0, 21.0


def gaze_as_shapes(motion: FaceMotion) -> FaceMotion:
    """A motion in the face space `arkit` whose eyes turn by the eight eyeLook shapes instead, 0 to 1."""
    if motion.eyes is None:
        return motion
    return with_shapes(replace(motion, eyes=None), _left_eye(motion.eyes[:, 0]) | _right_eye(motion.eyes[:, 1]))


def _left_eye(turns: np.ndarray) -> dict[str, np.ndarray]:
    return _up_and_down("Left", turns) | {"eyeLookOutLeft": _part(turns[:, 1]), "eyeLookInLeft": _part(-turns[:, 1])}


def _right_eye(turns: np.ndarray) -> dict[str, np.ndarray]:
    return _up_and_down("Right", turns) | {"eyeLookInRight": _part(turns[:, 1]), "eyeLookOutRight": _part(-turns[:, 1])}


def _up_and_down(side: str, turns: np.ndarray) -> dict[str, np.ndarray]:
    """A turn about X, which points to the left, looks down."""
    return {f"eyeLookDown{side}": _part(turns[:, 0], DOWN_DEGREES), f"eyeLookUp{side}": _part(-turns[:, 0], UP_DEGREES)}


def _part(radians: np.ndarray, full_degrees: float = SIDE_DEGREES) -> np.ndarray:
    return np.clip(np.degrees(radians) / full_degrees, 0, 1)
