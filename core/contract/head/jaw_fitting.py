"""The jaw's turn that explains a moved face best, while expressions are free to explain the rest."""

from __future__ import annotations

import numpy as np

from .skin_points import jaw_changes

_STEPS = 6
_SMALL = 1e-3  # radians, for the slope of a rotation


def fitted_jaw(squares: np.ndarray, right: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """Axis-angle (T, 3) in radians that makes q S q - 2 b q + w P w least, q being the entries of R - I, by Gauss and Newton from rest.

    squares: S (9, 9). right: b (T, 9). priors: P (3,), what a radian squared about each axis costs.
    """
    jaw = np.zeros((len(right), 3))
    for _ in range(_STEPS):
        slopes = _entry_slopes(jaw)
        down = np.einsum("tka,tk->ta", slopes, right - _entries(jaw) @ squares) - jaw * priors
        curvature = np.einsum("tka,kl,tlb->tab", slopes, squares, slopes) + np.diag(priors)
        jaw += np.linalg.solve(curvature, down[..., None])[..., 0]
    return jaw


def _entries(jaw: np.ndarray) -> np.ndarray:
    return jaw_changes(jaw).reshape(len(jaw), 9)


def _entry_slopes(jaw: np.ndarray) -> np.ndarray:
    """(T, 9, 3) change of the entries for each radian of the three parts of (T, 3)."""
    steps = _SMALL * np.eye(3)
    return np.stack([(_entries(jaw + step) - _entries(jaw - step)) / (2 * _SMALL) for step in steps], axis=-1)
