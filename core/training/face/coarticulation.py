"""How mouth shapes flow into each other: dominance functions (Cohen and Massaro 1993), with rules of JALI (Edwards et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .visemes import VISEMES, Segment

# Dominance falls to a tenth in 0.12 s, JALI's time from rest to apex
_RATE = np.log(10) / 0.12
# strength, rate before and after the apex, relative to _RATE: lips round early and late, closures are strong and short, tongues weak
_DOMINANCE = {
    "sil": (1.0, 1.0, 1.0),
    "PP": (3.0, 1.6, 1.6),
    "FF": (2.0, 1.4, 1.4),
    "TH": (0.7, 1.2, 1.2),
    "DD": (0.5, 1.2, 1.2),
    "kk": (0.4, 1.2, 1.2),
    "CH": (1.0, 0.8, 0.8),
    "SS": (0.8, 1.0, 1.0),
    "nn": (0.5, 1.2, 1.2),
    "RR": (0.8, 0.9, 0.9),
    "aa": (1.0, 0.9, 0.9),
    "E": (0.9, 0.9, 0.9),
    "I": (0.9, 0.9, 0.9),
    "O": (1.1, 0.7, 0.8),
    "U": (1.1, 0.7, 0.8),
}
_PLATEAU = 0.5  # share of a segment over which its dominance stays whole


def viseme_curves(segments: Sequence[Segment], times: np.ndarray) -> np.ndarray:
    """(T, 15), rows that sum to one: how much of each of VISEMES there is at `times` (T,), in seconds."""
    strength = np.zeros((len(times), len(VISEMES)))
    for segment in segments:
        strength[:, VISEMES.index(segment.viseme)] += _dominance(segment, times)
    total = strength.sum(axis=1, keepdims=True)
    return (strength / np.maximum(total, 1e-12)).astype(np.float32)


def _dominance(segment: Segment, times: np.ndarray) -> np.ndarray:
    height, before, after = _DOMINANCE[segment.viseme]
    from_middle = times - (segment.start + segment.end) / 2
    outside = np.maximum(np.abs(from_middle) - _PLATEAU * segment.seconds / 2, 0)
    rate = _RATE * np.where(from_middle < 0, before, after)
    return height * np.exp(-rate * outside)
