"""Is the speech encoder wav2vec2 with half of its frames, as section 2 of the specification says?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.face.speech_encoder import SpeechEncoder, at_face_rate
from understudy.tests.core.face import plain_formulas as plain
from understudy.tests.core.face.conftest import TINY_SPEECH
from understudy.tests.core.face.plain_formulas import Array, Weights, array_of, weights_of

Fill = Callable[[nn.Module, int], nn.Module]
STRIDES = (5, 2, 2, 2, 2, 2, 2)


@pytest.fixture(scope="module")
def network(filled: Fill) -> SpeechEncoder:
    made = filled(SpeechEncoder(TINY_SPEECH), 1)
    assert isinstance(made, SpeechEncoder)
    return made


def convolutions(sound: Array, w: Weights) -> Array:
    frames = sound[None]
    for number, stride in enumerate(STRIDES):
        layer = w / f"feature_extractor.conv_layers.{number}"
        frames = plain.convolution(frames, layer / "conv", stride)
        if number == 0:
            scaled = (frames - frames.mean(1, keepdims=True)) / np.sqrt(frames.var(1, keepdims=True) + 1e-5)
            frames = scaled * layer["layer_norm.weight"][:, None] + layer["layer_norm.bias"][:, None]
        frames = plain.gelu(frames)
    return frames


def halved(frames: Array) -> Array:
    """(C, n) to (C, ceil(n / 2)): place k of the result lies at k (n - 1) / (size - 1)."""
    n = frames.shape[1]
    size = -(-n // 2)
    places = [k * (n - 1) / (size - 1) for k in range(size)]
    return np.stack([np.array([np.interp(place, range(n), channel) for channel in frames]) for place in places], axis=1)


def transformer(x: Array, w: Weights) -> Array:
    half = TINY_SPEECH.position_kernel // 2
    around = np.pad(x.T, ((0, 0), (half, half)))
    positions = plain.convolution(around, w / "pos_conv_embed.conv", groups=TINY_SPEECH.position_groups)[:, :-1]
    x = plain.layer_norm(x + plain.gelu(positions).T, w / "layer_norm")
    for number in range(TINY_SPEECH.n_layers):
        layer = w / f"layers.{number}"
        parts = [plain.linear(x, layer / f"attention.{name}_proj") for name in "qkv"]
        seen = plain.attention(parts[0], parts[1], parts[2], TINY_SPEECH.n_heads)
        x = plain.layer_norm(x + plain.linear(seen, layer / "attention.out_proj"), layer / "layer_norm")
        hidden = plain.gelu(plain.linear(x, layer / "feed_forward.intermediate_dense"))
        x = plain.layer_norm(x + plain.linear(hidden, layer / "feed_forward.output_dense"), layer / "final_layer_norm")
    return x


def by_hand(sound: Array, w: Weights) -> Array:
    x = halved(convolutions(sound, w)).T
    projected = plain.linear(plain.layer_norm(x, w / "feature_projection.layer_norm"), w / "feature_projection.projection")
    return transformer(projected, w / "encoder")


@pytest.mark.parametrize("n_frames", [4, 8])
def test_the_whole_way_is_the_formula(n_frames: int, network: SpeechEncoder) -> None:
    sound = torch.randn(2, 640 * n_frames, dtype=torch.float64)
    found = network(sound)
    assert found.shape == (2, n_frames, TINY_SPEECH.width)
    for row in range(2):
        np.testing.assert_allclose(array_of(found[row]), by_hand(array_of(sound[row]), weights_of(network)), atol=1e-10)


@pytest.mark.parametrize("n", [3, 4, 7, 8, 15, 103])
def test_frames_are_halved_linearly_with_both_ends_kept(n: int) -> None:
    frames = torch.randn(1, 3, n, dtype=torch.float64)
    found = array_of(at_face_rate(frames)[0])
    assert found.shape == (3, -(-n // 2))
    np.testing.assert_allclose(found, halved(array_of(frames[0])), atol=1e-12)
    np.testing.assert_array_equal(found[:, [0, -1]], array_of(frames[0])[:, [0, -1]])


@pytest.mark.parametrize("n_frames", [4, 12, 32, 804])
def test_a_frame_of_the_face_has_640_samples(n_frames: int, network: SpeechEncoder) -> None:
    assert network.feature_extractor(torch.zeros(1, 640 * n_frames).double()).shape[-1] == 2 * n_frames - 1


def test_clips_of_a_batch_do_not_hear_each_other(network: SpeechEncoder) -> None:
    sound = torch.randn(2, 640 * 8, dtype=torch.float64)
    both = network(sound)
    for row in range(2):
        torch.testing.assert_close(both[row : row + 1], network(sound[row : row + 1]), atol=1e-12, rtol=0)


def test_the_network_is_wav2vec2s(network: SpeechEncoder) -> None:
    """Needs transformers, which is not among the development dependencies."""
    transformers = pytest.importorskip("transformers", reason="transformers, which this test compares with, is not installed")
    config = transformers.Wav2Vec2Config(
        hidden_size=TINY_SPEECH.width, num_hidden_layers=TINY_SPEECH.n_layers, num_attention_heads=TINY_SPEECH.n_heads,
        intermediate_size=TINY_SPEECH.feed_forward, conv_dim=(TINY_SPEECH.conv_width,) * 7,
        num_conv_pos_embeddings=TINY_SPEECH.position_kernel, num_conv_pos_embedding_groups=TINY_SPEECH.position_groups,
    )  # fmt: skip
    oracle = transformers.Wav2Vec2Model(config).double().eval()
    state = network.state_dict()
    weight = state.pop("encoder.pos_conv_embed.conv.weight")
    length = weight.norm(dim=(0, 1), keepdim=True)
    folded = {"original0": length, "original1": 3 * weight}
    state |= {f"encoder.pos_conv_embed.conv.parametrizations.weight.{name}": tensor for name, tensor in folded.items()}
    oracle.load_state_dict(state | {"masked_spec_embed": torch.zeros(TINY_SPEECH.width)})
    sound = torch.randn(2, 640 * 8, dtype=torch.float64)
    with torch.inference_mode():
        slowed = at_face_rate(oracle.feature_extractor(sound))
        expected = oracle.encoder(oracle.feature_projection(slowed.transpose(1, 2))[0]).last_hidden_state
        torch.testing.assert_close(network(sound), expected, atol=1e-10, rtol=0)
