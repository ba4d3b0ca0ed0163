"""Is the tokenizer of expressions the TH-VQVAE of section 5 of the specification?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.face.expression_tokens import Codebook, ExpressionTokenizer
from understudy.tests.core.face import plain_formulas as plain
from understudy.tests.core.face.conftest import TINY_TOKENS
from understudy.tests.core.face.plain_formulas import Array, Weights, array_of, weights_of

Fill = Callable[[nn.Module, int], nn.Module]
FOUR_SLOPES = [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]


@pytest.fixture(scope="module")
def tokenizer(filled: Fill) -> ExpressionTokenizer:
    made = filled(ExpressionTokenizer(TINY_TOKENS), 4)
    assert isinstance(made, ExpressionTokenizer)
    return made


def near(x: Array, w: Weights) -> Array:
    return plain.post_norm_stack(x, w, 1, 4, plain.distance_bias(FOUR_SLOPES, len(x)))


def halving(x: Array, w: Weights) -> Array:
    """(n, C): the first and the last frame are repeated beyond the ends."""
    conv = plain.convolution(np.pad(x.T, ((0, 0), (2, 2)), mode="edge"), w / "squasher.0.0", stride=2)
    x = plain.batch_norm(plain.leaky(conv, 0.2), w / "squasher.0.2").T
    return near(plain.linear(x, w / "encoder_linear_embedding.net"), w / "encoder_transformer")


def doubling(x: Array, w: Weights) -> Array:
    conv = plain.transposed_convolution(x.T, w / "expander.0.0", stride=2, padding=2, output_padding=1)
    x = plain.batch_norm(plain.leaky(conv, 0.2), w / "expander.0.2").T
    return near(plain.linear(x, w / "decoder_linear_embedding"), w / "decoder_transformer")


def nearest(x: Array, codes: Array) -> list[int]:
    """By brute force: every distance."""
    return [min(range(len(codes)), key=lambda code: float(((row - codes[code]) ** 2).sum())) for row in x]


def encoded(motion: Array, w: Weights) -> tuple[list[int], list[int]]:
    bottom = halving(motion, w / "encoder_b")
    top = nearest(halving(bottom, w / "encoder_t"), w["quantize_t.codebook.weight"])
    expanded = doubling(w["quantize_t.codebook.weight"][top], w / "decoder_t")
    return top, nearest(np.concatenate((expanded, bottom), axis=1), w["quantize_b.codebook.weight"])


def decoded(top: Array, bottom: Array, w: Weights) -> Array:
    vectors = w["quantize_t.codebook.weight"][top]
    upsampled = plain.transposed_convolution(vectors.T, w / "upsample_t", stride=2, padding=1, output_padding=0).T
    x = doubling(np.concatenate((upsampled, w["quantize_b.codebook.weight"][bottom]), axis=1), w / "decoder_b")
    return plain.convolution(np.pad(x.T, ((0, 0), (2, 2))), w / "decoder_b.cross_smooth_layer").T


@pytest.mark.parametrize("frames", [4, 8, 36])
def test_the_encoder_is_the_formula(frames: int, tokenizer: ExpressionTokenizer) -> None:
    motion = torch.randn(2, frames, 53, dtype=torch.float64)
    top, bottom = tokenizer.encode(motion)
    assert top.shape == (2, frames // 4) and bottom.shape == (2, frames // 2)
    for row in range(2):
        expected = encoded(array_of(motion[row]), weights_of(tokenizer))
        assert (top[row].tolist(), bottom[row].tolist()) == expected


@pytest.mark.parametrize("tops", [1, 3])
def test_the_decoder_is_the_formula(tops: int, tokenizer: ExpressionTokenizer) -> None:
    top, bottom = torch.randint(40, (2, tops)), torch.randint(40, (2, 2 * tops))
    found = tokenizer.decode(top, bottom)
    assert found.shape == (2, 4 * tops, 53)
    for row in range(2):
        expected = decoded(top[row].numpy(), bottom[row].numpy(), weights_of(tokenizer))
        np.testing.assert_allclose(array_of(found[row]), expected, atol=1e-10)


def test_what_the_top_codes_say(tokenizer: ExpressionTokenizer) -> None:
    top, w = torch.randint(40, (1, 5)), weights_of(tokenizer)
    expected = doubling(w["quantize_t.codebook.weight"][top[0].numpy()], w / "decoder_t")
    np.testing.assert_allclose(array_of(tokenizer.expanded_top(top)[0]), expected, atol=1e-10)


def test_codes_are_found_by_brute_force_and_of_equal_ones_the_first() -> None:
    book = Codebook(40, 6).double()
    with torch.no_grad():
        book.codebook.weight[7] = book.codebook.weight[3]
    x = torch.cat((torch.randn(3, 50, 6), book.codebook.weight[[7, 3, 12]].detach().expand(3, 3, 6)), dim=1).double()
    found = book.nearest(x)
    assert [row.tolist() for row in found] == [nearest(array_of(row), array_of(book.codebook.weight)) for row in x]
    assert found[:, -3:].tolist() == [[3, 3, 12]] * 3
    torch.testing.assert_close(book(found)[:, -1], x[:, -1])


def test_rows_of_a_batch_are_for_themselves(tokenizer: ExpressionTokenizer) -> None:
    motion = torch.randn(2, 12, 53, dtype=torch.float64)
    top, bottom = tokenizer.encode(motion)
    for row in range(2):
        alone = tokenizer.encode(motion[row : row + 1])
        assert torch.equal(top[row : row + 1], alone[0]) and torch.equal(bottom[row : row + 1], alone[1])
        torch.testing.assert_close(tokenizer.decode(*alone), tokenizer.decode(top, bottom)[row : row + 1], atol=1e-12, rtol=0)
