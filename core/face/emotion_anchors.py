"""Where the emotions lie that have a name: a distribution each in the space of the emotion embedding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..contract import EMOTIONS
from .emotion_embedding import EmotionDistribution, unit


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

    def place(self, emotion: str, clips: Sequence[EmotionDistribution]) -> None:
        """Puts an emotion where these clips (1, E) lie together: the normal distribution that has their mixture's mean and variance."""
        means = torch.cat([clip.mean for clip in clips])
        inside = torch.cat([clip.log_variance for clip in clips]).exp().mean(0)
        row = EMOTIONS.index(emotion)
        self.mean[row] = unit(means.mean(0, keepdim=True))[0]
        self.log_variance[row] = (inside + means.var(0, correction=0)).log()
