"""Where the lips of a face at rest meet, found by the jaw: along that line neighbours differ most in how far they follow its turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .face_geometry import FaceGeometry

_NEAR, _APART = 0.075, 0.4  # distance as a share of that between the eyes; difference of the jaw's weights
_BINS, _HALF_WIDTH = 15, 0.6  # of the line from the right to the left, the latter as a share of the eyes' distance


@dataclass(frozen=True)
class LipLine:
    """Pairs of vertices that face each other across the lips, from the right corner to the left one.

    upper, lower: (P,) vertex numbers. points: (P, 3) metres between them.
    """

    upper: np.ndarray
    lower: np.ndarray
    points: np.ndarray

    @property
    def middle(self) -> int:
        """Number of the pair nearest to the line's middle."""
        across = self.points[:, 0]
        return int(np.abs(across - (across[0] + across[-1]) / 2).argmin())


def lip_line(face: FaceGeometry) -> LipLine | None:
    """None where no lips are found, as on a face whose jaw moves nothing or whose mouth is wide open."""
    apart = float(np.linalg.norm(face.eyes[0] - face.eyes[1]))
    centre = face.eyes.mean(0)
    off = (face.neutral - centre) / apart
    near_mouth = (np.abs(off[:, 0]) < _HALF_WIDTH) & (off[:, 1] < 0) & (off[:, 2] > -0.3)
    upper = np.flatnonzero(near_mouth & (face.jaw_weights < 0.5))
    lower = np.flatnonzero(near_mouth & (face.jaw_weights >= 0.5))
    if not (len(upper) and len(lower)):
        return None
    gaps = np.linalg.norm(face.neutral[upper, None] - face.neutral[lower], axis=2)
    jumps = face.jaw_weights[lower] - face.jaw_weights[upper, None]
    one, other = np.nonzero((gaps < _NEAR * apart) & (jumps > _APART))
    return _frontmost(face, upper[one], lower[other], gaps[one, other], apart) if len(one) else None


def _frontmost(face: FaceGeometry, upper: np.ndarray, lower: np.ndarray, gaps: np.ndarray, apart: float) -> LipLine:
    """Of each strip from right to left the pair in front, where lips meet before the mouth's inside; near pairs before far ones."""
    points = (face.neutral[upper] + face.neutral[lower]) / 2
    left, right = points[:, 0].max(), points[:, 0].min()
    strip = np.minimum(((points[:, 0] - right) / max(left - right, 1e-9) * _BINS).astype(int), _BINS - 1)
    rank = points[:, 2] - 2 * gaps
    order = np.lexsort((rank, strip))
    last = np.flatnonzero(np.append(strip[order][1:] != strip[order][:-1], True))
    best = order[last]
    return LipLine(upper[best], lower[best], points[best])
