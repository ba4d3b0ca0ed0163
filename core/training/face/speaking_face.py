"""Mouth shapes and a lip opening to ARKit's shapes: lips by viseme, the jaw by what is left of the opening, closures by the lips."""

from __future__ import annotations

import numpy as np

from .arkit_shapes import shape_vector
from .lip_line import EYE_CORNERS, LipLine
from .lip_opening import PP
from .visemes import VISEMES

# Without the jaw, which follows from the opening. Starting values: openfacefx 0.24 (MIT); wide and round lips are softer here
LIPS: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress": 0.35, "mouthRollLower": 0.25, "mouthRollUpper": 0.2},
    "FF": {"mouthRollLower": 0.4, "mouthUpperUp": 0.22, "mouthShrugLower": 0.15},
    "TH": {"tongueOut": 0.45, "mouthUpperUp": 0.1, "mouthLowerDown": 0.12},
    "DD": {"tongueOut": 0.1, "mouthUpperUp": 0.1, "mouthLowerDown": 0.08},
    "kk": {"mouthLowerDown": 0.1},
    "CH": {"mouthFunnel": 0.4, "mouthPucker": 0.3},
    "SS": {"mouthStretch": 0.2, "mouthUpperUp": 0.15, "mouthLowerDown": 0.22},
    "nn": {"mouthUpperUp": 0.06, "mouthLowerDown": 0.1},
    "RR": {"mouthPucker": 0.35, "mouthFunnel": 0.2},
    "aa": {"mouthLowerDown": 0.12, "mouthUpperUp": 0.08},
    "E": {"mouthStretch": 0.18, "mouthDimple": 0.15, "mouthLowerDown": 0.1},
    "I": {"mouthStretch": 0.28, "mouthSmile": 0.2, "mouthUpperUp": 0.12, "mouthLowerDown": 0.1},
    "O": {"mouthFunnel": 0.4, "mouthPucker": 0.35},
    "U": {"mouthPucker": 0.7, "mouthFunnel": 0.25},
}
JAW_YIELDS = 0.6  # share of a closure that the jaw takes part in; the lips do the rest
_SMOOTH = np.array([0.25, 0.5, 0.25])  # the jaw is heavier than the lips
_OPENING = ("mouthFunnel", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight")


def speaking_face(line: LipLine, curves: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """curves (T, 15) and gap (T,), in distances between the outer eye corners, to expression (T, E) of a face without emotion."""
    lips = np.stack([shape_vector(line.names, LIPS[name]) for name in VISEMES])
    return with_opening(line, curves @ lips, gap * EYE_CORNERS, closure(curves))


def closure(curves: np.ndarray) -> np.ndarray:
    """(T,) 0..1, how far the lips are shut for p, b and m."""
    return np.clip(curves[:, PP] * 1.4 - 0.2, 0, 1)


def with_opening(line: LipLine, lips: np.ndarray, aperture: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """The lips (T, E), and jaw and closing lips such that the inner lips are `aperture` (T,) metres apart where that can be.

    The jaw goes as if a closure were only half one, and `mouthClose` brings the lips together over it, as bilabials are spoken.
    """
    expression = _narrowed(line, lips, aperture)
    jaw, close = line.names.index("jawOpen"), line.names.index("mouthClose")
    through = aperture.copy()
    through[shut > 0] = _bridged(aperture, shut)[shut > 0] * (1 - JAW_YIELDS * shut[shut > 0])
    rest = expression @ line.slopes
    wanted = np.maximum(through - rest, 0) / line.slopes[jaw]
    expression[:, jaw] = np.convolve(np.pad(wanted, 1, mode="edge"), _SMOOTH, mode="valid").clip(0, 1)
    too_far = (rest + expression[:, jaw] * line.slopes[jaw] - aperture) / -line.slopes[close]
    expression[:, close] = np.clip(too_far, 0, expression[:, jaw])
    missing = aperture - expression @ line.slopes
    expression[:, jaw] = np.clip(expression[:, jaw] + np.maximum(missing, 0) / line.slopes[jaw], 0, 1)
    return expression


def _narrowed(line: LipLine, lips: np.ndarray, aperture: np.ndarray) -> np.ndarray:
    """Lip shapes that would part the lips by more than they should be are turned down."""
    expression = np.array(lips, np.float32)
    columns = [line.names.index(name) for name in _OPENING]
    parting = expression[:, columns] @ line.slopes[columns]
    others = expression @ line.slopes - parting
    share = np.clip((aperture - others) / np.maximum(parting, 1e-6), 0, 1)
    expression[:, columns] *= share[:, None]
    return expression


def _bridged(aperture: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """The aperture as it would be without closures: straight from before to after each."""
    frames, free = np.arange(len(aperture)), shut <= 0
    return np.interp(frames, frames[free], aperture[free]) if free.any() else aperture
