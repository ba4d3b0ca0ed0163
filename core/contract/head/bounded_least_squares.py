"""Least squares within limits, for many right-hand sides at once."""

from __future__ import annotations

import numpy as np

_SWEEPS, _CHANGE = 100, 5e-4


def bounded_least_squares(gram: np.ndarray, right: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """(T, K) minima of x G x / 2 - b x within the limits, for G (K, K) positive definite and b (T, K).

    By coordinate descent: every coefficient in turn takes its best value while the others stay (Franc et al. 2005).
    """
    values = np.clip(np.linalg.solve(gram, right.T).T, lowest, highest)
    slopes = values @ gram - right
    for _ in range(_SWEEPS):
        most = 0.0
        for number in range(len(gram)):
            better = np.clip(values[:, number] - slopes[:, number] / gram[number, number], lowest, highest)
            change = better - values[:, number]
            slopes += change[:, None] * gram[number]
            values[:, number] = better
            most = max(most, float(np.abs(change).max(initial=0)))
        if most < _CHANGE * (highest - lowest):
            break
    return np.asarray(values)
