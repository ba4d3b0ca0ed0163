"""Are matrix products on pieces of sound what torch's convolutions make of the whole, at the seams too, and can they be trained?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from understudy.core.face.emotion_trunk import TrunkConvolutions
from understudy.core.face.sound_convolutions import FRAMES_AT_ONCE, FrameConvolution, in_pieces
from understudy.core.face.sound_frames import CONV_KERNELS, CONV_STRIDES
from understudy.core.face.speech_encoder import SpeechConvolutions

WIDTH = 6
SAMPLES = (400, 719, 720, 320 * FRAMES_AT_ONCE + 79, 320 * FRAMES_AT_ONCE + 80, 320 * FRAMES_AT_ONCE + 400, 320 * 3 * FRAMES_AT_ONCE + 555)


def clips(samples: int) -> Tensor:
    """Two, of which one is no noise around zero."""
    noise = torch.randn(2, samples, generator=torch.Generator().manual_seed(samples), dtype=torch.float64)
    return noise * torch.tensor([[1.0], [0.2]]) + torch.tensor([[0.0], [3.0]])


def speech_layers() -> SpeechConvolutions:
    torch.manual_seed(1)
    layers = SpeechConvolutions(WIDTH).double()
    torch.nn.init.normal_(layers.conv_layers[0].layer_norm.weight)
    torch.nn.init.normal_(layers.conv_layers[0].layer_norm.bias)
    return layers


@pytest.mark.parametrize("samples", SAMPLES)
def test_wav2vec2s_are_torchs(samples: int) -> None:
    layers = speech_layers()
    expected = clips(samples)[:, None]
    for layer in layers.conv_layers:
        expected = F.conv1d(expected, layer.conv.weight, stride=layer.stride)
        expected = F.gelu(layer.layer_norm(expected) if layer.layer_norm is not None else expected)
    torch.testing.assert_close(layers(clips(samples)), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("samples", SAMPLES)
def test_emotion2vecs_are_torchs(samples: int) -> None:
    torch.manual_seed(2)
    layers = TrunkConvolutions(WIDTH).double()
    expected = clips(samples)[:, None]
    for layer, stride in zip(layers.conv_layers, CONV_STRIDES, strict=True):
        seen = F.conv1d(expected, layer[0].weight, stride=stride).transpose(1, 2)
        expected = F.gelu(F.layer_norm(seen, (WIDTH,), layer[2][1].weight, layer[2][1].bias)).transpose(1, 2)
    torch.testing.assert_close(layers(clips(samples)).transpose(1, 2), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize(("kernel", "stride"), [*zip(CONV_KERNELS, CONV_STRIDES, strict=True), (5, 2), (2, 3)])
def test_a_convolution_of_any_kernel(kernel: int, stride: int) -> None:
    frames, weight = torch.randn(4, 40, dtype=torch.float64), torch.randn(5, 4, kernel, dtype=torch.float64)
    found = FrameConvolution.of(weight, stride, lambda x: x)(frames.T.contiguous())
    torch.testing.assert_close(found.T, F.conv1d(frames[None], weight, stride=stride)[0])


def test_gradients_are_torchs() -> None:
    weight = torch.randn(WIDTH, 1, 10, dtype=torch.float64, requires_grad=True)
    later = torch.randn(WIDTH, WIDTH, 3, dtype=torch.float64, requires_grad=True)
    sound = clips(400)[0]
    FrameConvolution.of(later, 2, F.gelu)(FrameConvolution.of(weight, 5, F.gelu)(sound[:, None])).square().sum().backward()
    found = weight.grad, later.grad
    weight.grad = later.grad = None
    F.gelu(F.conv1d(F.gelu(F.conv1d(sound[None, None], weight, stride=5)), later, stride=2)).square().sum().backward()
    for one, other in zip(found, (weight.grad, later.grad), strict=True):
        torch.testing.assert_close(one, other)


def test_a_piece_needs_no_more_memory_for_a_longer_sound() -> None:
    widest: list[int] = []

    def look(frames: Tensor) -> Tensor:
        widest.append(len(frames))
        return frames

    layers = [FrameConvolution.of(torch.ones(1, 1, kernel), stride, look) for kernel, stride in zip(CONV_KERNELS, CONV_STRIDES, strict=True)]
    assert len(in_pieces(torch.ones(320 * 5 * FRAMES_AT_ONCE + 80), layers)) == 5 * FRAMES_AT_ONCE
    assert max(widest) < 65 * FRAMES_AT_ONCE
