"""Expression tokens: the VQ-VAE that turns four frames of a face into one top and two bottom codes (DEEPTalk, TH-VQVAE).

The top codes say the slow part, and the bottom codes what is left once that is known. Parameter names are those of the published
checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .attention import PostNormStack
from .positions import alibi

FRAMES_PER_TOP, FRAMES_PER_BOTTOM = 4, 2
_SLOPE = 0.2  # of the leaky activations


@dataclass(frozen=True)
class ExpressionTokensConfig:
    """Defaults are the published configuration. n_features: 50 expression coefficients, then the jaw's axis times angle."""

    n_features: int = 53
    width: int = 128
    n_codes: int = 256
    n_heads: int = 8
    feed_forward: int = 256
    motion_feed_forward: int = 512
    dropout: float = 0.1

    @property
    def bottom_width(self) -> int:
        """Of the bottom codes: they stand for what the top ones gave and what the encoder saw."""
        return 2 * self.width

    @property
    def motion_width(self) -> int:
        """Of both codes together."""
        return self.width + self.bottom_width


PUBLISHED = ExpressionTokensConfig()


class ExpressionTokenizer(nn.Module):
    """motion (B, T, 53), absolute FLAME coefficients at 25 Hz, <-> top ids (B, T/4) and bottom ids (B, T/2); T is a multiple of 4."""

    def __init__(self, config: ExpressionTokensConfig) -> None:
        super().__init__()
        self.config = config
        width, feed_forward = config.width, config.feed_forward
        self.encoder_b = HalvingEncoder(config, config.n_features)
        self.encoder_t = HalvingEncoder(config, width)
        self.quantize_t = Codebook(config.n_codes, width)
        self.decoder_t = DoublingDecoder(config, width, feed_forward)
        self.quantize_b = Codebook(config.n_codes, config.bottom_width)
        self.upsample_t = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.decoder_b = MotionDecoder(config)

    def encode(self, motion: Tensor) -> tuple[Tensor, Tensor]:
        """motion (B, T, 53) to top ids (B, T/4) and bottom ids (B, T/2)."""
        bottom = self.encoder_b(motion)
        top = self.quantize_t.nearest(self.encoder_t(bottom))
        return top, self.quantize_b.nearest(torch.cat((self.expanded_top(top), bottom), dim=-1))

    def expanded_top(self, top: Tensor) -> Tensor:
        """Top ids (B, T/4) to what they say at the bottom's rate (B, T/2, width)."""
        return self.decoder_t(self.quantize_t(top))

    def decode(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Top ids (B, T/4) and bottom ids (B, T/2) to motion (B, T, 53)."""
        upsampled = self.upsample_t(self.quantize_t(top).transpose(1, 2)).transpose(1, 2)
        return self.decoder_b(torch.cat((upsampled, self.quantize_b(bottom)), dim=-1))


class HalvingEncoder(nn.Module):
    """(B, 2 n, n_inputs) to (B, n, width)."""

    def __init__(self, config: ExpressionTokensConfig, n_inputs: int) -> None:
        super().__init__()
        width = config.width
        conv = nn.Conv1d(n_inputs, width, 5, stride=2, padding=2, padding_mode="replicate")
        self.squasher = nn.Sequential(nn.Sequential(conv, nn.LeakyReLU(_SLOPE), nn.BatchNorm1d(width)))
        self.encoder_linear_embedding = nn.ModuleDict({"net": nn.Linear(width, width)})
        self.encoder_transformer = PostNormStack(1, width, config.n_heads, config.feed_forward, dropout=config.dropout)
        self.n_heads = config.n_heads

    def forward(self, x: Tensor) -> Tensor:
        halved = self.encoder_linear_embedding["net"](self.squasher(x.transpose(1, 2)).transpose(1, 2))
        return self.encoder_transformer(halved, alibi(self.n_heads, halved.shape[1], x.device))


class DoublingDecoder(nn.Module):
    """(B, n, width) to (B, 2 n, width)."""

    def __init__(self, config: ExpressionTokensConfig, width: int, feed_forward: int) -> None:
        super().__init__()
        conv = nn.ConvTranspose1d(width, width, 5, stride=2, padding=2, output_padding=1)
        self.expander = nn.Sequential(nn.Sequential(conv, nn.LeakyReLU(_SLOPE), nn.BatchNorm1d(width)))
        self.decoder_linear_embedding = nn.Linear(width, width)
        self.decoder_transformer = PostNormStack(1, width, config.n_heads, feed_forward, dropout=config.dropout)
        self.n_heads = config.n_heads

    def forward(self, x: Tensor) -> Tensor:
        doubled = self.decoder_linear_embedding(self.expander(x.transpose(1, 2)).transpose(1, 2))
        return self.decoder_transformer(doubled, alibi(self.n_heads, doubled.shape[1], x.device))


class MotionDecoder(DoublingDecoder):
    """Codes (B, n, motion_width) to motion (B, 2 n, n_features)."""

    def __init__(self, config: ExpressionTokensConfig) -> None:
        super().__init__(config, config.motion_width, config.motion_feed_forward)
        self.cross_smooth_layer = nn.Conv1d(config.motion_width, config.n_features, 5, padding=2)

    def forward(self, codes: Tensor) -> Tensor:
        return self.cross_smooth_layer(super().forward(codes).transpose(1, 2)).transpose(1, 2)


class Codebook(nn.Module):
    """ids (B, n) in 0..n_codes-1 to their vectors (B, n, C)."""

    def __init__(self, n_codes: int, code_dim: int) -> None:
        super().__init__()
        self.codebook = nn.Embedding(n_codes, code_dim)

    def forward(self, ids: Tensor) -> Tensor:
        return self.codebook(ids)

    def nearest(self, x: Tensor) -> Tensor:
        """x (B, n, C) to the ids (B, n) of the codes at the smallest Euclidean distance; of equal ones the first."""
        codes = self.codebook.weight
        # The length of x itself is the same for all codes
        return (codes.square().sum(-1) - 2 * x @ codes.T).argmin(-1)
