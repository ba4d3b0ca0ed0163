"""How well base tokens fit a sentence: of several motions drawn for a prompt, the one that says most clearly what was asked is kept.

Two encoders whose vectors lie near where motion and sentence belong together (CLIP, Radford et al. 2021; for motion TMR, Petrovich et al.,
ICCV 2023). Ranking draws by such a network is how DALL-E (Ramesh et al. 2021) chose its pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .pooling import mean_and_highest
from .text_encoder import EncodedText
from .token_transformer import PositionEncoding


@dataclass(frozen=True)
class MatcherConfig:
    """text_width, word_width: of pooled and token vectors; word_width 0 for sentences whose pooled vector says it all."""

    n_codes: int = 512
    width: int = 128
    n_layers: int = 2
    n_heads: int = 4
    feed_forward: int = 256
    vector: int = 64
    text_width: int = 384
    word_width: int = 384
    dropout: float = 0.2


class TokenMatcher(nn.Module):
    """Base ids (B, n) and sentences to unit vectors (B, E); their inner product tells how well they fit."""

    def __init__(self, config: MatcherConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.codes = nn.Embedding(config.n_codes, width)
        self.position = PositionEncoding(width)
        self.motion = self._encoder()
        self.motion_vector = nn.Linear(2 * width, config.vector)
        if config.word_width:
            self.words = nn.Linear(config.word_width, width)
            self.sentence = self._encoder()
        self.sentence_vector = nn.Linear((2 * width if config.word_width else 0) + config.text_width, config.vector)

    def _encoder(self) -> nn.TransformerEncoder:
        config = self.config
        layer = nn.TransformerEncoderLayer(
            config.width, config.n_heads, config.feed_forward, config.dropout, activation="gelu", batch_first=True
        )
        return nn.TransformerEncoder(layer, config.n_layers, enable_nested_tensor=False)

    def forward(self, ids: Tensor, pad: Tensor, text: EncodedText) -> Tensor:
        """How well row b's tokens, True in pad (B, n) where there are none, fit sentence b: (B,) in -1..1."""
        return (self.motion_vectors(ids, pad) * self.sentence_vectors(text)).sum(-1)

    def motion_vectors(self, ids: Tensor, pad: Tensor) -> Tensor:
        tokens = self.position(self.codes(ids.masked_fill(pad, 0)))
        return F.normalize(self.motion_vector(mean_and_highest(self.motion(tokens, src_key_padding_mask=pad), pad)), dim=-1)

    def sentence_vectors(self, text: EncodedText) -> Tensor:
        if not self.config.word_width:
            return F.normalize(self.sentence_vector(text.pooled), dim=-1)
        words = self.sentence(self.position(self.words(text.words)), src_key_padding_mask=text.word_pad)
        return F.normalize(self.sentence_vector(torch.cat((mean_and_highest(words, text.word_pad), text.pooled), dim=-1)), dim=-1)


def best_fitting(matcher: TokenMatcher, ids: Tensor, text: EncodedText, candidates: int) -> Tensor:
    """Of base ids (K V, n), candidate after candidate for the same V sentences, each sentence's best fitting one: (V, n)."""
    scores = matcher(ids, torch.zeros_like(ids, dtype=torch.bool), text.repeat(candidates))
    best = scores.view(candidates, -1).argmax(0)
    return ids.view(candidates, -1, ids.shape[1])[best, torch.arange(len(best), device=best.device)]
