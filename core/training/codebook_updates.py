"""How codebooks learn: moving averages of the vectors that chose a code, and new codes for those that nothing chooses
(van den Oord et al. 2017, appendix; Jukebox, arXiv 2005.00341, for the restarts; MoMask for layer dropout and random choice).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..body.motion_tokens import ResidualQuantizer

DECAY = 0.99
CHOICE_TEMPERATURE = 0.5
LAYER_DROPOUT = 0.2
# A code chosen less often than this share of even use is replaced. Codes are chosen unevenly: a share near 1 would replace most of them
# at every step, before they have learnt anything
UNUSED_SHARE = 1 / 16


class CodebookUpdates:
    """Quantises while training: straight-through values, the commitment loss, and an update of every codebook used."""

    def __init__(self, quantizer: ResidualQuantizer) -> None:
        self._books = quantizer.books
        self._sums = [book.codebook.clone() for book in self._books]
        self._counts = [torch.ones(len(book.codebook)) for book in self._books]
        self._started = False

    def go_on(self) -> None:
        """Takes the codebooks as they are, instead of vectors of the first batch: where training starts from a trained tokenizer."""
        self._sums = [book.codebook.clone() for book in self._books]
        self._started = True

    def quantize(self, latents: Tensor) -> tuple[Tensor, Tensor, float]:
        """latents (B, n, C) to their quantised values (B, n, C), the commitment loss, and the first layer's perplexity."""
        residual, total = latents, torch.zeros_like(latents)
        commitment, perplexity = latents.new_zeros(()), 0.0
        n_layers = self._layers_of_this_batch()
        for layer in range(n_layers):
            vectors = residual.detach().flatten(0, 1).float()
            ids = self._choose(layer, vectors)
            code = self._books[layer].codebook[ids].view_as(latents)
            commitment = commitment + F.mse_loss(residual, code) / n_layers
            used = self._update(layer, vectors, ids)
            perplexity = used if layer == 0 else perplexity
            total, residual = total + code, residual - code
        self._started = True
        return latents + (total - latents).detach(), commitment, perplexity

    def _layers_of_this_batch(self) -> int:
        n_layers = len(self._books)
        if self._started and torch.rand(()) < LAYER_DROPOUT:
            return int(torch.randint(1, n_layers + 1, ()))
        return n_layers

    def _choose(self, layer: int, vectors: Tensor) -> Tensor:
        book = self._books[layer]
        if not self._started:
            book.codebook.copy_(_random_rows(vectors, len(book.codebook)))
            self._sums[layer] = book.codebook.clone()
            self._counts[layer] = torch.ones(len(book.codebook), device=vectors.device)
        noise = -torch.log(-torch.log(torch.rand(len(vectors), len(book.codebook), device=vectors.device).clamp_min(1e-20)))
        return (-book.distances(vectors) / CHOICE_TEMPERATURE + noise).argmax(-1)

    @torch.no_grad()
    def _update(self, layer: int, vectors: Tensor, ids: Tensor) -> float:
        """Moves the codes and gives the perplexity: how many codes this batch used evenly."""
        book = self._books[layer]
        counts = torch.bincount(ids, minlength=len(book.codebook)).to(vectors)
        sums = torch.zeros_like(book.codebook).index_add_(0, ids, vectors)
        self._counts[layer] = DECAY * self._counts[layer].to(counts) + (1 - DECAY) * counts
        self._sums[layer] = DECAY * self._sums[layer].to(sums) + (1 - DECAY) * sums
        used = self._counts[layer] >= UNUSED_SHARE * self._counts[layer].mean()
        means = self._sums[layer] / self._counts[layer].clamp_min(1e-6)[:, None]
        book.codebook.copy_(torch.where(used[:, None], means, _random_rows(vectors, len(means))))
        shares = counts / counts.sum()
        return float(torch.exp(-(shares * torch.log(shares + 1e-10)).sum()))

    def state(self) -> dict[str, Any]:
        return {"sums": self._sums, "counts": self._counts, "started": self._started}

    def load_state(self, state: dict[str, Any]) -> None:
        self._sums, self._counts, self._started = state["sums"], state["counts"], state["started"]


def _random_rows(vectors: Tensor, count: int) -> Tensor:
    """(count, C) rows of vectors (N, C); with a little noise where rows must serve twice."""
    if len(vectors) >= count:
        return vectors[torch.randperm(len(vectors), device=vectors.device)[:count]]
    rows = vectors[torch.randint(len(vectors), (count,), device=vectors.device)]
    return rows + torch.randn_like(rows) * 0.01 / rows.shape[1] ** 0.5
