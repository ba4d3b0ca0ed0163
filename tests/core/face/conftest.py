"""Small seeded networks in which every weight counts, and sound to give them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.face.emotion_embedding import DynamicEmotionEmbedding, EmotionConfig, ExpressionBranchConfig
from understudy.core.face.emotion_trunk import EmotionTrunkConfig
from understudy.core.face.expression_features import ExpressionFeatures, ExpressionFeaturesConfig
from understudy.core.face.expression_tokens import ExpressionTokenizer, ExpressionTokensConfig
from understudy.core.face.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from understudy.core.face.speech_to_face import FaceNetworks
from understudy.core.face.talker import Talker, TalkerConfig

Fill = Callable[[nn.Module, int], nn.Module]
TINY_SPEECH = SpeechEncoderConfig(conv_width=6, width=12, n_layers=2, n_heads=3, feed_forward=20, position_kernel=8, position_groups=2)
TINY_TRUNK = EmotionTrunkConfig(
    conv_width=5, width=12, n_first_layers=1, n_layers=2, n_heads=6, feed_forward=16, n_extra_tokens=3, n_position_convs=2,
    position_kernel=5, position_groups=2,
)  # fmt: skip
TINY_EMOTION = EmotionConfig(
    trunk=TINY_TRUNK, longest=12, expression=ExpressionBranchConfig(n_inputs=7, width=8, n_layers=2, longest=9), n_heads=4,
    feed_forward=10, embedding_width=6, pooling_width=4,
)  # fmt: skip
TINY_FEATURES = ExpressionFeaturesConfig(n_inputs=53, widths=(9, 8, 7))
TINY_TOKENS = ExpressionTokensConfig(width=8, n_codes=40, n_heads=4, feed_forward=10, motion_feed_forward=11)
TINY_TALKER = TalkerConfig(
    speech_width=12, content_width=5, emotion_width=6, n_actors=4, style_width=11, feature_width=7, top_width=8, n_codes=40, width=8,
    n_code_layers=2, n_heads=4, feed_forward=6, period=3,
)  # fmt: skip


@pytest.fixture(scope="session")
def filled() -> Fill:
    """Gives a network in evaluation mode, double precision and random weights, those included that usually start at 0 or 1."""

    def fill(network: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        network = network.double().eval().requires_grad_(False)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and not name.endswith("pos_enc"):
                fan_in = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
                tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / fan_in**0.5)
                if tensor.dim() == 1:
                    # Else biases would speak louder than what is heard
                    tensor.mul_(0.3).add_(1.0 if name.endswith("weight") else 0.0)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.1)
        return network

    return fill


@pytest.fixture(scope="session")
def tiny_face(filled: Fill) -> FaceNetworks:
    """All networks in single precision, as they are used."""
    networks = FaceNetworks(
        SpeechEncoder(TINY_SPEECH),
        DynamicEmotionEmbedding(TINY_EMOTION),
        Talker(TINY_TALKER),
        ExpressionTokenizer(TINY_TOKENS),
        ExpressionFeatures(TINY_FEATURES),
    )
    for seed, network in enumerate(each for each in vars(networks).values() if each is not None):
        filled(network, seed).float()
    # Else so small a talker hardly ever chooses other codes for another style
    networks.talker.condition_feature_layer.weight *= 8
    return networks


@pytest.fixture(scope="session")
def sound() -> Callable[..., np.ndarray]:
    """Seeded noise (samples,) of about the loudness of speech."""

    def make(samples: int, seed: int = 0, loudness: float = 0.1) -> np.ndarray:
        return (np.random.default_rng(seed).normal(size=samples) * loudness).astype(np.float32)

    return make
