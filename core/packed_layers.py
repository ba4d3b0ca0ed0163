"""Layers whose weights lie as the processor reads them: for inference on the CPU, at equal results.

A layer of torch puts its weights in order again at every call, which takes as long as half of the sums when there are few frames, and
asks MKL, which does only half of what it could on AMD's processors. oneDNN, which torch brings along, does all of it on both.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PROCESSORS = ("x86_64", "AMD64")
_ROWS = 196  # that the order is chosen for; others are no fault


def pack(network: nn.Module) -> None:
    """Puts packed layers in the place of all linear layers and undilated convolutions over time, in place.

    What is packed can neither be trained, saved nor moved. Does nothing where torch has no oneDNN or the processor is another one.
    """
    if platform.machine() not in _PROCESSORS or not torch.backends.mkldnn.is_available():
        return
    for name, layer in network.named_children():
        if isinstance(layer, nn.Linear):
            network._modules[name] = PackedLinear(layer.weight, layer.bias)
        elif isinstance(layer, nn.Conv1d) and layer.dilation == (1,) and layer.groups == 1 and layer.padding_mode == "zeros":
            network._modules[name] = PackedConv(layer)
        else:
            pack(layer)


class PackedLinear(nn.Module):
    """(..., C) to (..., K), as a linear layer of weight (K, C) and bias (K,)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _ROWS)
        self._bias = bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), self._weight, self._bias, "none", [], "")  # type: ignore[no-any-return]


class PackedConv(nn.Module):
    """(B, C, T) to (B, K, T'), as a convolution: a linear layer on the frames that it sees side by side.

    What comes out lies frame by frame in memory, which is how the next one wants it.
    """

    def __init__(self, layer: nn.Conv1d) -> None:
        super().__init__()
        assert layer.bias is not None and isinstance(layer.padding[0], int)
        self._width, self._stride, self._padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
        self._linear = PackedLinear(layer.weight.transpose(1, 2).flatten(1), layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.transpose(1, 2)
        if self._width > 1:
            padded = F.pad(frames, (0, 0, self._padding, self._padding))
            frames = padded.unfold(1, self._width, self._stride).transpose(2, 3).flatten(2)
        return self._linear(frames).transpose(1, 2)
