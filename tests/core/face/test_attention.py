"""Is attention the formula with its bias added to the logits, in training and in evaluation alike?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from understudy.core.face.attention import PostNormLayer, PostNormStack, attended
from understudy.core.face.positions import alibi, alibi_slopes
from understudy.core.sinusoids import sinusoids
from understudy.tests.core.face import plain_formulas as plain
from understudy.tests.core.face.plain_formulas import array_of, weights_of

Fill = Callable[[nn.Module, int], nn.Module]
EIGHT = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]


@pytest.fixture(scope="module")
def stack(filled: Fill) -> PostNormStack:
    network = filled(PostNormStack(2, 16, 8, 12), 3)
    assert isinstance(network, PostNormStack)
    return network


def test_slopes_of_eight_and_of_twelve_heads() -> None:
    assert alibi_slopes(8) == EIGHT
    assert alibi_slopes(12) == [*EIGHT, 2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert alibi_slopes(4) == [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]


@pytest.mark.parametrize(("n", "period"), [(1, 1), (7, 1), (60, 25), (25, 25), (26, 25)])
def test_the_bias_is_the_distance_in_periods_times_the_slope(n: int, period: int) -> None:
    np.testing.assert_array_equal(array_of(alibi(8, n, period=period)), plain.distance_bias(EIGHT, n, period))


def test_sinusoids() -> None:
    np.testing.assert_allclose(array_of(sinusoids(300, 32)), plain.sinusoids(300, 32), atol=2e-5)


@pytest.mark.parametrize("n", [1, 9])
@pytest.mark.parametrize("has_bias", [True, False])
def test_attention_is_the_formula(n: int, has_bias: bool) -> None:
    query, key, value = torch.randn(3, 2, n, 16, dtype=torch.float64)
    bias = alibi(8, n) if has_bias else None
    found = attended(query, key, value, 8, bias)
    for row in range(2):
        parts = [array_of(part[row]) for part in (query, key, value)]
        expected = plain.attention(*parts, 8, plain.distance_bias(EIGHT, n) if has_bias else None)
        np.testing.assert_allclose(array_of(found[row]), expected, atol=1e-12)


@pytest.mark.parametrize(("period", "activation", "by_hand"), [(1, F.gelu, plain.gelu), (3, F.gelu, plain.gelu), (1, F.relu, plain.relu)])
def test_a_layer_is_normalised_after_both_of_its_halves(period: int, activation: Callable, by_hand: Callable, filled: Fill) -> None:
    layer = filled(PostNormLayer(16, 8, 12, activation, 0.1), 5)
    x = torch.randn(2, 7, 16, dtype=torch.float64)
    found = layer(x, alibi(8, 7, period=period))
    for row in range(2):
        expected = plain.post_norm_layer(array_of(x[row]), weights_of(layer), 8, plain.distance_bias(EIGHT, 7, period), by_hand)
        np.testing.assert_allclose(array_of(found[row]), expected, atol=1e-12)


def test_torchs_own_encoder_agrees_where_its_fast_path_is_off(stack: PostNormStack) -> None:
    """With the fast path on, its bias becomes a boolean mask: the very fault that ours must not have."""
    layer = nn.TransformerEncoderLayer(16, 8, 12, 0.0, activation="gelu", batch_first=True)
    theirs = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double()
    theirs.load_state_dict(stack.state_dict())
    x, bias = torch.randn(1, 6, 16, dtype=torch.float64), alibi(8, 6).double()
    expected = theirs.train()(x, mask=bias)
    torch.testing.assert_close(stack(x, bias), expected, atol=1e-12, rtol=0)


def test_evaluation_without_gradients_is_training_without_dropout(stack: PostNormStack) -> None:
    x, bias = torch.randn(2, 8, 16, dtype=torch.float64), alibi(8, 8)
    with torch.inference_mode():
        evaluated = stack.eval()(x, bias)
    trained = stack.train()(x, bias)
    stack.eval()
    torch.testing.assert_close(evaluated, trained, atol=1e-12, rtol=0)


def test_every_frame_sees_every_other(stack: PostNormStack) -> None:
    """A boolean mask from the bias would leave the diagonal alone."""
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    before = stack(x, alibi(8, 6))
    for frame in range(6):
        moved = x.clone()
        moved[0, frame] += 1
        changed = (stack(moved, alibi(8, 6)) - before).abs().amax(-1)[0]
        assert (changed > 1e-9).all(), frame


def test_dropout_only_in_training(filled: Fill) -> None:
    network = filled(PostNormStack(1, 16, 8, 12, dropout=0.5), 1)
    x = torch.randn(1, 5, 16, dtype=torch.float64)
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))
