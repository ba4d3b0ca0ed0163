"""The emotion of a voice and of a face as distributions in one space: DEE (DEEPTalk, section on the dynamic emotion embedding).

Parameter names are those of the published checkpoint; where they say "std" they mean the logarithm of the variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..sinusoids import sinusoids
from .attention import PostNormStack
from .emotion_trunk import EmotionTrunk, EmotionTrunkConfig
from .pooling import GeneralizedPooling
from .sound_frames import EMOTION_EPSILON, normalised
from .sound_reader import SoundReader

_UNIT_EPSILON = 1e-8


@dataclass(frozen=True)
class ExpressionBranchConfig:
    """Defaults are the published configuration. longest: frames at 25 Hz that are read."""

    n_inputs: int = 128
    width: int = 512
    n_layers: int = 6
    longest: int = 250


@dataclass(frozen=True)
class SpeechReadingConfig:
    """An audio branch that reads what the speech encoder heard, (B, T, speech_width), instead of the sound. dropout: of those numbers."""

    speech_width: int
    width: int = 128
    dropout: float = 0.2


@dataclass(frozen=True)
class EmotionConfig:
    """Defaults are the published configuration. longest: frames that are read of a voice; expression: None without that branch.

    trunk, speech: what the audio branch reads with, of which there is one.
    """

    trunk: EmotionTrunkConfig | None = EmotionTrunkConfig()
    n_layers: int = 2
    longest: int = 500
    expression: ExpressionBranchConfig | None = ExpressionBranchConfig()
    n_heads: int = 8
    feed_forward: int = 2048
    embedding_width: int = 128
    pooling_width: int = 32
    dropout: float = 0.1
    speech: SpeechReadingConfig | None = None

    def __post_init__(self) -> None:
        if (self.trunk is None) == (self.speech is None):
            raise ValueError("an audio branch has either a trunk of its own or reads the speech encoder")

    @property
    def audio_width(self) -> int:
        """Of the audio branch's layers."""
        return self.trunk.width if self.trunk else self.speech.width if self.speech else 0


PUBLISHED = EmotionConfig()


@dataclass(frozen=True)
class EmotionDistribution:
    """Normal distributions with independent numbers. mean: (B, E) of length one; log_variance: (B, E)."""

    mean: Tensor
    log_variance: Tensor

    def drawn(self, noise: Tensor, variance_scale: float = 1.0) -> Tensor:
        """Vectors (B, E) of length one by standard normal noise (B, E).

        variance_scale multiplies the logarithm of the variance, as DEEPTalk's diversity control does: where that logarithm is
        negative, more than 1 draws nearer to the mean, and less draws farther from it.
        """
        return unit(self.mean + noise * torch.exp(0.5 * variance_scale * self.log_variance))

    def toward(self, other: EmotionDistribution, share: float) -> EmotionDistribution:
        """Between this (share 0) and another (share 1) or beyond that one, on the sphere that the means lie on."""
        log_variance = torch.lerp(self.log_variance, other.log_variance, min(share, 1.0))
        return EmotionDistribution(unit(torch.lerp(self.mean, other.mean, share)), log_variance)

    def widened(self, factor: float) -> EmotionDistribution:
        """With all standard deviations multiplied; the factor is above 0."""
        return EmotionDistribution(self.mean, self.log_variance + 2 * math.log(factor))


def unit(x: Tensor) -> Tensor:
    """(B, E) to length one."""
    return x / (x.norm(dim=-1, keepdim=True) + _UNIT_EPSILON)


class DynamicEmotionEmbedding(nn.Module):
    """A voice and a face to emotions that can be compared."""

    def __init__(self, config: EmotionConfig) -> None:
        super().__init__()
        self.config = config
        self.audio_encoder = AudioBranch(config)
        self.exp_encoder = ExpressionBranch(config, config.expression) if config.expression else None
        self.criterion = MatchScore()


