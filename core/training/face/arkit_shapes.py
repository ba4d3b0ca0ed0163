"""Weights by the names of ARKit's shapes to vectors of 52 numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def shape_vector(names: tuple[str, ...], weights: Mapping[str, float]) -> np.ndarray:
    """(E,) in the order of `names`; a name without a side stands for Left and Right. Raises KeyError for an unknown one."""
    vector = np.zeros(len(names), np.float32)
    for shape, weight in weights.items():
        columns = [number for number, name in enumerate(names) if name in (shape, f"{shape}Left", f"{shape}Right")]
        if not columns:
            raise KeyError(shape)
        vector[columns] = weight
    return vector
