"""Trains the expression tokens (DEEPTalk's TH-VQVAE): a face back out of its codes, commitment, moving-average codebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...face.expression_tokens import Codebook, ExpressionTokenizer, ExpressionTokensConfig
from ..moving_codes import MovingCodes
from .face_batches import FaceBatches
from .face_losses import face_loss, lips_apart, lips_correlation
from .face_scale import FaceScale

COMMITMENT, CODE_DECAY = 0.25, 0.95  # as published
UNQUANTISED = 600  # steps without codes
# Noise in their place, in deviations of what is encoded, so that the encoder sets far apart what a face's error counts most for
ROUGHNESS = 2.0
PLACED_ON = 384  # windows
VALIDATION_WINDOWS = 128


class ExpressionTokensTask:
    """See training.run.Task."""

    def __init__(self, train: FaceBatches, validation: FaceBatches, scale: FaceScale, config: ExpressionTokensConfig) -> None:
        self.network = ExpressionTokenizer(config)
        self._train, self._scale = train, scale
        self._held_out = scale.of(validation.faces(VALIDATION_WINDOWS, torch.Generator().manual_seed(0)))
        self._codes = {name: MovingCodes(book.codebook.weight, CODE_DECAY) for name, book in self._books().items()}
        for book in self._books().values():
            book.requires_grad_(False)
        self._steps = 0

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        if self._steps == UNQUANTISED:
            self._place_codes(generator)
        motion = self._scale.of(self._train.faces(batch_size, generator))
        network = self.network
        if self._steps >= UNQUANTISED:
            self._hold_still()
        bottom = network.encoder_b(motion)
        top, commit_top, perplexity_top = self._quantised("top", network.encoder_t(bottom))
        joined = torch.cat((network.decoder_t(top), bottom), dim=-1)
        fine, commit_bottom, perplexity_bottom = self._quantised("bottom", joined)
        self._steps += 1
        upsampled = network.upsample_t(top.transpose(1, 2)).transpose(1, 2)
        made = network.decoder_b(torch.cat((upsampled, fine), dim=-1))
        reconstruction, lips = face_loss(self._scale, made, motion), lips_apart(self._scale, made, motion)
        measured = {"reconstruction": float(reconstruction.detach()), "lips mm": float(lips.detach())}
        figures = {**measured, "top": perplexity_top, "bottom": perplexity_bottom}
        return reconstruction + COMMITMENT * (commit_top + commit_bottom), figures

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, ExpressionTokenizer)
        made = network.decode(*network.encode(self._held_out))
        figures = {"lips mm": lips_apart(self._scale, made, self._held_out), "lips r": lips_correlation(self._scale, made, self._held_out)}
        return {"loss": float(face_loss(self._scale, made, self._held_out)), **{name: float(value) for name, value in figures.items()}}

    def extra_state(self) -> dict[str, Any]:
        return {"steps": self._steps, **{name: codes.state() for name, codes in self._codes.items()}}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self._steps = state["steps"]
        for name, codes in self._codes.items():
            codes.load_state(state[name])

    def _quantised(self, name: str, vectors: Tensor) -> tuple[Tensor, Tensor, float]:
        """(B, n, C) to the codes' vectors, straight through, the commitment and the perplexity."""
        if self._steps < UNQUANTISED:
            return roughened(vectors), vectors.new_zeros(()), 0.0
        book, codes = self._books()[name], self._codes[name]
        ids = book.nearest(vectors)
        chosen = book(ids)
        commitment = F.mse_loss(vectors, chosen)
        straight = vectors + (chosen - vectors).detach()
        return straight, commitment, codes.update(vectors.detach().flatten(0, 1), ids.flatten())

    def _hold_still(self) -> None:
        """From then on only what decodes learns: an encoder that moves on leaves most of its codes behind (1024 soon become 50)."""
        for part in (self.network.encoder_b, self.network.encoder_t, self.network.decoder_t):
            part.eval().requires_grad_(False)

    @torch.no_grad()
    def _place_codes(self, generator: torch.Generator) -> None:
        """Codes begin as means of what the encoder gives by now: were they placed before, it would leave most of them behind."""
        network = self.network.eval()
        bottom = network.encoder_b(self._scale.of(self._train.faces(PLACED_ON, generator)))
        top = network.encoder_t(bottom)
        self._codes["top"].start_as_means(top.flatten(0, 1))
        expanded = network.expanded_top(network.quantize_t.nearest(top))
        self._codes["bottom"].start_as_means(torch.cat((expanded, bottom), dim=-1).flatten(0, 1))
        network.train()

    def _books(self) -> dict[str, Codebook]:
        return {"top": self.network.quantize_t, "bottom": self.network.quantize_b}


def roughened(vectors: Tensor) -> Tensor:
    """(B, n, C) with noise of one size in all directions, which does not shrink where the vectors grow."""
    deviation = vectors.flatten(0, 1).var(0).mean().sqrt()
    return vectors + ROUGHNESS * deviation * torch.randn_like(vectors)
