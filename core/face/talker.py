"""What was said and how to the codes of a face, all frames at once (DEEPTalk's generator). Parameter names are those of its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import PostNormStack
from .expression_tokens import FRAMES_PER_BOTTOM, FRAMES_PER_TOP
from .positions import alibi


@dataclass(frozen=True)
class TalkerConfig:
    """Defaults are the published configuration. period: frames; top_width: of the expanded top codes that the bottom ones follow."""

    speech_width: int = 768
    content_width: int = 128
    emotion_width: int = 128
    n_actors: int = 32
    style_width: int = 128
    feature_width: int = 128
    top_width: int = 128
    n_codes: int = 256
    width: int = 256
    n_layers: int = 1
    n_code_layers: int = 6
    n_heads: int = 8
    feed_forward: int = 256
    period: int = 25
    dropout: float = 0.1


PUBLISHED = TalkerConfig()


class Talker(nn.Module):
    """Speech and emotion to face features, and these to logits of top and bottom codes. T is a multiple of 4, of any length."""

    def __init__(self, config: TalkerConfig) -> None:
        super().__init__()
        self.config = config
        features, heads, hidden = config.feature_width, config.n_heads, config.feed_forward
        joined = config.content_width + config.style_width
        self.sequence_encoder = nn.Linear(config.speech_width, config.content_width)
        self.emotion_map_layer = nn.Linear(config.emotion_width, config.style_width)
        self.condition_feature_layer = nn.Linear(config.style_width + config.n_actors, config.style_width)
        self.bert_decoder = PostNormStack(config.n_layers, joined, heads, hidden, F.gelu, config.dropout)
        self.decoder = nn.Linear(joined, features)
        self.squasher_2_t = CodePredictor(config, FRAMES_PER_TOP * features)
        self.squasher_2_b_2 = CodePredictor(config, FRAMES_PER_BOTTOM * features + config.top_width)

    def features(self, speech: Tensor, emotion: Tensor, actor: Tensor) -> Tensor:
        """speech (B, T, 768), emotion (B, 128) of length one and actor (B, 32), which sums to one, to face features (B, T, 128)."""
        style = self.condition_feature_layer(torch.cat((self.emotion_map_layer(emotion), actor), dim=-1))
        content = self.sequence_encoder(speech)
        x = torch.cat((content, style[:, None].expand(-1, content.shape[1], -1)), dim=-1)
        config = self.config
        return self.decoder(self.bert_decoder(x, alibi(config.n_heads, x.shape[1], x.device, config.period)))

    def top_logits(self, features: Tensor) -> Tensor:
        """features (B, T, 128) to (B, T/4, n_codes)."""
        return self.squasher_2_t(stacked(features, FRAMES_PER_TOP))

    def bottom_logits(self, features: Tensor, expanded_top: Tensor) -> Tensor:
        """features (B, T, 128) and what the top codes say (B, T/2, 128) to (B, T/2, n_codes)."""
        return self.squasher_2_b_2(torch.cat((stacked(features, FRAMES_PER_BOTTOM), expanded_top), dim=-1))


def stacked(frames: Tensor, k: int) -> Tensor:
    """(B, k n, C) to (B, n, k C): every k frames side by side, the earliest first."""
    return frames.unflatten(1, (-1, k)).flatten(2)


class CodePredictor(nn.Module):
    """(B, n, n_inputs) to logits (B, n, n_codes)."""

    def __init__(self, config: TalkerConfig, n_inputs: int) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.pre_linear = nn.Linear(n_inputs, config.width)
        # Published without dropout, unlike the layer before
        self.encoder = PostNormStack(config.n_code_layers, config.width, config.n_heads, config.feed_forward)
        self.post_linear = nn.Linear(config.width, config.n_codes)

    def forward(self, x: Tensor) -> Tensor:
        bias = alibi(self.n_heads, x.shape[1], x.device)
        return self.post_linear(self.encoder(self.pre_linear(x), bias))
