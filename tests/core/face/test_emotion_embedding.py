"""Are trunk, branches and pooling of the emotion embedding the formulas of section 3 of the specification?"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from understudy.core.face.emotion_embedding import DynamicEmotionEmbedding, EmotionDistribution, MatchScore, unit
from understudy.core.face.emotion_trunk import ChannelNorm
from understudy.core.face.expression_features import ExpressionFeatures
from understudy.core.face.pooling import GeneralizedPooling
from understudy.tests.core.face import plain_formulas as plain
from understudy.tests.core.face.conftest import TINY_EMOTION, TINY_FEATURES, TINY_TRUNK
from understudy.tests.core.face.plain_formulas import Array, Weights, array_of, weights_of

Fill = Callable[[nn.Module, int], nn.Module]
STRIDES = (5, 2, 2, 2, 2, 2, 2)
SIX_SLOPES = [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8, 2.0**-1, 2.0**-3]


@pytest.fixture(scope="module")
def network(filled: Fill) -> DynamicEmotionEmbedding:
    made = filled(DynamicEmotionEmbedding(TINY_EMOTION), 2)
    assert isinstance(made, DynamicEmotionEmbedding)
    return made


def trunk_layer(x: Array, w: Weights, bias: Array) -> Array:
    query, key, value = np.split(plain.linear(x, w / "attn.qkv"), 3, axis=1)
    seen = plain.attention(query, key, value, TINY_TRUNK.n_heads, bias)
    x = plain.layer_norm(x + plain.linear(seen, w / "attn.proj"), w / "norm1")
    return plain.layer_norm(x + plain.linear(plain.gelu(plain.linear(x, w / "mlp.fc1")), w / "mlp.fc2"), w / "norm2")


def trunk_frames(sound: Array, w: Weights) -> Array:
    """Steps 1 to 3: (n, width)."""
    frames = sound[None]
    for number, stride in enumerate(STRIDES):
        layer = w / f"local_encoder.conv_layers.{number}"
        frames = plain.gelu(plain.layer_norm(plain.convolution(frames, layer / "0", stride).T, layer / "2.1").T)
    x = plain.linear(plain.layer_norm(frames.T, w / "project_features.1"), w / "project_features.2")
    around = x.T
    for number in range(1, TINY_TRUNK.n_position_convs + 1):
        half = TINY_TRUNK.position_kernel // 2
        conv = w / f"relative_positional_encoder.{number}.0"
        around = plain.convolution(np.pad(around, ((0, 0), (half, half))), conv, groups=TINY_TRUNK.position_groups)
        around = plain.gelu(plain.layer_norm(around.T).T)
    return x + around.T


def trunk(sound: Array, w: Weights) -> Array:
    of_sound = w / "modality_encoders.AUDIO"
    frames = trunk_frames(sound, of_sound)
    extra, n = TINY_TRUNK.n_extra_tokens, len(frames)
    scale = np.maximum(of_sound["alibi_scale"][0, 0, :, 0, 0], 0)
    bias = np.zeros((TINY_TRUNK.n_heads, extra + n, extra + n))
    bias[:, extra:, extra:] = plain.distance_bias(SIX_SLOPES, n) * scale[:, None, None]
    x = plain.layer_norm(np.concatenate((of_sound["extra_tokens"][0], frames)), of_sound / "context_encoder.norm")
    for number in range(TINY_TRUNK.n_first_layers):
        x = trunk_layer(x, of_sound / f"context_encoder.blocks.{number}", bias)
    for number in range(TINY_TRUNK.n_layers):
        x = trunk_layer(x, w / f"blocks.{number}", bias)
    return x[extra:]


def branch(x: Array, w: Weights, kind: str, n_layers: int, longest: int, table: Array | None = None) -> tuple[Array, Array]:
    """Mean and log-variance from hidden vectors (n, width); kind: audio or exp; table: of positions, where it is not the formula's."""
    table = plain.sinusoids(longest, x.shape[1]) if table is None else table
    x = x[:longest] + table[: len(x)]
    heads = TINY_EMOTION.n_heads
    x = plain.post_norm_stack(x, w / f"{kind}_encoder", n_layers, heads, activation=plain.relu)
    mean, std = (
        plain.post_norm_stack(x, w / f"{kind}_{name}_encoder", 1, heads, activation=plain.relu) for name in ("mean", "uncertainty")
    )
    mean = plain.pooled(plain.linear(mean, w / "mean_feature_map"), w / "mean_pool")
    return plain.unit(mean), plain.pooled(plain.linear(std, w / "std_feature_map"), w / "std_pool")


def check(found: EmotionDistribution, row: int, expected: tuple[Array, Array]) -> None:
    np.testing.assert_allclose(array_of(found.mean[row]), expected[0], atol=1e-5)
    np.testing.assert_allclose(array_of(found.log_variance[row]), expected[1], atol=1e-5)


