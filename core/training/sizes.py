"""Sizes of networks that can be trained: the starter's, made for one CPU core and a night, and the paper's."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..body import minilm
from ..body.features import Layout
from ..body.flow_decoder import FlowDecoderConfig
from ..body.motion_length import LengthConfig
from ..body.motion_tokens import TokenizerConfig
from ..body.text_reader import ReaderConfig
from ..body.token_matcher import MatcherConfig
from ..body.token_transformer import TokenTransformerConfig
from ..checkpoints import BodyConfigs
from ..geometry.skeleton import SMPL_22_NAMES

_N_FEATURES = Layout(len(SMPL_22_NAMES)).n_features
_CODE_DIM = 192
TextConfig = TypeVar("TextConfig", TokenTransformerConfig, MatcherConfig)
# The paper's dropout of 0.2 keeps a network of this width from showing what few clips show
_STARTER_TRANSFORMER = TokenTransformerConfig(
    code_dim=_CODE_DIM,
    width=192,
    n_layers=5,
    n_heads=6,
    feed_forward=768,
    dropout=0.05,
    text_width=minilm.WIDTH,
    word_width=minilm.WIDTH,
    local_blocks=2,
)
_PAPER_TRANSFORMER = TokenTransformerConfig(text_width=minilm.WIDTH, word_width=minilm.WIDTH)

STARTER = BodyConfigs(
    tokenizer=TokenizerConfig(n_features=_N_FEATURES, width=192, code_dim=_CODE_DIM, dropout=0.0),
    tokens=_STARTER_TRANSFORMER,
    residual=_STARTER_TRANSFORMER,
    flow=FlowDecoderConfig(n_features=_N_FEATURES, code_dim=_CODE_DIM, width=160, condition_width=128, predicts_motion=True, refines=True),
    length=LengthConfig(text_width=minilm.WIDTH, hidden=(384, 256, 128)),
    matcher=MatcherConfig(text_width=minilm.WIDTH, word_width=minilm.WIDTH),
    reader=ReaderConfig(text_width=minilm.WIDTH, word_width=minilm.WIDTH),
)
# The paper's sizes on our representation and text encoder, for those with a GPU
PAPER = BodyConfigs(
    tokenizer=TokenizerConfig(n_features=_N_FEATURES),
    tokens=_PAPER_TRANSFORMER,
    residual=replace(_PAPER_TRANSFORMER),
    flow=FlowDecoderConfig(n_features=_N_FEATURES),
    length=LengthConfig(text_width=minilm.WIDTH),
    matcher=MatcherConfig(text_width=minilm.WIDTH, word_width=minilm.WIDTH),
    reader=ReaderConfig(text_width=minilm.WIDTH, word_width=minilm.WIDTH),
)


def of_readings(config: TextConfig, reader: ReaderConfig) -> TextConfig:
    """A network's sizes for sentences that a reader has been over. The matcher needs no words beside its classes."""
    config = replace(config, text_width=reader.reading_width)
    return replace(config, word_width=0) if isinstance(config, MatcherConfig) else config
