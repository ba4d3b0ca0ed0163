"""What is said: wav2vec2-base-960h's body (Baevski et al. 2020; Apache-2.0), slowed from 50 to 25 frames a second before its transformer.

Parameter names are those of Hugging Face's class, but for the positional convolution, whose weight normalisation is folded in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import attended
from .sound_convolutions import FrameConvolution, in_pieces, normalised_over_time
from .sound_frames import CONTENT_EPSILON, CONV_KERNELS, CONV_STRIDES, normalised


@dataclass(frozen=True)
class SpeechEncoderConfig:
    """Defaults are the published configuration."""

    conv_width: int = 512
    width: int = 768
    n_layers: int = 12
    n_heads: int = 12
    feed_forward: int = 3072
    position_kernel: int = 128
    position_groups: int = 16


PUBLISHED = SpeechEncoderConfig()


class SpeechEncoder(nn.Module):
    """sound (B, 640 T), 16 kHz, normalised with CONTENT_EPSILON, to (B, T, width)."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_extractor = SpeechConvolutions(config.conv_width)
        self.feature_projection = FeatureProjection(config.conv_width, config.width)
        self.encoder = SpeechTransformer(config)

    @property
    def width(self) -> int:
        return self.config.width

    def hear(self, sound: Tensor) -> Tensor:
        """sound (B, 640 T), 16 kHz in -1..1, as recorded, to (B, T, width)."""
        return self(normalised(sound, CONTENT_EPSILON))

    def forward(self, sound: Tensor) -> Tensor:
        slowed = at_face_rate(self.feature_extractor(sound))
        return self.encoder(self.feature_projection(slowed.transpose(1, 2)))


def at_face_rate(frames: Tensor) -> Tensor:
    """(B, C, n) at 50 Hz to (B, C, ceil(n / 2)) at 25 Hz, linearly, first and last frame kept (DEEPTalk, before the projection)."""
    return F.interpolate(frames, size=(frames.shape[-1] + 1) // 2, mode="linear", align_corners=True)


class SpeechConvolutions(nn.Module):
    """sound (B, L) to (B, C, n), n = floor((L - 400) / 320) + 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inputs = (1, *[width] * (len(CONV_KERNELS) - 1))
        self.conv_layers = nn.ModuleList(
            SpeechConvolution(n_inputs, width, kernel, stride, is_first=number == 0)
            for number, (n_inputs, kernel, stride) in enumerate(zip(inputs, CONV_KERNELS, CONV_STRIDES, strict=True))
        )

    def forward(self, sound: Tensor) -> Tensor:
        later = [FrameConvolution.of(layer.conv.weight, layer.stride, F.gelu) for layer in self._layers()[1:]]
        return torch.stack([in_pieces(clip, [self._first(clip), *later]) for clip in sound]).transpose(1, 2)

    def _first(self, clip: Tensor) -> FrameConvolution:
        layer = self._layers()[0]
        norm = layer.layer_norm
        assert norm is not None
        weight, bias = normalised_over_time(clip, layer.conv.weight, norm.weight, norm.bias, norm.eps)
        return FrameConvolution.of(weight, layer.stride, F.gelu, bias)

    def _layers(self) -> list[SpeechConvolution]:
        return [layer for layer in self.conv_layers if isinstance(layer, SpeechConvolution)]


class SpeechConvolution(nn.Module):
    """One convolution's weights. Only the first one is normalised: every channel over the whole time."""

    def __init__(self, n_inputs: int, width: int, kernel: int, stride: int, is_first: bool) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv1d(n_inputs, width, kernel, stride, bias=False)
        self.layer_norm = nn.GroupNorm(width, width) if is_first else None


class FeatureProjection(nn.Module):
    """(B, n, C) to (B, n, width)."""

    def __init__(self, conv_width: int, width: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(conv_width)
        self.projection = nn.Linear(conv_width, width)

    def forward(self, frames: Tensor) -> Tensor:
        return self.projection(self.layer_norm(frames))


class SpeechTransformer(nn.Module):
    """(B, n, width) to the same."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.pos_conv_embed = PositionalConvolution(config)
        self.layer_norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList(SpeechLayer(config) for _ in range(config.n_layers))

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer_norm(x + self.pos_conv_embed(x))
        for layer in self.layers:
            x = layer(x)
        return x


class PositionalConvolution(nn.Module):
    """(B, n, width) to the same: tells positions by what lies 64 frames around."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        kernel = config.position_kernel
        self.conv = nn.Conv1d(config.width, config.width, kernel, padding=kernel // 2, groups=config.position_groups)

    def forward(self, x: Tensor) -> Tensor:
        # An even kernel makes one frame more than came in
        return F.gelu(self.conv(x.transpose(1, 2))[..., : x.shape[1]]).transpose(1, 2)


class SpeechLayer(nn.Module):
    """(B, n, width) to the same; normalised after attention and after the feed-forward network."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.attention = SpeechAttention(config.width, config.n_heads)
        self.layer_norm = nn.LayerNorm(config.width)
        self.feed_forward = SpeechFeedForward(config.width, config.feed_forward)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self.feed_forward(x))


class SpeechAttention(nn.Module):
    """(B, n, width) to the same; every frame sees every other, with no bias."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(attended(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.n_heads))


class SpeechFeedForward(nn.Module):
    """(..., width) to the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(width, hidden)
        self.output_dense = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(F.gelu(self.intermediate_dense(x)))
