"""Which coefficients and which turn of the jaw move the skin of a face as it is wanted to move: weighted least squares, frame by frame."""

from __future__ import annotations

import numpy as np

from .bounded_least_squares import bounded_least_squares
from .jaw_fitting import fitted_jaw
from .skin_points import SkinPoints

# What a coefficient of one, or a turn of one radian, costs: as errors of 0.5 mm at some 50 independent places of a face of usual size
_NOISE = (0.0005 / 0.062) ** 2 / 50  # in squares of the distance between the eyes
_FREE_PRIOR, _BOUNDED_PRIOR = _NOISE / 1.0**2, _NOISE / 0.5**2
_JAW_PRIORS = _NOISE / np.radians([15.0, 3.0, 2.0]) ** 2
_OPENING_SHARE = 0.5  # what the lips' opening counts for, against one for the skin as a whole


class MotionFit:
    """Fits motion to points whose weights sum to one; `upper` and `lower` (P,) are numbers of points that face each other across the lips.

    unit: metres between the eyes. bounded: coefficients stay within 0 and 1. jaw_turns: the jaw's turn is fitted, too; else it rests.
    """

    def __init__(
        self,
        points: SkinPoints,
        weights: np.ndarray,
        upper: np.ndarray,
        lower: np.ndarray,
        *,
        unit: float,
        bounded: bool,
        jaw_turns: bool,
    ) -> None:
        self._points, self._weights, self._upper, self._lower = points, weights, upper, lower
        self._bounded, self._jaw_turns = bounded, jaw_turns
        directions = points.expressions.astype(np.float64)
        self._weighed = self._with_weights(directions)
        prior = unit**2 * (_BOUNDED_PRIOR if bounded else _FREE_PRIOR)
        self._jaw_priors = unit**2 * _JAW_PRIORS
        self._gram = np.tensordot(directions, self._weighed, axes=((0, 1), (0, 1))) + prior * np.eye(directions.shape[2])
        self._jaw_weighed = self._with_weights(points.jaw_keys.astype(np.float64))

    def fitted(self, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (T, E) and turns of the jaw (T, 3) for offsets (T, N, 3) of the points."""
        jaw = self._jaw(moved) if self._jaw_turns else np.zeros((len(moved), 3))
        shaped = self._points.without_jaw(moved, jaw) if self._jaw_turns else moved
        right = np.tensordot(shaped, self._weighed, axes=((1, 2), (0, 1)))
        if self._bounded:
            return bounded_least_squares(self._gram, right, 0.0, 1.0), jaw
        return np.linalg.solve(self._gram, right.T).T, jaw

    def moved(self, expression: np.ndarray, jaw: np.ndarray) -> np.ndarray:
        """Offsets (T, N, 3) of the points."""
        return self._points.moved(expression, jaw)

    def _jaw(self, moved: np.ndarray) -> np.ndarray:
        keys = self._points.jaw_keys.astype(np.float64)
        across = np.tensordot(keys, self._weighed, axes=((0, 1), (0, 1)))
        explained = np.linalg.solve(self._gram, across.T).T  # (9, E), what expressions can do of it themselves
        squares: np.ndarray = np.tensordot(keys, self._jaw_weighed, axes=((0, 1), (0, 1))) - explained @ across.T
        right = np.tensordot(moved, self._jaw_weighed - self._weighed @ explained.T, axes=((1, 2), (0, 1)))
        return fitted_jaw(squares, right, self._jaw_priors)

    def _with_weights(self, fields: np.ndarray) -> np.ndarray:
        """(N, 3, K) as the sum of squares weighs them: each point, and the differences across the lips."""
        weighed = self._weights[:, None, None] * fields
        if len(self._upper):
            openings = _OPENING_SHARE / len(self._upper) * (fields[self._upper] - fields[self._lower])
            np.add.at(weighed, self._upper, openings)
            np.add.at(weighed, self._lower, -openings)
        return weighed
