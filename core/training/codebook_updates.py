"""How the layers of a residual quantiser learn: each a moving average, with layer dropout and random choice after MoMask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..body.motion_tokens import ResidualQuantizer
from .moving_codes import MovingCodes

CHOICE_TEMPERATURE = 0.5
LAYER_DROPOUT = 0.2


class CodebookUpdates:
    """Quantises while training: straight-through values, the commitment loss, and an update of every codebook used."""

    def __init__(self, quantizer: ResidualQuantizer) -> None:
        self._books = quantizer.books
        self._codes = [MovingCodes(book.codebook) for book in self._books]
        self._started = False

    def go_on(self) -> None:
        """Takes the codebooks as they are, instead of vectors of the first batch: where training starts from a trained tokenizer."""
        for codes in self._codes:
            codes.take_as_they_are()
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
            used = self._codes[layer].update(vectors, ids)
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
            self._codes[layer].start_with(vectors)
        noise = -torch.log(-torch.log(torch.rand(len(vectors), len(book.codebook), device=vectors.device).clamp_min(1e-20)))
        return (-book.distances(vectors) / CHOICE_TEMPERATURE + noise).argmax(-1)

    def state(self) -> dict[str, Any]:
        parts = [codes.state() for codes in self._codes]
        return {**{name: [part[name] for part in parts] for name in ("sums", "counts")}, "started": self._started}

    def load_state(self, state: dict[str, Any]) -> None:
        self._started = state["started"]
        for codes, sums, counts in zip(self._codes, state["sums"], state["counts"], strict=True):
            codes.load_state({"sums": sums, "counts": counts})
