"""What the speech encoder hears in fewer numbers, to learn from: its features' principal components, each of deviation one.

A finished network takes the features themselves, because its first layer is linear and takes this step in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

COMPONENTS = 256
_EVERY = 23  # frames that they are found on
_LEAST_DEVIATION = 1e-3
_PIECE = 20_000  # frames at a time


@dataclass(frozen=True)
class HeardComponents:
    """mean: (C,); directions: (C, 256)."""

    mean: np.ndarray
    directions: np.ndarray

    def of(self, heard: np.ndarray) -> np.ndarray:
        """(T, C) of any float type to (T, 256) float32."""
        return (heard.astype(np.float32) - self.mean) @ self.directions

    @torch.no_grad()
    def taken_in(self, linear: nn.Linear) -> nn.Linear:
        """A layer that does with features what this one does with their components."""
        whole = nn.Linear(len(self.mean), linear.out_features)
        whole.weight.copy_(linear.weight @ torch.from_numpy(self.directions).T)
        whole.bias.copy_(linear.bias - whole.weight @ torch.from_numpy(self.mean))
        return whole


def heard_components(heard: np.ndarray) -> HeardComponents:
    """Of features (N, C), each scaled to the same deviation first: some are hundreds of times larger than others."""
    sample = np.asarray(heard[::_EVERY], np.float32)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0) + _LEAST_DEVIATION
    scaled = (sample - mean) / deviation
    variances, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    largest = slice(None, -COMPONENTS - 1, -1)
    directions = axes[:, largest] / np.sqrt(variances[largest]) / deviation[:, None]
    return HeardComponents(mean, np.ascontiguousarray(directions, np.float32))


def condensed(heard: np.ndarray, components: HeardComponents) -> np.ndarray:
    """(N, C) to (N, 256) float16."""
    return np.concatenate([components.of(heard[at : at + _PIECE]).astype(np.float16) for at in range(0, len(heard), _PIECE)])
