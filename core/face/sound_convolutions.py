"""The seven convolutions that wav2vec2 and emotion2vec both begin with, as matrix products on pieces of sound that fit a processor's cache.

Frames lie one after another in memory, so that what a convolution sees needs no copy. That takes half the time of torch's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .sound_frames import CONV_KERNELS, CONV_STRIDES

FRAMES_AT_ONCE = 64  # of what comes out; their widest layer takes 8 MB at the published size
SAMPLES_PER_STEP, SAMPLES_SEEN = 320, 400  # from one frame that comes out to the next, and by each of them

Activation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FrameConvolution:
    """taps: for each group of `stride` neighbours that a frame sees, a matrix (outputs, neighbours times inputs). after: what follows."""

    taps: Sequence[Tensor]
    stride: int
    bias: Tensor | None
    after: Activation

    @classmethod
    def of(cls, weight: Tensor, stride: int, after: Activation, bias: Tensor | None = None) -> FrameConvolution:
        """weight: (outputs, inputs, kernel), as torch's convolution has it."""
        # Of one channel a copy costs nothing, and each product more
        groups = weight.transpose(1, 2).split(stride if weight.shape[1] > 1 else weight.shape[2], dim=1)
        return cls([group.flatten(1).contiguous() for group in groups], stride, bias, after)

    def __call__(self, frames: Tensor) -> Tensor:
        """(n, C) to (n', outputs), no padding."""
        n_inputs = frames.shape[1]
        kernel = sum(tap.shape[1] for tap in self.taps) // n_inputs
        n = (len(frames) - kernel) // self.stride + 1
        steps = (self.stride * n_inputs, 1)
        start = frames.storage_offset()
        seen = [frames.as_strided((n, tap.shape[1]), steps, start + number * steps[0]) for number, tap in enumerate(self.taps)]
        out = F.linear(seen[0], self.taps[0], self.bias)
        for rows, tap in zip(seen[1:], self.taps[1:], strict=True):
            out.addmm_(rows, tap.T)
        return self.after(out)


def in_pieces(sound: Tensor, layers: Sequence[FrameConvolution]) -> Tensor:
    """(L,) to (n, C), n = floor((L - 400) / 320) + 1: every piece of sound through all layers before the next one."""
    n = (len(sound) - SAMPLES_SEEN) // SAMPLES_PER_STEP + 1
    pieces = []
    for first in range(0, n, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE, n) - 1
        frames = sound[first * SAMPLES_PER_STEP : last * SAMPLES_PER_STEP + SAMPLES_SEEN].contiguous()[:, None]
        for layer in layers:
            frames = layer(frames)
        pieces.append(frames)
    return torch.cat(pieces)


def normalised_over_time(sound: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """A first convolution's weight and bias such that each channel has this scale and shift over all of sound (L,).

    Mean and variance of what comes out follow from those of what is seen, so that it never has to be there as a whole.
    """
    seen = sound.double().unfold(0, CONV_KERNELS[0], CONV_STRIDES[0])
    mean = seen.mean(0)
    centred = seen - mean
    kernels = weight[:, 0].double()
    variance = ((kernels @ (centred.T @ centred / len(seen))) * kernels).sum(1)
    factor = scale / torch.sqrt(variance + epsilon)
    return (kernels * factor[:, None])[:, None].to(weight), (shift - kernels @ mean * factor).to(weight)
