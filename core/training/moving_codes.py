"""One codebook that learns as a moving average of the vectors that chose its codes (van den Oord et al. 2017, appendix), with new codes
for those that nothing chooses (Jukebox, arXiv 2005.00341)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

DECAY = 0.99
# A code chosen less often than this share of even use is replaced. Codes are chosen unevenly: a share near 1 would replace most of them
# at every step, before they have learnt anything
UNUSED_SHARE = 1 / 16
CLUSTERING_ROUNDS = 10


class MovingCodes:
    """codes: (K, C), changed in place. decay: of what a batch says, until the next one."""

    def __init__(self, codes: Tensor, decay: float = DECAY) -> None:
        self._codes, self._decay = codes, decay
        self._sums, self._counts = codes.clone(), torch.ones(len(codes), device=codes.device)

    @torch.no_grad()
    def start_with(self, vectors: Tensor) -> None:
        """Takes rows of vectors (N, C) for codes."""
        self._codes.copy_(_random_rows(vectors, len(self._codes)))
        self.take_as_they_are()

    def take_as_they_are(self) -> None:
        """Where training starts from codes that somebody else set."""
        self._sums, self._counts = self._codes.clone(), torch.ones_like(self._counts)

    @torch.no_grad()
    def start_as_means(self, vectors: Tensor) -> None:
        """Takes means of clusters of many vectors (N, C) for codes, and how many there are of each for what was chosen."""
        codes = _random_rows(vectors, len(self._codes))
        for _ in range(CLUSTERING_ROUNDS):
            ids = torch.cdist(vectors, codes).argmin(-1)
            counts = torch.bincount(ids, minlength=len(codes))
            means = torch.zeros_like(codes).index_add_(0, ids, vectors) / counts.clamp_min(1)[:, None]
            codes = torch.where((counts > 0)[:, None], means, _random_rows(vectors, len(codes)))
        self._codes.copy_(codes)
        self.take_as_they_are()

    @torch.no_grad()
    def update(self, vectors: Tensor, ids: Tensor) -> float:
        """Moves the codes by what chose them, vectors (N, C) and ids (N,), and gives the perplexity: how many were used evenly."""
        counts = torch.bincount(ids, minlength=len(self._codes)).to(vectors)
        sums = torch.zeros_like(self._codes).index_add_(0, ids, vectors)
        self._counts = self._decay * self._counts.to(counts) + (1 - self._decay) * counts
        self._sums = self._decay * self._sums.to(sums) + (1 - self._decay) * sums
        used = self._counts >= UNUSED_SHARE * self._counts.mean()
        means = self._sums / self._counts.clamp_min(1e-6)[:, None]
        self._codes.copy_(torch.where(used[:, None], means, _random_rows(vectors, len(means))))
        shares = counts / counts.sum()
        return float(torch.exp(-(shares * torch.log(shares + 1e-10)).sum()))

    def state(self) -> dict[str, Any]:
        return {"sums": self._sums, "counts": self._counts}

    def load_state(self, state: dict[str, Any]) -> None:
        self._sums, self._counts = state["sums"], state["counts"]


def _random_rows(vectors: Tensor, count: int) -> Tensor:
    """(count, C) rows of vectors (N, C); with a little noise where rows must serve twice."""
    if len(vectors) >= count:
        return vectors[torch.randperm(len(vectors), device=vectors.device)[:count]]
    rows = vectors[torch.randint(len(vectors), (count,), device=vectors.device)]
    return rows + torch.randn_like(rows) * 0.01 / rows.shape[1] ** 0.5
