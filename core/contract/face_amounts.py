"""How strongly each part of a face moves: what only scales is scaled here, without asking a model again."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from .face_motion import FaceMotion
from .face_spaces import ARKIT
from .ranges import check_range

MAX_AMOUNT = 2.0
BLINK_SHAPES = ("eyeBlinkLeft", "eyeBlinkRight")
_UPPER_FACE = ("brow", "eyeWide", "eyeSquint", "cheek", "nose")


@dataclass(frozen=True)
class FaceAmounts:
    """1 leaves a part as the model made it, 0 takes it away, 2 doubles it.

    upper_face: brows, lids but for blinks, cheeks and nose. head: turns of the head. gaze: turns of the eyes.
    """

    lips: float = 1.0
    jaw: float = 1.0
    upper_face: float = 1.0
    blinks: float = 1.0
    head: float = 1.0
    gaze: float = 1.0

    def validate(self) -> None:
        """Raises BadRequest with one sentence about the first amount that cannot be used."""
        for field in fields(self):
            check_range(f"amount of {field.name.replace('_', ' ')}", getattr(self, field.name), 0.0, MAX_AMOUNT)


def with_amounts(motion: FaceMotion, amounts: FaceAmounts, lower_face: np.ndarray | None = None) -> FaceMotion:
    """The motion with its parts scaled.

    In the face space `arkit` blinks become part of the shapes that close the lids, and the track of their own is gone afterwards.
    lower_face: (E, E) for other spaces, as head.lower_face gives it: makes of the coefficients those that move the mouth alone; without
    it the whole face is scaled by the mean of both amounts.
    """
    motion = replace(
        motion,
        expression=_weighed(motion, amounts, lower_face),
        jaw=_scaled(motion.jaw, amounts.jaw),
        head=None if motion.head is None else _scaled(motion.head, amounts.head),
        eyes=None if motion.eyes is None else _scaled(motion.eyes, amounts.gaze),
        blinks=None if motion.blinks is None else np.minimum(_scaled(motion.blinks, amounts.blinks), 1),
    )
    return _lids_closed(motion) if motion.space == ARKIT else motion


def _scaled(track: np.ndarray, amount: float) -> np.ndarray:
    return track * np.float32(amount)


def _weighed(motion: FaceMotion, amounts: FaceAmounts, lower_face: np.ndarray | None) -> np.ndarray:
    """(T, E)"""
    if motion.space == ARKIT:
        return motion.expression * np.array([_arkit_amount(name, amounts) for name in motion.expression_names], np.float32)
    if lower_face is None:
        return _scaled(motion.expression, (amounts.lips + amounts.upper_face) / 2)
    around_mouth = motion.expression @ lower_face.T
    return _scaled(around_mouth, amounts.lips) + _scaled(motion.expression - around_mouth, amounts.upper_face)


def _arkit_amount(name: str, amounts: FaceAmounts) -> float:
    if name == "mouthClose":
        return amounts.jaw * min(amounts.lips, 1.0)  # it closes what the jaw opens: any more would push the lips through each other
    if name.startswith(("mouth", "tongue")):
        return amounts.lips
    if name.startswith("jaw"):
        return amounts.jaw
    if name in BLINK_SHAPES:
        return amounts.blinks
    if name.startswith("eyeLook"):
        return amounts.gaze
    return amounts.upper_face if name.startswith(_UPPER_FACE) else 1.0


def _lids_closed(motion: FaceMotion) -> FaceMotion:
    """A lid is where the expression holds it or where the blink does, whichever is further down."""
    if motion.blinks is None:
        return motion
    motion = with_shapes(replace(motion, blinks=None), dict.fromkeys(BLINK_SHAPES, motion.blinks))
    columns = [motion.expression_names.index(name) for name in BLINK_SHAPES]
    motion.expression[:, columns] = np.minimum(motion.expression[:, columns], 1)
    return motion


def with_shapes(motion: FaceMotion, shapes: dict[str, np.ndarray]) -> FaceMotion:
    """The motion with each of these shapes (T,) at least so far in; shapes that it did not have come behind its own."""
    names = (*motion.expression_names, *(name for name in shapes if name not in motion.expression_names))
    expression = np.zeros((len(motion.expression), len(names)), np.float32)
    expression[:, : motion.expression.shape[1]] = motion.expression
    for name, values in shapes.items():
        column = names.index(name)
        expression[:, column] = np.maximum(expression[:, column], values)
    return replace(motion, expression=expression, expression_names=names)
