"""Prompt to base tokens: the masked transformer and its iterative unmasking (MoMask, sections 3.2 and 3.4; MaskGIT)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..noise import gumbel
from .text_encoder import EncodedText
from .token_transformer import TokenTransformer, TokenTransformerConfig, guided, keep_likeliest

KEPT = 1e5  # score of a token that is never masked again


@dataclass(frozen=True)
class UnmaskingSettings:
    """Values of the published evaluation. share: part of the codes that may be drawn (top-k).

    choice_noise: how much chance decides which tokens are kept first, falling to nothing at the last step (MaskGIT's choice temperature).
    Without it the surest ones are, which are those of somebody who stands still.
    """

    steps: int = 10
    guidance: float = 4.0
    temperature: float = 1.0
    share: float = 0.1
    choice_noise: float = 0.0


class MaskTransformer(TokenTransformer):
    """ids (B, n) in 0..n_codes-1, n_codes for a masked token, n_codes+1 beyond the end, to logits (B, n, n_codes)."""

    def __init__(self, config: TokenTransformerConfig) -> None:
        super().__init__(config)
        self.mask_id, self.pad_id = config.n_codes, config.n_codes + 1
        self.token_emb = nn.Embedding(config.n_codes + 2, config.code_dim)
        self.output_process.poseFinal = nn.Linear(config.width, config.n_codes)

    def forward(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
        return self.trunk(self.token_emb(ids), [], text, pad)


def generate_base_tokens(
    model: MaskTransformer,
    text: EncodedText,
    lengths: Tensor,
    settings: UnmaskingSettings,
    generators: list[torch.Generator],
    given: Tensor | None = None,
    keep: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Base ids (B, n), -1 beyond each length.

    lengths: (B,) tokens. given, keep: (B, n) ids, and True where they stay as they are. generators: one a row. on_step(done, of).
    """
    longest = int(lengths.max())
    pad = torch.arange(longest, device=lengths.device) >= lengths[:, None]
    editable = ~pad if keep is None else ~pad & ~keep
    ids = torch.full_like(pad, model.mask_id, dtype=torch.long) if given is None else given.clone()
    ids = ids.masked_fill(editable, model.mask_id).masked_fill(pad, model.pad_id)
    scores = torch.where(editable, 0.0, KEPT)
    both = text.with_unconditional() if settings.guidance != 1 else text
    for step, n_masked in enumerate(unmasking_schedule(editable.sum(-1), settings.steps)):
        masked = editable & (scores.argsort(-1).argsort(-1) < n_masked[:, None])
        ids = ids.masked_fill(masked, model.mask_id)
        logits = _guided_logits(model, ids, both, pad, settings.guidance)
        drawn = _draw(logits, settings, generators)
        ids = torch.where(masked, drawn, ids)
        scores = torch.where(masked, _sureness(logits, drawn, settings, step, generators), KEPT)
        if on_step:
            on_step(step + 1, settings.steps)
    return ids.masked_fill(pad, -1)


def unmasking_schedule(lengths: Tensor, steps: int) -> list[Tensor]:
    """How many tokens (B,) are masked before each step: a falling cosine, never below one.

    In float32 and rounded half to even as published: double precision masks one more at 6/9 for odd lengths.
    """
    times = torch.linspace(0, 1, steps, dtype=torch.float32)
    shares = torch.cos(times * math.pi * 0.5)
    return [torch.round(share * lengths).clamp_min(1).long() for share in shares.to(lengths.device)]


def _guided_logits(model: MaskTransformer, ids: Tensor, both: EncodedText, pad: Tensor, guidance: float) -> Tensor:
    if guidance == 1:
        return model(ids, both, pad).float()
    return guided(model(ids.repeat(2, 1), both, pad.repeat(2, 1)), guidance)


def _sureness(logits: Tensor, drawn: Tensor, settings: UnmaskingSettings, step: int, generators: list[torch.Generator]) -> Tensor:
    """What tells (B, n) which of the drawn tokens are kept: their probability, or its logarithm with noise."""
    if settings.choice_noise == 0:
        return logits.softmax(-1).gather(-1, drawn[..., None]).squeeze(-1)
    chosen = logits.log_softmax(-1).gather(-1, drawn[..., None]).squeeze(-1)
    left = 1 - (step + 1) / settings.steps
    return chosen + settings.choice_noise * left * gumbel(chosen.shape[1:], generators, logits.device)


def _draw(logits: Tensor, settings: UnmaskingSettings, generators: list[torch.Generator]) -> Tensor:
    allowed = keep_likeliest(logits, settings.share)
    noise = gumbel(tuple(logits.shape[1:]), generators, logits.device)
    return (allowed / settings.temperature + noise).argmax(-1)
