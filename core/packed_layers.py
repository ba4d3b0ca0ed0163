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
    """Puts packed layers in the place of all float32 linear layers, undilated convolutions over time, and encoders of transformers.

    What is packed can neither be trained, saved nor moved. Does nothing where torch has no oneDNN or the processor is another one.
    """
    if platform.machine() not in _PROCESSORS or not torch.backends.mkldnn.is_available():
        return
    for name, layer in network.named_children():
        if isinstance(layer, nn.Linear) and layer.weight.dtype == torch.float32:
            network._modules[name] = PackedLinear(layer.weight, layer.bias)
        elif isinstance(layer, nn.TransformerEncoder):
            network._modules[name] = PackedEncoder(layer)
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


class PackedEncoder(nn.Module):
    """torch's own encoder in evaluation mode, normalised after each sum, batch first, with GELU."""

    def __init__(self, encoder: nn.TransformerEncoder) -> None:
        super().__init__()
        assert encoder.norm is None
        self._layers = nn.ModuleList(_PackedEncoderLayer(layer) for layer in encoder.layers)  # type: ignore[arg-type]

    def forward(self, x: Tensor, src_key_padding_mask: Tensor) -> Tensor:
        """x: (B, n, C); src_key_padding_mask: (B, n), True for what nobody sees; not everything in a row."""
        seen = ~src_key_padding_mask[:, None, None]
        for layer in self._layers:
            x = layer(x, seen)
        return x


class _PackedEncoderLayer(nn.Module):
    def __init__(self, layer: nn.TransformerEncoderLayer) -> None:
        super().__init__()
        assert not layer.norm_first and layer.activation is F.gelu and layer.self_attn.batch_first
        self._n_heads = layer.self_attn.num_heads
        self._heads = PackedLinear(layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias)
        self._joined = PackedLinear(layer.self_attn.out_proj.weight, layer.self_attn.out_proj.bias)
        self._wide = PackedLinear(layer.linear1.weight, layer.linear1.bias)
        self._narrow = PackedLinear(layer.linear2.weight, layer.linear2.bias)
        self._norms = nn.ModuleList((layer.norm1, layer.norm2))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        query, key, value = self._heads(x).unflatten(-1, (3, self._n_heads, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        first, second = self._norms
        x = first(x + self._joined(found.transpose(1, 2).flatten(2)))
        return second(x + self._narrow(F.gelu(self._wide(x))))
