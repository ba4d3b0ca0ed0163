"""Lips of a model against tracked lips and against phones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...face.sound_frames import FPS
from .visemes import Segment

LAGS = 5  # frames either way
CLOSED_MM, AROUND = 1.0, 2  # lips nearer than this, within so many frames of the middle of p, b and m, are closed


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's r of two tracks (T,)."""
    return float(np.corrcoef(first, second)[0, 1])


def best_lag(made: Sequence[np.ndarray], tracked: Sequence[np.ndarray]) -> int:
    """Frames by which what is made comes late, where all clips together agree best."""
    means = {lag: np.mean([_shifted(*pair, lag) for pair in zip(made, tracked, strict=True)]) for lag in range(-LAGS, LAGS + 1)}
    return max(means, key=lambda lag: means[lag])


def _shifted(made: np.ndarray, tracked: np.ndarray, lag: int) -> float:
    n = len(made) - abs(lag)
    return correlation(made[max(lag, 0) :][:n], tracked[max(-lag, 0) :][:n])


def closures(aperture: np.ndarray, segments: Sequence[Segment]) -> list[bool]:
    """Whether the lips, aperture (T,) in metres, close for each bilabial."""
    found = []
    for segment in segments:
        if segment.viseme == "PP":
            middle = int((segment.start + segment.end) / 2 * FPS)
            around = aperture[max(middle - AROUND, 0) : middle + AROUND + 1]
            found.append(bool(len(around)) and float(around.min()) * 1000 < CLOSED_MM)
    return found
