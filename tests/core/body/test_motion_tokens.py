"""Does the tokenizer compute what section 5 of the specification says?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from understudy.core.body.motion_tokens import MotionTokenizer, ResidualQuantizer, TokenizerConfig

Fill = Callable[[nn.Module, int], nn.Module]
CONFIG = TokenizerConfig(n_features=7, width=6, code_dim=5, n_codes=11, n_quantizers=4)


@pytest.fixture(scope="module")
def tokenizer(filled: Fill) -> MotionTokenizer:
    network = filled(MotionTokenizer(CONFIG), 1)
    assert isinstance(network, MotionTokenizer)
    return network


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def convolution(weights: dict[str, Tensor], name: str, x: Tensor, stride: int = 1, padding: int = 1, dilation: int = 1) -> Tensor:
    """Written out: out[b, o, t] = bias[o] + sum over i, k of weight[o, i, k] x[b, i, t stride + k dilation - padding]."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    padded = torch.zeros(*x.shape[:2], x.shape[2] + 2 * padding, dtype=x.dtype)
    padded[:, :, padding : padding + x.shape[2]] = x
    length = (padded.shape[2] - dilation * (weight.shape[2] - 1) - 1) // stride + 1
    columns = []
    for t in range(length):
        taps = torch.stack([padded[:, :, t * stride + k * dilation] for k in range(weight.shape[2])], dim=-1)
        columns.append(torch.einsum("oik,bik->bo", weight, taps) + bias)
    return torch.stack(columns, dim=-1)


def residual_stack(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    for block, dilation in enumerate((9, 3, 1)):
        inner = convolution(weights, f"{name}.model.{block}.conv1", x.clamp_min(0), padding=dilation, dilation=dilation)
        x = x + convolution(weights, f"{name}.model.{block}.conv2", inner.clamp_min(0), padding=0)
    return x


def test_the_encoder_is_two_halvings_with_dilations_nine_three_one(tokenizer: MotionTokenizer) -> None:
    weights, x = tokenizer.state_dict(), torch.randn(2, 24, 7, dtype=torch.float64)
    h = convolution(weights, "encoder.model.0", x.transpose(1, 2)).clamp_min(0)
    for level in (2, 3):
        h = convolution(weights, f"encoder.model.{level}.0", h, stride=2)
        h = residual_stack(weights, f"encoder.model.{level}.1", h)
    h = convolution(weights, "encoder.model.4", h)
    assert h.shape[2] == 6
    close(tokenizer.encoder(x), h.transpose(1, 2))


def test_the_decoder_is_two_doublings_by_repetition(tokenizer: MotionTokenizer) -> None:
    weights, z = tokenizer.state_dict(), torch.randn(2, 5, 5, dtype=torch.float64)
    h = convolution(weights, "decoder.model.0", z.transpose(1, 2)).clamp_min(0)
    for level in (2, 3):
        h = residual_stack(weights, f"decoder.model.{level}.0", h)
        h = torch.stack([h[:, :, t // 2] for t in range(2 * h.shape[2])], dim=-1)
        h = convolution(weights, f"decoder.model.{level}.2", h)
    h = convolution(weights, "decoder.model.4", h).clamp_min(0)
    h = convolution(weights, "decoder.model.6", h)
    close(tokenizer.decoder(z), h.transpose(1, 2))


def naive_ids(books: list[Tensor], latent: Tensor) -> list[int]:
    residual, ids = latent.clone(), []
    for book in books:
        distances = [float(((residual - code) ** 2).sum()) for code in book]
        ids.append(min(range(len(distances)), key=distances.__getitem__))
        residual = residual - book[ids[-1]]
    return ids


def test_each_book_codes_what_the_ones_before_it_left_over(tokenizer: MotionTokenizer) -> None:
    latents = torch.randn(3, 8, 5, dtype=torch.float64) * 2
    books = [layer.codebook for layer in tokenizer.quantizer.books]
    expected = [[naive_ids(books, latent) for latent in row] for row in latents]
    assert tokenizer.quantizer.encode(latents).tolist() == expected


@given(st.lists(st.lists(st.integers(-1, 10), min_size=4, max_size=4), min_size=1, max_size=6), st.integers(1, 4))
def test_looking_up_adds_the_vectors_and_skips_minus_one(rows: list[list[int]], depth: int) -> None:
    quantizer = ResidualQuantizer(4, 11, 5).double()
    generator = torch.Generator().manual_seed(0)
    for book in quantizer.books:
        book.codebook.normal_(generator=generator)
    ids = torch.tensor(rows)[None, :, :depth]
    expected = torch.zeros(1, len(rows), 5, dtype=torch.float64)
    for n, row in enumerate(rows):
        for layer, index in enumerate(row[:depth]):
            if index != -1:
                expected[0, n] += quantizer.books[layer].codebook[index]
    close(quantizer.lookup(ids), expected)


def test_an_encoded_sum_of_codes_comes_back(tokenizer: MotionTokenizer) -> None:
    coarse_to_fine = ResidualQuantizer(3, 6, 5).double()
    generator = torch.Generator().manual_seed(0)
    for layer, book in enumerate(coarse_to_fine.books):
        book.codebook.copy_(torch.randn(6, 5, generator=generator, dtype=torch.float64) * 0.01**layer)
    ids = torch.randint(6, (2, 50, 3), generator=generator)
    assert torch.equal(coarse_to_fine.encode(coarse_to_fine.lookup(ids)), ids)


def test_encoding_gives_one_token_for_four_frames(tokenizer: MotionTokenizer) -> None:
    ids = tokenizer.encode(torch.randn(2, 64, 7, dtype=torch.float64))
    assert ids.shape == (2, 16, 4) and int(ids.min()) >= 0 and int(ids.max()) < 11
    features = tokenizer.decode(ids)
    assert features.shape == (2, 64, 7)
    close(features, tokenizer.decoder(tokenizer.quantizer.lookup(ids)))


def test_dropout_acts_in_training_only(tokenizer: MotionTokenizer) -> None:
    x = torch.randn(1, 16, 7, dtype=torch.float64)
    assert torch.equal(tokenizer.encoder(x), tokenizer.encoder(x))
    tokenizer.train()
    different = not torch.equal(tokenizer.encoder(x), tokenizer.encoder(x))
    tokenizer.eval()
    assert different
