"""Motion tokens: the residual VQ-VAE that turns four frames into six code indices (MoMask, arXiv 2312.00063, section 3.1).

Parameter names are those of the published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FRAMES_PER_TOKEN = 4  # two halvings
NO_CODE = -1  # this index stands for a zero vector


@dataclass(frozen=True)
class TokenizerConfig:
    """Defaults are the published HumanML3D configuration."""

    n_features: int = 263
    width: int = 512
    code_dim: int = 512
    n_codes: int = 512
    n_quantizers: int = 6
    dilations: tuple[int, ...] = (9, 3, 1)
    dropout: float = 0.2


class MotionTokenizer(nn.Module):
    """features (B, T, D) <-> ids (B, T/4, Q) in 0..n_codes-1; T is a multiple of 4."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quantizer = ResidualQuantizer(config.n_quantizers, config.n_codes, config.code_dim)

    def encode(self, features: Tensor) -> Tensor:
        """Normalised features (B, T, D) to ids (B, T/4, Q)."""
        return self.quantizer.encode(self.encoder(features))

    def decode(self, ids: Tensor) -> Tensor:
        """ids (B, n, Q) to normalised features (B, 4 n, D) by the VQ decoder (the flow decoder takes its place)."""
        return self.decoder(self.quantizer.lookup(ids))


class Encoder(nn.Module):
    """features (B, T, D) to latents (B, T/4, C)."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.width
        self.model = nn.Sequential(
            nn.Conv1d(config.n_features, width, 3, padding=1),
            nn.ReLU(),
            *(nn.Sequential(nn.Conv1d(width, width, 4, stride=2, padding=1), ResidualStack(config)) for _ in range(2)),
            nn.Conv1d(width, config.code_dim, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.model(features.transpose(1, 2)).transpose(1, 2)


class Decoder(nn.Module):
    """latents (B, n, C) to features (B, 4 n, D)."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.width
        self.model = nn.Sequential(
            nn.Conv1d(config.code_dim, width, 3, padding=1),
            nn.ReLU(),
            *(nn.Sequential(ResidualStack(config), nn.Upsample(scale_factor=2), nn.Conv1d(width, width, 3, padding=1)) for _ in range(2)),
            nn.Conv1d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, config.n_features, 3, padding=1),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.model(latents.transpose(1, 2)).transpose(1, 2)


class ResidualStack(nn.Module):
    """Residual blocks with falling dilation, channels (B, C, T)."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.model = nn.Sequential(*(ResidualBlock(config.width, dilation, config.dropout) for dilation in config.dilations))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class ResidualBlock(nn.Module):
    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.conv2(F.relu(self.conv1(F.relu(x)))))


class Codebook(nn.Module):
    """Vectors (n_codes, C), learnt by moving averages, not by gradients."""

    codebook: Tensor

    def __init__(self, n_codes: int, code_dim: int) -> None:
        super().__init__()
        self.register_buffer("codebook", torch.zeros(n_codes, code_dim))

    def distances(self, x: Tensor) -> Tensor:
        """Squared Euclidean distances (..., n_codes) of x (..., C) to the codes."""
        codes = self.codebook
        return x.square().sum(-1, keepdim=True) - 2 * x @ codes.T + codes.square().sum(-1)


class ResidualQuantizer(nn.Module):
    """Q codebooks; each codes what the ones before it left over."""

    def __init__(self, n_quantizers: int, n_codes: int, code_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Codebook(n_codes, code_dim) for _ in range(n_quantizers))

    def encode(self, latents: Tensor) -> Tensor:
        """latents (B, n, C) to the nearest ids (B, n, Q)."""
        residual, ids = latents, []
        for layer in self.books:
            ids.append(layer.distances(residual).argmin(-1))
            residual = residual - layer.codebook[ids[-1]]
        return torch.stack(ids, dim=-1)

    def lookup(self, ids: Tensor) -> Tensor:
        """ids (B, n, up to Q) to the sum of their vectors (B, n, C); an index of -1 adds nothing."""
        vectors = [
            layer.codebook[index.clamp_min(0)] * (index != NO_CODE)[..., None]
            for layer, index in zip(self.books, ids.unbind(-1), strict=False)
        ]
        return torch.stack(vectors).sum(0)

    @property
    def books(self) -> list[Codebook]:
        return [layer for layer in self.layers if isinstance(layer, Codebook)]
