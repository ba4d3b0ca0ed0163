"""Features of the speech encoder differ in size by hundreds: networks learn from scaled ones, and a finished one takes them as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .face_corpus import FaceCorpus

_EVERY = 29  # frames that the scale is measured on


@dataclass(frozen=True)
class HeardScale:
    """mean, deviation: (C,) of every feature."""

    mean: np.ndarray
    deviation: np.ndarray

    def applied(self, heard: np.ndarray) -> np.ndarray:
        """(T, C) of any float type to float32 of mean 0 and deviation 1."""
        return (heard.astype(np.float32) - self.mean) / self.deviation

    @torch.no_grad()
    def fold_into(self, linear: nn.Linear) -> None:
        """Lets a layer that learned from scaled features take features as they are."""
        mean, deviation = torch.from_numpy(self.mean), torch.from_numpy(self.deviation)
        linear.weight.div_(deviation)
        linear.bias.sub_(linear.weight @ mean)


def heard_scale(corpus: FaceCorpus) -> HeardScale:
    """Of a corpus; the same each time."""
    sample = np.asarray(corpus.heard[::_EVERY], np.float32)
    return HeardScale(sample.mean(axis=0), sample.std(axis=0) + 1e-3)
