"""Between frames."""

from __future__ import annotations

import numpy as np


def frames_around(times: np.ndarray, fps: float, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For `times` (T,) in seconds: the frame before, the one after, and how far (T,) 0..1 from the one to the other; ends are held."""
    position = np.clip(times * fps, 0, count - 1)
    before = np.minimum(position.astype(np.int64), max(count - 2, 0))
    after = np.minimum(before + 1, count - 1)
    return before, after, position - before


def frame_count(seconds: float, fps: float) -> int:
    """How many frames at this rate lie from 0 s to `seconds`."""
    return int(np.floor(seconds * fps + 1e-6)) + 1


def lerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return (a + (b - a) * weight).astype(np.float32)


def slerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Spherical interpolation from unit quaternions a to b, both (..., 4), by weight (..., 1) in 0..1, the short way round."""
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    # sin(w x) / sin(x) tends to w as the angle goes to zero
    safe = np.where(angle < 1e-6, 1.0, np.sin(angle))
    from_a = np.where(angle < 1e-6, 1 - weight, np.sin((1 - weight) * angle) / safe)
    from_b = np.where(angle < 1e-6, weight, np.sin(weight * angle) / safe)
    mixed = from_a * a + from_b * b
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)
