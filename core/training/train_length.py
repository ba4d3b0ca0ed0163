"""Trains the length estimator: how many tokens the clips of a sentence last (Guo et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.features import FPS
from ..body.motion_length import LengthConfig, LengthEstimator
from ..body.motion_tokens import FRAMES_PER_TOKEN
from .corpus import Corpus, Stretch
from .encoded_sentences import EncodedSentences
from .run import NoExtraState
from .windows import TEXT_BALANCE, balanced_weights, picked


class LengthTask(NoExtraState):
    """See training.run.Task."""

    def __init__(self, corpus: Corpus, config: LengthConfig, sentences: EncodedSentences, device: torch.device) -> None:
        self.network = LengthEstimator(config).to(device)
        self._sentences, self._device = sentences, device
        described = {split: corpus.usable(split, lambda stretch: bool(stretch.spans)) for split in ("train", "validation")}
        self._examples = {split: _examples(stretches, config.n_lengths - 1) for split, stretches in described.items()}

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        pooled, lengths = self._batch("train", batch_size, generator)
        return F.cross_entropy(self.network(pooled), lengths), {}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, LengthEstimator)
        pooled, lengths = self._batch("validation", 512, torch.Generator().manual_seed(0))
        error = (network.expected_tokens(pooled) - lengths).abs().float().mean() * FRAMES_PER_TOKEN / FPS
        return {"loss": float(F.cross_entropy(network(pooled), lengths)), "error_s": float(error)}

    def _batch(self, split: str, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        weights, pairs = self._examples[split]
        rows = [pairs[index] for index in torch.multinomial(weights, count, replacement=True, generator=generator).tolist()]
        sentences = [picked(group, generator) for group, _ in rows]
        lengths = torch.tensor([length for _, length in rows])
        return self._sentences.pooled[sentences].float().to(self._device), lengths.to(self._device)


def _examples(described: list[Stretch], longest: int) -> tuple[Tensor, list[tuple[tuple[int, ...], int]]]:
    """Weights, and for every described span its sentences with its length in tokens."""
    weights = balanced_weights(described, TEXT_BALANCE)
    pairs, spread = [], []
    for stretch, weight in zip(described, weights.tolist(), strict=True):
        for span in stretch.spans:
            pairs.append((span.sentences, min((span.end - span.start) // FRAMES_PER_TOKEN, longest)))
            spread.append(weight / len(stretch.spans))
    return torch.tensor(spread, dtype=torch.float64), pairs
