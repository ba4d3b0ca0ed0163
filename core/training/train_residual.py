"""Trains the residual transformer: one layer of tokens guessed from the layers below and the sentence (MoMask, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.residual_tokens import ResidualTransformer
from ..body.token_transformer import TokenTransformerConfig
from .run import NoExtraState
from .text_motion import TextMotionSampler, TokenBatch

CONDITION_DROP = 0.2
VALIDATION_BATCHES, VALIDATION_SIZE = 4, 48


class ResidualTask(NoExtraState):
    """See training.run.Task."""

    def __init__(self, config: TokenTransformerConfig, train: TextMotionSampler, held_out: TextMotionSampler, device: torch.device) -> None:
        self.network = ResidualTransformer(config).to(device)
        self._train, self._device = train, device
        generator = torch.Generator().manual_seed(0)
        self._validation = [held_out.sample(VALIDATION_SIZE, generator) for _ in range(VALIDATION_BATCHES)]

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        batch = self._train.sample(batch_size, generator)
        n_layers = self.network.config.n_quantizers
        # Lower layers matter more, so they are drawn more often
        draw = 1 - torch.cos(math.pi / 2 * torch.rand(batch_size, generator=generator))
        layer = 1 + torch.round(draw * (n_layers - 2)).long()
        loss, accuracy = self._cross_entropy(self.network, batch, layer, generator, CONDITION_DROP)
        return loss, {"accuracy": accuracy}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, ResidualTransformer)
        generator = torch.Generator().manual_seed(1)
        n_layers = network.config.n_quantizers
        figures = {}
        for layer in range(1, n_layers):
            which = torch.full((VALIDATION_SIZE,), layer)
            results = [self._cross_entropy(network, batch, which, generator, 0.0) for batch in self._validation]
            figures[f"loss_{layer}"] = sum(float(loss) for loss, _ in results) / len(results)
        return {"loss": sum(figures.values()) / len(figures), **figures}

    def _cross_entropy(
        self, network: ResidualTransformer, batch: TokenBatch, layer: Tensor, generator: torch.Generator, drop: float
    ) -> tuple[Tensor, float]:
        ids = batch.ids.masked_fill(batch.pad[..., None], network.pad_id)
        target = ids.gather(-1, layer[:, None, None].expand(*ids.shape[:2], 1)).squeeze(-1).to(self._device)
        dropped = torch.rand(len(ids), generator=generator) < drop
        text = batch.text.with_dropped(dropped).to(self._device)
        logits = network(ids.to(self._device), layer.to(self._device), text, batch.pad.to(self._device))
        loss = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=network.pad_id)
        right = (logits.argmax(-1) == target)[target != network.pad_id]
        return loss, float(right.float().mean())
