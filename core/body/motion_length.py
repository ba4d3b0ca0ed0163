"""Prompt to length: a small classifier over token counts (Guo et al., CVPR 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LengthConfig:
    """Defaults are the published configuration."""

    text_width: int = 512
    hidden: tuple[int, int, int] = (512, 256, 128)
    n_lengths: int = 50
    shortest: int = 10


class LengthEstimator(nn.Module):
    """Pooled text vectors (B, P) to logits (B, n_lengths); class k is k tokens."""

    def __init__(self, config: LengthConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.hidden
        self.output = nn.Sequential(
            nn.Linear(config.text_width, first),
            nn.LayerNorm(first),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.2),
            nn.Linear(first, second),
            nn.LayerNorm(second),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.2),
            nn.Linear(second, third),
            nn.LayerNorm(third),
            nn.LeakyReLU(0.2),
            nn.Linear(third, config.n_lengths),
        )

    def forward(self, pooled: Tensor) -> Tensor:
        return self.output(pooled)

    def expected_tokens(self, pooled: Tensor) -> Tensor:
        """Mean length (B,) in tokens, rounded, between the shortest and the longest of training."""
        shares = self(pooled).softmax(-1)
        mean = (shares * torch.arange(self.config.n_lengths, device=shares.device)).sum(-1)
        return mean.round().long().clamp(self.config.shortest, self.config.n_lengths - 1)