@pytest.mark.parametrize("samples", [2560, 3001])
def test_the_trunk_is_the_formula(samples: int, network: DynamicEmotionEmbedding) -> None:
    sound = torch.randn(2, samples, dtype=torch.float64)
    found = network.audio_encoder.embedding_model(sound)
    assert found.shape == (2, (samples - 400) // 320 + 1, TINY_TRUNK.width)
    for row in range(2):
        expected = trunk(array_of(sound[row]), weights_of(network.audio_encoder.embedding_model))
        np.testing.assert_allclose(array_of(found[row]), expected, atol=1e-6)


def test_some_heads_weaken_with_distance_and_negative_scales_count_as_none(network: DynamicEmotionEmbedding) -> None:
    of_sound = network.audio_encoder.embedding_model.modality_encoders["AUDIO"]
    scale = of_sound.alibi_scale[0, 0, :, 0, 0]
    assert bool((scale < 0).any()) and bool((scale > 0).any())
    far = of_sound.bias(5)[0, :, -1, TINY_TRUNK.n_extra_tokens]
    assert torch.equal(far < 0, scale > 0)


@pytest.mark.parametrize("samples", [2560, 6400])  # 7 frames and 19, of which the branch reads 12
def test_the_audio_branch_is_the_formula(samples: int, network: DynamicEmotionEmbedding) -> None:
    sound = torch.randn(2, samples, dtype=torch.float64)
    found = network.audio_encoder(sound)
    for row in range(2):
        frames = array_of(network.audio_encoder.embedding_model(sound[row : row + 1])[0])
        w = weights_of(network.audio_encoder)
        check(found, row, branch(frames, w, "audio", TINY_EMOTION.n_layers, TINY_EMOTION.longest))


@pytest.mark.parametrize("frames", [5, 14])  # of which the branch reads 9
def test_the_expression_branch_is_the_formula(frames: int, network: DynamicEmotionEmbedding) -> None:
    assert network.exp_encoder is not None
    features = torch.randn(2, frames, 7, dtype=torch.float64)
    found = network.exp_encoder(features)
    w = weights_of(network.exp_encoder)
    for row in range(2):
        check(found, row, branch(plain.linear(array_of(features[row]), w / "exp_map"), w, "exp", 2, 9))


def test_features_of_a_face_have_no_normalisation_and_no_last_activation(filled: Fill) -> None:
    network = filled(ExpressionFeatures(TINY_FEATURES), 3)
    motion, w = torch.randn(2, 5, 53, dtype=torch.float64), weights_of(network)
    x = plain.leaky(plain.linear(array_of(motion), w / "in_fc"), 0.01)
    x = plain.linear(plain.leaky(plain.linear(x, w / "hidden_layers.0"), 0.01), w / "hidden_layers.1")
    np.testing.assert_allclose(array_of(network(motion)), x, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_pooling_is_the_formula(n: int, filled: Fill) -> None:
    network = filled(GeneralizedPooling(4), 6)
    assert isinstance(network, GeneralizedPooling)
    x = torch.randn(2, n, 5, dtype=torch.float64)
    for row in range(2):
        np.testing.assert_allclose(array_of(network(x)[row]), plain.pooled(array_of(x[row]), weights_of(network)), atol=1e-6)
    weights = network.weights(n)
    assert weights.shape == (n,) and abs(float(weights.sum()) - 1) < 1e-9


def test_pooling_does_not_see_order(filled: Fill) -> None:
    network, x = filled(GeneralizedPooling(4), 6), torch.randn(1, 9, 5, dtype=torch.float64)
    torch.testing.assert_close(network(x), network(x[:, torch.randperm(9)]), atol=1e-12, rtol=0)


def some_emotions(rows: int, seed: int) -> EmotionDistribution:
    mean, log_variance = torch.randn(2, rows, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return EmotionDistribution(unit(mean), log_variance)


def test_matching_is_the_closed_form() -> None:
    """Section 3.3, for each pair."""
    score, voices, faces = MatchScore().double(), some_emotions(2, 0), some_emotions(3, 1)
    found = score(voices, faces).detach()
    for a in range(2):
        for b in range(3):
            apart = sum((float(x) - float(y)) ** 2 for x, y in zip(voices.mean[a], faces.mean[b], strict=True))
            uncertain = sum(math.exp(float(x)) for x in (*voices.log_variance[a], *faces.log_variance[b]))
            assert float(found[a, b]) == pytest.approx(-5 * (apart + uncertain) + 5)


def test_a_draw_moves_by_the_scaled_deviation_and_stays_on_the_sphere() -> None:
    emotion, noise = some_emotions(2, 0), torch.randn(2, 6, dtype=torch.float64)
    for scale in (0.0, 0.5, 1.0, 2.0):
        found = emotion.drawn(noise, scale)
        moved = array_of(emotion.mean) + array_of(noise) * np.exp(array_of(emotion.log_variance)) ** (scale / 2)
        np.testing.assert_allclose(array_of(found), moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-7)


def test_between_two_emotions() -> None:
    one, other = some_emotions(1, 0), some_emotions(1, 1)

    def distance(a: Tensor, b: Tensor) -> float:
        return float((a - b).norm())

    between = [one.toward(other, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert distance(between[0].mean, one.mean) < 1e-7 and distance(between[-1].mean, other.mean) < 1e-7
    torch.testing.assert_close(between[2].log_variance, (one.log_variance + other.log_variance) / 2)
    along = [distance(each.mean, one.mean) for each in between]
    assert along == sorted(along) and all(abs(float(each.mean.norm()) - 1) < 1e-7 for each in between)


@pytest.mark.parametrize("affine", [True, False])
def test_channels_are_normalised_alike_in_training_and_in_use(affine: bool) -> None:
    norm = ChannelNorm(5, elementwise_affine=affine)
    for tensor in norm.state_dict().values():
        tensor.normal_()
    x = torch.randn(2, 5, 7)
    kept = x.clone()
    trained = norm(x)
    with torch.inference_mode():
        used = norm(x)
    expected = nn.functional.layer_norm(x.transpose(1, 2), (5,), norm.weight, norm.bias).transpose(1, 2)
    torch.testing.assert_close(trained, expected)
    torch.testing.assert_close(used, expected)
    assert torch.equal(x, kept)
