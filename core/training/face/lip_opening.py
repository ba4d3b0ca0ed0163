"""How far the lips part: fitted to tracked lips, from mouth shapes and from what the speech encoder hears, and ruled in pauses.

Mouth shapes alone know neither effort nor how an open vowel differs from another, and the sound knows both. Lips that close for a
sound close whole, and in a long pause they rest; before speech they part to breathe in (seen in GRID's clips).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .visemes import VISEMES, Segment

COMPONENTS = 48  # of the speech features
RIDGE = 300.0
CLOSED = 0.02  # what a tracker reads for lips that touch, and a little more; distances between the outer eye corners
BREATH, BREATH_SECONDS = 0.05, 0.4  # how far lips part right before speech, and how early
AFTER, AFTER_SECONDS = 0.02, 0.2  # the same behind it
SIL, PP, FF = (VISEMES.index(name) for name in ("sil", "PP", "FF"))
LIPTEETH = 0.6  # share of the opening that F and V take away


@dataclass(frozen=True)
class Heard:
    """One clip: features (T, C) of the speech encoder, viseme curves (T, 15), their segments, times (T,) in seconds."""

    features: np.ndarray
    curves: np.ndarray
    segments: Sequence[Segment]
    times: np.ndarray

    @property
    def speaking(self) -> np.ndarray:
        """(T,) in 0..1."""
        return np.clip((1 - self.curves[:, SIL]) / 0.4, 0, 1)


@dataclass(frozen=True)
class LipOpening:
    """basis: (C, 48) directions of features; weights: (63,), offset: of mouth shapes and components. `gap` uses what `fitted` found."""

    basis: np.ndarray
    weights: np.ndarray
    offset: float

    def gap(self, heard: Heard) -> np.ndarray:
        """(T,) in distances between the outer eye corners, 0 for closed lips."""
        spoken = np.maximum(_inputs(self.basis, heard) @ self.weights + self.offset - CLOSED, 0)
        gap = heard.speaking * spoken + (1 - heard.speaking) * breathing(heard.segments, heard.times)
        closing = np.clip(heard.curves[:, PP] * 1.4 - 0.2, 0, 1) + LIPTEETH * heard.curves[:, FF]
        return (gap * (1 - np.clip(closing, 0, 1))).astype(np.float32)


def fitted(basis: np.ndarray, heard: Sequence[Heard], gaps: Sequence[np.ndarray]) -> LipOpening:
    """By ridge regression over the frames in which somebody speaks. gaps: (T,) of each clip, as tracked."""
    spoken = [each.speaking > 0.5 for each in heard]
    inputs = np.concatenate([_inputs(basis, each)[mask] for each, mask in zip(heard, spoken, strict=True)])
    targets = np.concatenate([gap[mask] for gap, mask in zip(gaps, spoken, strict=True)])
    scale = inputs.std(axis=0) + 1e-6
    scaled = (inputs - inputs.mean(axis=0)) / scale
    normal = scaled.T @ scaled + RIDGE * np.eye(scaled.shape[1])
    weights = np.linalg.solve(normal, scaled.T @ (targets - targets.mean())) / scale
    return LipOpening(basis, weights, float(targets.mean() - inputs.mean(axis=0) @ weights))


def principal_directions(features: np.ndarray) -> np.ndarray:
    """features (N, C), each clip's mean removed, to (C, 48)."""
    _, axes = np.linalg.eigh(features.T @ features)
    return axes[:, ::-1][:, :COMPONENTS].copy()


def centred(features: np.ndarray, speaking: np.ndarray) -> np.ndarray:
    """Features (T, C) without their mean over speech, which is that of a voice and a room."""
    return features - np.average(features, axis=0, weights=speaking + 1e-6)


def breathing(segments: Sequence[Segment], times: np.ndarray) -> np.ndarray:
    """(T,) how far lips part in pauses."""
    onsets = np.array([each.start for each in segments if each.viseme != "sil"])
    ends = np.array([each.end for each in segments if each.viseme != "sil"])
    if not len(onsets):
        return np.zeros(len(times))
    until, since = onsets - times[:, None], times[:, None] - ends
    until, since = (np.where(apart > 0, apart, np.inf).min(axis=1) for apart in (until, since))
    return BREATH * np.exp(-until / BREATH_SECONDS) + AFTER * np.exp(-since / AFTER_SECONDS)


def _inputs(basis: np.ndarray, heard: Heard) -> np.ndarray:
    return np.concatenate((heard.curves, centred(heard.features, heard.speaking) @ basis), axis=1)