class MatchScore(nn.Module):
    """How well the emotions of voices and faces match, for every pair (PCME++, Chun 2024). Both numbers are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.negative_scale = nn.Parameter(torch.full((1,), 5.0))
        self.shift = nn.Parameter(torch.full((1,), 5.0))

    def forward(self, voices: EmotionDistribution, faces: EmotionDistribution) -> Tensor:
        """Logits (A, B) that voice a and face b belong together: far apart or uncertain is a low one."""
        apart = (voices.mean[:, None] - faces.mean).square().sum(-1)
        uncertain = voices.log_variance.exp().sum(-1)[:, None] + faces.log_variance.exp().sum(-1)
        return self.shift - self.negative_scale * (apart + uncertain)


class GaussianMaps(nn.Module):
    """Two sequences of hidden vectors (B, n, width) to the mean and the variance of an emotion."""

    def __init__(self, config: EmotionConfig, width: int) -> None:
        super().__init__()
        self.mean_feature_map = nn.Linear(width, config.embedding_width)
        self.std_feature_map = nn.Linear(width, config.embedding_width)
        self.mean_pool = GeneralizedPooling(config.pooling_width)
        self.std_pool = GeneralizedPooling(config.pooling_width)

    def distribution(self, for_mean: Tensor, for_variance: Tensor) -> EmotionDistribution:
        mean = self.mean_pool(self.mean_feature_map(for_mean))
        return EmotionDistribution(unit(mean), self.std_pool(self.std_feature_map(for_variance)))


class SpeechReading(nn.Module):
    """What the speech encoder heard, (B, T, speech_width), to (B, T, width)."""

    def __init__(self, config: SpeechReadingConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.speech_width, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, speech: Tensor) -> Tensor:
        return self.linear(self.dropout(speech))


class AudioBranch(GaussianMaps):
    """sound (B, L), 16 kHz, normalised with EMOTION_EPSILON, to its emotion; behind 10 s it counts only through the trunk's attention.

    With SpeechReading it takes the speech encoder's (B, T, speech_width) instead.
    """

    def __init__(self, config: EmotionConfig) -> None:
        width = config.audio_width
        super().__init__(config, width)
        self.embedding_model = EmotionTrunk(config.trunk) if config.trunk else _speech_reading(config)
        self.audio_pos_encoder = PositionTable(config.longest, width)
        self.audio_encoder = _stack(config, width, config.n_layers)
        self.audio_mean_encoder = _stack(config, width, 1)
        self.audio_uncertainty_encoder = _stack(config, width, 1)
        self.dropout = nn.Dropout(config.dropout)

    def heard(self, sound: Tensor, encoder: SoundReader, content: Tensor | None = None) -> EmotionDistribution:
        """sound (B, 640 T), 16 kHz in -1..1, as this branch wants it; content: what the encoder hears in it, where that is known."""
        if not isinstance(self.embedding_model, SpeechReading):
            return self(normalised(sound, EMOTION_EPSILON))
        return self(encoder.hear(sound) if content is None else content)

    def forward(self, sound: Tensor) -> EmotionDistribution:
        x = self.audio_encoder(self.dropout(self.audio_pos_encoder(self.embedding_model(sound))))
        return self.distribution(self.audio_mean_encoder(x), self.audio_uncertainty_encoder(x))


class ExpressionBranch(GaussianMaps):
    """Features of a face's frames (B, T, 128), 25 Hz, to its emotion; only the first 10 s count."""

    def __init__(self, config: EmotionConfig, branch: ExpressionBranchConfig) -> None:
        super().__init__(config, branch.width)
        self.exp_map = nn.Linear(branch.n_inputs, branch.width)
        self.exp_pos_encoder = PositionTable(branch.longest, branch.width)
        self.exp_encoder = _stack(config, branch.width, branch.n_layers)
        self.exp_mean_encoder = _stack(config, branch.width, 1)
        self.exp_uncertainty_encoder = _stack(config, branch.width, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, features: Tensor) -> EmotionDistribution:
        x = self.exp_encoder(self.dropout(self.exp_pos_encoder(self.exp_map(features))))
        return self.distribution(self.exp_mean_encoder(x), self.exp_uncertainty_encoder(x))


class PositionTable(nn.Module):
    """(B, n, width) to its first `longest` vectors, positions added; the published checkpoint has the table in it."""

    pos_enc: Tensor

    def __init__(self, longest: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pos_enc", sinusoids(longest, width)[None])

    def forward(self, x: Tensor) -> Tensor:
        read = x[:, : self.pos_enc.shape[1]]
        return read + self.pos_enc[:, : read.shape[1]]


def _speech_reading(config: EmotionConfig) -> SpeechReading:
    assert config.speech is not None
    return SpeechReading(config.speech)


def _stack(config: EmotionConfig, width: int, n_layers: int) -> PostNormStack:
    return PostNormStack(n_layers, width, config.n_heads, config.feed_forward, F.relu, config.dropout)
