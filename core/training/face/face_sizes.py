"""Sizes of the starter's networks, made for one CPU core and an hour."""

from __future__ import annotations

from dataclasses import replace

from ...contract.head import DEFAULT_HEAD, read_head
from ...face import whisper_encoder
from ...face.emotion_embedding import EmotionConfig, ExpressionBranchConfig, SpeechReadingConfig
from ...face.expression_features import ExpressionFeaturesConfig
from ...face.expression_tokens import ExpressionTokensConfig
from ...face.speech_to_face import N_JAW
from ...face.talker import TalkerConfig
from ...face_bundles import FaceConfigs
from .heard_components import COMPONENTS

_EMOTION_WIDTH, _N_CODES, _TOKEN_WIDTH, _FACE_FEATURES = 64, 1024, 64, 64


def starter_sizes() -> FaceConfigs:
    """For the default head's shapes and a jaw that does not turn. Networks learn from components of what is heard."""
    n_features = len(read_head(DEFAULT_HEAD).expression_names) + N_JAW
    return FaceConfigs(
        speech=None,
        emotion=EmotionConfig(
            trunk=None,
            speech=SpeechReadingConfig(COMPONENTS, width=96, dropout=0.15),
            n_layers=1,
            longest=250,
            expression=ExpressionBranchConfig(n_inputs=_FACE_FEATURES, width=96, n_layers=1),
            n_heads=4,
            feed_forward=192,
            embedding_width=_EMOTION_WIDTH,
            pooling_width=16,
            dropout=0.1,
        ),
        talker=TalkerConfig(
            speech_width=COMPONENTS,
            content_width=128,
            emotion_width=_EMOTION_WIDTH,
            n_actors=1,
            style_width=64,
            top_width=_TOKEN_WIDTH,
            n_codes=_N_CODES,
            width=128,
            n_layers=1,
            n_code_layers=2,
            feed_forward=256,
        ),
        tokens=ExpressionTokensConfig(
            n_features, width=_TOKEN_WIDTH, n_codes=_N_CODES, feed_forward=128, motion_feed_forward=256, dropout=0.0
        ),
        features=ExpressionFeaturesConfig(n_features, (128, 128, _FACE_FEATURES)),
        has_anchors=True,
    )


def finished_sizes(sizes: FaceConfigs) -> FaceConfigs:
    """Of the same networks once they take what the speech encoder gives."""
    width = whisper_encoder.OUTPUT_WIDTH
    reading = sizes.emotion.speech
    assert reading is not None
    emotion = replace(sizes.emotion, speech=replace(reading, speech_width=width))
    return replace(sizes, emotion=emotion, talker=replace(sizes.talker, speech_width=width))
