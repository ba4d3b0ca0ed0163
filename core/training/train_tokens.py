"""Trains the masked transformer: random tokens are hidden and guessed from the rest and the sentence (MoMask, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.text_encoder import EncodedText
from ..body.token_generator import MaskTransformer
from ..body.token_transformer import TokenTransformerConfig
from .run import NoExtraState
from .text_motion import TextMotionSampler, TokenBatch

CONDITION_DROP = 0.1
# Of the sentences that a reader has been over, so many show what it read alone: else their words are learnt by heart instead
HIDDEN_WORDS = 0.5
RANDOM_SHARE, MASKED_SHARE = 0.1, 0.88  # of the hidden tokens: replaced by a random one; of the rest: by the mask
VALIDATION_BATCHES, VALIDATION_SIZE = 4, 48
IGNORED = -100
GROUP = 8  # rows of about one length that go through the network together on a CPU: nearly half of a batch is padding


class MaskTask(NoExtraState):
    """See training.run.Task."""

    def __init__(self, config: TokenTransformerConfig, train: TextMotionSampler, held_out: TextMotionSampler, device: torch.device) -> None:
        self.network = MaskTransformer(config).to(device)
        self._train, self._device = train, device
        generator = torch.Generator().manual_seed(0)
        self._validation = [held_out.sample(VALIDATION_SIZE, generator) for _ in range(VALIDATION_BATCHES)]

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        loss, accuracy = self._cross_entropy(self.network, self._train.sample(batch_size, generator), generator, CONDITION_DROP)
        return loss, {"accuracy": accuracy}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, MaskTransformer)
        generator = torch.Generator().manual_seed(1)
        results = [self._cross_entropy(network, batch, generator, 0.0) for batch in self._validation]
        blind = [self._cross_entropy(network, batch, generator, 1.0) for batch in self._validation]
        return {
            "loss": sum(float(loss) for loss, _ in results) / len(results),
            "accuracy": sum(accuracy for _, accuracy in results) / len(results),
            "loss_without_text": sum(float(loss) for loss, _ in blind) / len(blind),
        }

    def _cross_entropy(self, network: MaskTransformer, batch: TokenBatch, generator: torch.Generator, drop: float) -> tuple[Tensor, float]:
        hidden = hidden_tokens(batch, generator)
        target = batch.ids[..., 0].masked_fill(~hidden, IGNORED).to(self._device)
        ids = self._corrupted(network, batch, hidden, generator).to(self._device)
        dropped = torch.rand(len(ids), generator=generator) < drop
        text = self._shown(batch.text, len(ids), generator).with_dropped(dropped).to(self._device)
        logits = grouped_logits(network, ids, text, batch.pad.to(self._device))
        loss = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORED)
        right = (logits.argmax(-1) == target)[target != IGNORED]
        return loss, float(right.float().mean())

    def _shown(self, text: EncodedText, count: int, generator: torch.Generator) -> EncodedText:
        if not self._train.is_read:
            return text
        return text.with_hidden_words(torch.rand(count, generator=generator) < HIDDEN_WORDS)

    @staticmethod
    def _corrupted(network: MaskTransformer, batch: TokenBatch, hidden: Tensor, generator: torch.Generator) -> Tensor:
        ids = batch.ids[..., 0].masked_fill(batch.pad, network.pad_id)
        dice = torch.rand(ids.shape, generator=generator)
        random_ids = torch.randint(network.config.n_codes, ids.shape, generator=generator)
        ids = torch.where(hidden & (dice < RANDOM_SHARE), random_ids, ids)
        masked = hidden & (dice >= RANDOM_SHARE) & (dice < RANDOM_SHARE + (1 - RANDOM_SHARE) * MASKED_SHARE)
        return ids.masked_fill(masked, network.mask_id)


def grouped_logits(network: MaskTransformer, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
    """What network(ids, text, pad) gives, (B, n, n_codes), zero beyond the longest row of a group."""
    if ids.device.type != "cpu":
        return network(ids, text, pad)
    lengths, words = (~pad).sum(-1), (~text.word_pad).sum(-1)
    order = (lengths + words).argsort()
    parts = []
    for rows in order.split(GROUP):
        n, longest = int(lengths[rows].max()), max(1, int(words[rows].max()))
        read = EncodedText(text.pooled[rows], text.words[rows, :longest], text.word_pad[rows, :longest])
        parts.append(F.pad(network(ids[rows, :n], read, pad[rows, :n]), (0, 0, 0, ids.shape[1] - n)))
    return torch.cat(parts)[order.argsort()]


def hidden_tokens(batch: TokenBatch, generator: torch.Generator) -> Tensor:
    """(B, n) True for the tokens to guess: a share cos(pi u / 2) of those that the sentence describes, at least one."""
    candidates = ~batch.pad & ~batch.context
    counts = candidates.sum(-1)
    share = torch.cos(math.pi / 2 * torch.rand(len(counts), generator=generator))
    n_hidden = torch.round(share * counts).clamp_min(1)
    scores = torch.rand(candidates.shape, generator=generator).masked_fill(~candidates, 2.0)
    return (scores.argsort(-1).argsort(-1) < n_hidden[:, None]) & candidates
