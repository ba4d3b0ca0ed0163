"""Lips of a model against tracked lips and against phones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...face.sound_frames import FPS
from .lip_line import EYE_CORNERS
from .visemes import Segment

LAGS = 5  # frames either way
AROUND = 2  # frames either way from the middle of p, b and m within which lips close
CLOSED_MM = 0.02 * EYE_CORNERS * 1000  # tracked lips come at least as near as this, 1.8 mm
TIGHT_MM = 1.0


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


def nearest_lips(aperture: np.ndarray, segments: Sequence[Segment]) -> list[float]:
    """Millimetres that the lips, aperture (T,) in metres, come near to each other for each bilabial."""
    found: list[float] = []
    for segment in segments:
        if segment.viseme == "PP":
            middle = int((segment.start + segment.end) / 2 * FPS)
            around = aperture[max(middle - AROUND, 0) : middle + AROUND + 1]
            found += [float(around.min()) * 1000] if len(around) else []
    return found
