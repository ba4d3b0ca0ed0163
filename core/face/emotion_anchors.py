"""Where the emotions lie that have a name: a distribution each in the space of the emotion embedding."""

from __future__ import annotations

import torch
from torch import nn

from ..contract import EMOTIONS
from .emotion_embedding import EmotionDistribution


class EmotionAnchors(nn.Module):
    """mean (8, E), each of length one, and log_variance (8, E) of EMOTIONS, in this order."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(EMOTIONS), width))
        self.register_buffer("log_variance", torch.zeros(len(EMOTIONS), width))

    def of(self, emotion: str) -> EmotionDistribution:
        """(1, E) of one of EMOTIONS."""
        row = EMOTIONS.index(emotion)
        return EmotionDistribution(self.mean[row : row + 1], self.log_variance[row : row + 1])

    def place(self, emotion: str, distribution: EmotionDistribution) -> None:
        """Puts one of EMOTIONS where this distribution (1, E) lies."""
        row = EMOTIONS.index(emotion)
        self.mean[row], self.log_variance[row] = distribution.mean[0], distribution.log_variance[0]
