"""Generalised pooling: one vector of many, by learned weights for the largest, the second largest and so on (Chen et al. 2021, GPO)."""

from __future__ import annotations

from torch import Tensor, nn

from ..sinusoids import sinusoids

_TEMPERATURE = 0.1


class GeneralizedPooling(nn.Module):
    """(B, n, C) to (B, C). The weights depend on n alone, and order in time does not count."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        largest_first = x.sort(dim=1, descending=True).values
        return (largest_first * self.weights(x.shape[1])[:, None]).sum(1)

    def weights(self, n: int) -> Tensor:
        """(n,) that sum to one, for the largest of n values first."""
        codes = sinusoids(n, self.width).to(self.linear.weight)
        both_ways = self.gru(codes[None])[0][0]
        scores = self.linear(both_ways.unflatten(-1, (2, self.width)).mean(1))[:, 0]
        return (scores / _TEMPERATURE).softmax(0)
