"""The jaw without an armature: nine shape keys that are exact for a neutral face but for one small term, and how far off they are.

With only the jaw turned by R, a vertex of weight w goes to v + w (R - I)(v - J) plus the jaw's correctives. Everything but what an
expression or a corrective adds to v inside the bracket is linear in the nine entries of R - I: each is the value of a key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .head_model import FLAME_JOINTS, JAW_CORRECTIVES, HeadModel
from .posing import corrective_values, posed

LINEAR_JAW_NAMES = tuple(f"JawR{row}{column}" for row in range(3) for column in range(3))
_JAW = FLAME_JOINTS.index("jaw")
_MILLIMETRES = 1000.0


@dataclass(frozen=True)
class JawError:
    """Distance in millimetres between linear keys and the exact jaw: mean over frames and over the vertices that the jaw moves; worst."""

    mean_mm: float
    worst_mm: float


def linear_jaw_keys(head: HeadModel) -> np.ndarray:
    """Offsets (9, V, 3) in metres of the keys LINEAR_JAW_NAMES, for a value of one."""
    return keys_of_jaw(head.template, head.joints[_JAW], head.weights[:, _JAW], head.correctives[..., JAW_CORRECTIVES])


def keys_of_jaw(neutral: np.ndarray, joint: np.ndarray, weights: np.ndarray, correctives: np.ndarray) -> np.ndarray:
    """The same of parts: vertices (V, 3), the jaw's joint (3,) and weights (V,), and its nine correctives (V, 3, 9)."""
    keys = np.moveaxis(correctives, -1, 0).copy()
    for row in range(3):
        keys[3 * row : 3 * row + 3, :, row] += (weights[:, None] * (neutral - joint)).T
    return keys


def linear_jaw_values(jaw: np.ndarray) -> np.ndarray:
    """(T, 9) values of the keys LINEAR_JAW_NAMES for jaw rotations (T, 3) in radians."""
    return corrective_values(only_jaw(jaw))[:, JAW_CORRECTIVES]


def linear_jaw_error(head: HeadModel, expression: np.ndarray, jaw: np.ndarray) -> JawError:
    """What the nine keys cost for a motion: expression (T, E), jaw (T, 3) in radians."""
    exact = posed(head, expression, only_jaw(jaw))
    moved = posed(head, expression, only_jaw(np.zeros_like(jaw)))
    linear = moved + np.einsum("tk,kva->tva", linear_jaw_values(jaw), linear_jaw_keys(head))
    distances = _MILLIMETRES * np.linalg.norm(exact - linear, axis=-1)
    held = head.weights[:, _JAW] > 0
    return JawError(float(distances[:, held].mean()), float(distances.max()))


def only_jaw(jaw: np.ndarray) -> np.ndarray:
    """Rotations (T, 5, 3) of all joints, of which only the jaw turns by (T, 3)."""
    rotations = np.zeros((len(jaw), len(FLAME_JOINTS), 3), np.float32)
    rotations[:, _JAW] = jaw
    return rotations
