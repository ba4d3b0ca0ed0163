"""Trains the token matcher: a motion finds its sentence and a sentence its motion among those of the batch (InfoNCE)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.motion_tokens import NO_CODE
from ..body.token_matcher import MatcherConfig, TokenMatcher
from .run import NoExtraState
from .text_motion import TextMotionSampler, TokenBatch

TEMPERATURE = 0.1
WRONG_CODES = 0.05  # share of the codes that are replaced by random ones: what is generated has slips too
VALIDATION_SIZE = 192


class MatcherTask(NoExtraState):
    """See training.run.Task."""

    def __init__(self, config: MatcherConfig, train: TextMotionSampler, held_out: TextMotionSampler, device: torch.device) -> None:
        self.network = TokenMatcher(config).to(device)
        self._train, self._device = train, device
        self._validation = held_out.sample(VALIDATION_SIZE, torch.Generator().manual_seed(0))

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        batch = self._train.sample(batch_size, generator)
        wrong = torch.rand(batch.ids.shape[:2], generator=generator) < WRONG_CODES
        codes = torch.randint(self.network.config.n_codes, wrong.shape, generator=generator)
        loss, found = self._contrast(self.network, batch, torch.where(wrong, codes, batch.ids[..., 0]))
        return loss, {"found": found}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, TokenMatcher)
        loss, found = self._contrast(network, self._validation, self._validation.ids[..., 0])
        return {"loss": float(loss), "found": found}

    def _contrast(self, network: TokenMatcher, batch: TokenBatch, ids: Tensor) -> tuple[Tensor, float]:
        """The loss, and the share of motions whose own sentence is nearest. Rows of one cell are no wrong answers to each other."""
        described = ~(batch.pad | batch.context)
        ids, pad = described_first(ids, described)
        motions = network.motion_vectors(ids.to(self._device), pad.to(self._device))
        sentences = network.sentence_vectors(batch.text.to(self._device))
        alike = (batch.cells[:, None] == batch.cells) & ~torch.eye(len(ids), dtype=torch.bool)
        logits = (motions @ sentences.T / TEMPERATURE).masked_fill(alike.to(self._device), -1e9)
        own = torch.arange(len(ids), device=self._device)
        loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        return loss, float((logits.argmax(-1) == own).double().mean())


def described_first(ids: Tensor, described: Tensor) -> tuple[Tensor, Tensor]:
    """The described tokens of each row (B, n) moved to its beginning, and (B, n) True behind them."""
    order = (~described).to(torch.uint8).argsort(dim=-1, stable=True)
    pad = torch.arange(ids.shape[1]) >= described.sum(-1, keepdim=True)
    return ids.gather(-1, order).masked_fill(pad, NO_CODE), pad
