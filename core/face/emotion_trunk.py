"""How it is said: emotion2vec's trunk (Ma et al. 2023), frames of 768 numbers at 50 Hz that the emotion embedding reads.

Parameter names are those of the published checkpoint, to which the numbers of some layers belong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import attended
from .positions import alibi
from .sound_convolutions import FrameConvolution, in_pieces
from .sound_frames import CONV_KERNELS, CONV_STRIDES


@dataclass(frozen=True)
class EmotionTrunkConfig:
    """Defaults are the published configuration. n_first_layers: those inside of the sound's own encoder."""

    conv_width: int = 512
    width: int = 768
    n_first_layers: int = 4
    n_layers: int = 8
    n_heads: int = 12
    feed_forward: int = 3072
    n_extra_tokens: int = 10
    n_position_convs: int = 5
    position_kernel: int = 19
    position_groups: int = 16


class EmotionTrunk(nn.Module):
    """sound (B, L), 16 kHz, normalised with EMOTION_EPSILON, to (B, n, width), n = floor((L - 400) / 320) + 1."""

    def __init__(self, config: EmotionTrunkConfig) -> None:
        super().__init__()
        self.config = config
        self.modality_encoders = nn.ModuleDict({"AUDIO": SoundEncoder(config)})
        self.blocks = nn.ModuleList(TrunkLayer(config) for _ in range(config.n_layers))

    def forward(self, sound: Tensor) -> Tensor:
        x, bias = self.modality_encoders["AUDIO"](sound)
        for block in self.blocks:
            x = block(x, bias)
        return x[:, self.config.n_extra_tokens :]


class SoundEncoder(nn.Module):
    """sound (B, L) to tokens (B, extra + n, width), and the bias (1, heads, extra + n, extra + n) that all attention on them has."""

    def __init__(self, config: EmotionTrunkConfig) -> None:
        super().__init__()
        self.config = config
        self.extra_tokens = nn.Parameter(torch.zeros(1, config.n_extra_tokens, config.width))
        self.alibi_scale = nn.Parameter(torch.ones(1, 1, config.n_heads, 1, 1))
        self.local_encoder = TrunkConvolutions(config.conv_width)
        # The first of each has no parameters in the checkpoint, but counts
        self.project_features = nn.Sequential(nn.Identity(), nn.LayerNorm(config.conv_width), nn.Linear(config.conv_width, config.width))
        self.relative_positional_encoder = nn.Sequential(
            nn.Identity(), *(_position_convolution(config) for _ in range(config.n_position_convs))
        )
        self.context_encoder = ContextEncoder(config)

    def forward(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project_features(self.local_encoder(sound))
        x = x + self.relative_positional_encoder(x.transpose(1, 2)).transpose(1, 2)
        bias = self.bias(x.shape[1])
        x = torch.cat((self.extra_tokens.expand(len(x), -1, -1), x), dim=1)
        return self.context_encoder(x, bias), bias

    def bias(self, n: int) -> Tensor:
        """(1, heads, extra + n, extra + n): learned multiples of ALiBi between frames, nothing to and from the extra tokens."""
        extra = self.config.n_extra_tokens
        frames = alibi(self.config.n_heads, n, self.alibi_scale.device) * self.alibi_scale[0].clamp_min(0)
        return F.pad(frames, (extra, 0, extra, 0))


class TrunkConvolutions(nn.Module):
    """sound (B, L) to (B, n, C); unlike wav2vec2's, each convolution is normalised over channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inputs = (1, *[width] * (len(CONV_KERNELS) - 1))
        sizes = zip(inputs, CONV_KERNELS, CONV_STRIDES, strict=True)
        self.conv_layers = nn.ModuleList(_sound_convolution(n_inputs, width, kernel, stride) for n_inputs, kernel, stride in sizes)

    def forward(self, sound: Tensor) -> Tensor:
        layers = [_on_frames(layer, stride) for layer, stride in zip(self.conv_layers, CONV_STRIDES, strict=True)]
        return torch.stack([in_pieces(clip, layers) for clip in sound])


def _on_frames(layer: nn.Module, stride: int) -> FrameConvolution:
    conv, norm, activation = layer.get_submodule("0"), layer.get_submodule("2"), layer.get_submodule("3")
    assert isinstance(conv, nn.Conv1d)
    return FrameConvolution.of(conv.weight, stride, lambda frames: activation(norm(frames)))


def _sound_convolution(n_inputs: int, width: int, kernel: int, stride: int) -> nn.Sequential:
    # Places 1 and 2.0 are the checkpoint's dropout and transposition
    norm = nn.Sequential(nn.Identity(), nn.LayerNorm(width))
    return nn.Sequential(nn.Conv1d(n_inputs, width, kernel, stride, bias=False), nn.Identity(), norm, nn.GELU())


def _position_convolution(config: EmotionTrunkConfig) -> nn.Sequential:
    kernel = config.position_kernel
    conv = nn.Conv1d(config.width, config.width, kernel, padding=kernel // 2, groups=config.position_groups)
    return nn.Sequential(conv, ChannelNorm(config.width, elementwise_affine=False), nn.GELU())


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (B, C, n)."""

    def forward(self, x: Tensor) -> Tensor:
        # Without torch's own, which would need two transposed copies of the longest tensors there are
        centred = x - x.mean(1, keepdim=True)
        if torch.is_grad_enabled():
            scaled = centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + self.eps)
            return torch.addcmul(self.bias[:, None], scaled, self.weight[:, None]) if self.elementwise_affine else scaled
        # In the same memory, half the time; training has to remember what is overwritten here
        variance = torch.linalg.vector_norm(centred, dim=1, keepdim=True).square() / x.shape[1]
        scaled = centred.mul_(torch.rsqrt(variance + self.eps))
        return scaled.mul_(self.weight[:, None]).add_(self.bias[:, None]) if self.elementwise_affine else scaled


class ContextEncoder(nn.Module):
    """(B, n, width) to the same; normalised before its first layer, because the layers themselves do so only at their ends."""

    def __init__(self, config: EmotionTrunkConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TrunkLayer(config) for _ in range(config.n_first_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.norm(x)
        for block in self.blocks:
            x = block(x, bias)
        return x


class TrunkLayer(nn.Module):
    """(B, n, width) to the same; normalised after attention and after the feed-forward network."""

    def __init__(self, config: EmotionTrunkConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attn = FusedAttention(config.width, config.n_heads)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = TrunkFeedForward(config.width, config.feed_forward)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.norm1(x + self.attn(x, bias))
        return self.norm2(x + self.mlp(x))


class FusedAttention(nn.Module):
    """(B, n, width) to the same; queries, keys and values come out of one matrix, in this order."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        return self.proj(attended(query, key, value, self.n_heads, bias))


class TrunkFeedForward(nn.Module):
    """(..., width) to the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
