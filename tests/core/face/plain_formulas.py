"""The papers' formulas in plain NumPy, double precision and loops, for networks whose weights are given by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor, nn

Array = np.ndarray
_erf = np.vectorize(math.erf, otypes=[float])


class Weights:
    """A network's tensors as arrays; `weights / "encoder.layers.0"` are those below that name."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = dict(arrays)

    def __truediv__(self, name: str) -> Weights:
        return Weights({key.removeprefix(f"{name}."): array for key, array in self.arrays.items() if key.startswith(f"{name}.")})

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]


def weights_of(network: nn.Module) -> Weights:
    return Weights({name: array_of(tensor) for name, tensor in network.state_dict().items()})


def array_of(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def linear(x: Array, w: Weights) -> Array:
    return x @ w["weight"].T + w.arrays.get("bias", 0.0)


def gelu(x: Array) -> Array:
    return x * 0.5 * (1 + _erf(x / math.sqrt(2)))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def leaky(x: Array, slope: float) -> Array:
    return np.where(x > 0, x, slope * x)


def layer_norm(x: Array, w: Weights | None = None) -> Array:
    """Over the last axis."""
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * w["weight"] + w["bias"] if w else scaled


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(query: Array, key: Array, value: Array, n_heads: int, bias: Array | None = None) -> Array:
    """(n, width) each; bias (n_heads, n, n): softmax(q k / sqrt(d) + bias) v, one head and one row after another."""
    width = query.shape[1] // n_heads
    out = np.zeros_like(query)
    for head in range(n_heads):
        part = slice(head * width, (head + 1) * width)
        for row in range(len(query)):
            logits = key[:, part] @ query[row, part] / math.sqrt(width)
            if bias is not None:
                logits = logits + bias[head, row]
            out[row, part] = softmax(logits) @ value[:, part]
    return out


def post_norm_layer(x: Array, w: Weights, n_heads: int, bias: Array | None, activation: Callable[[Array], Array]) -> Array:
    """torch's own parameter names."""
    joined = x @ w["self_attn.in_proj_weight"].T + w["self_attn.in_proj_bias"]
    query, key, value = np.split(joined, 3, axis=1)
    x = layer_norm(x + linear(attention(query, key, value, n_heads, bias), w / "self_attn.out_proj"), w / "norm1")
    return layer_norm(x + linear(activation(linear(x, w / "linear1")), w / "linear2"), w / "norm2")


def post_norm_stack(
    x: Array, w: Weights, n_layers: int, n_heads: int, bias: Array | None = None, activation: Callable[[Array], Array] = gelu
) -> Array:
    for number in range(n_layers):
        x = post_norm_layer(x, w / f"layers.{number}", n_heads, bias, activation)
    return x


def distance_bias(slopes: list[float], n: int, period: int = 1) -> Array:
    """(heads, n, n): -slope floor(|i - j| / period)."""
    return np.array([[[-slope * (abs(i - j) // period) for j in range(n)] for i in range(n)] for slope in slopes])


def convolution(x: Array, w: Weights, stride: int = 1, groups: int = 1) -> Array:
    """(C, n), already padded: out[o, t] = bias[o] + sum over i, k of weight[o, i, k] x[i + first of o's group, t stride + k]."""
    kernels = w["weight"]
    n_outputs, n_inputs, size = kernels.shape
    per_group = n_outputs // groups
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, ::stride]
    out = np.zeros((n_outputs, seen.shape[1]))
    for o in range(n_outputs):
        first = o // per_group * n_inputs
        out[o] = (kernels[o][:, None] * seen[first : first + n_inputs]).sum(axis=(0, 2))
    return out + np.asarray(w.arrays.get("bias", 0.0))[..., None]


def transposed_convolution(x: Array, w: Weights, stride: int, padding: int, output_padding: int) -> Array:
    """(C, n): every input adds weight[i, o, k] at t stride + k - padding."""
    kernels = w["weight"]
    size = kernels.shape[2]
    whole = np.zeros((kernels.shape[1], (x.shape[1] - 1) * stride + size + output_padding))
    for t in range(x.shape[1]):
        whole[:, t * stride : t * stride + size] += np.einsum("i,iok->ok", x[:, t], kernels)
    length = (x.shape[1] - 1) * stride - 2 * padding + size + output_padding
    return whole[:, padding : padding + length] + w["bias"][:, None]


def batch_norm(x: Array, w: Weights) -> Array:
    """(C, n), running statistics."""
    scale = w["weight"] / np.sqrt(w["running_var"] + 1e-5)
    return (x - w["running_mean"][:, None]) * scale[:, None] + w["bias"][:, None]


def sinusoids(n: int, width: int) -> Array:
    table = np.zeros((n, width))
    for position in range(n):
        for k in range(width // 2):
            angle = position * math.exp(-2 * k * math.log(10000) / width)
            table[position, 2 * k], table[position, 2 * k + 1] = math.sin(angle), math.cos(angle)
    return table


def gru(x: Array, w: Weights, ending: str) -> Array:
    """(n, width) to the hidden states (n, width) of one direction, from a zero state; ending: of the names, such as "l0"."""
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    hidden, states = np.zeros(w[f"weight_hh_{ending}"].shape[1]), []
    for row in x:
        of_input = np.split(w[f"weight_ih_{ending}"] @ row + w[f"bias_ih_{ending}"], 3)
        of_state = np.split(w[f"weight_hh_{ending}"] @ hidden + w[f"bias_hh_{ending}"], 3)
        reset, update = sigmoid(of_input[0] + of_state[0]), sigmoid(of_input[1] + of_state[1])
        fresh = np.tanh(of_input[2] + reset * of_state[2])
        hidden = (1 - update) * fresh + update * hidden
        states.append(hidden)
    return np.array(states)


def pooled(x: Array, w: Weights) -> Array:
    """(n, C) to (C,): section 3.1's pooling, one channel after another."""
    codes = sinusoids(len(x), w["linear.weight"].shape[1])
    forth, back = gru(codes, w / "gru", "l0"), gru(codes[::-1], w / "gru", "l0_reverse")[::-1]
    weights = softmax(((forth + back) / 2 @ w["linear.weight"][0]) / 0.1)
    return np.array([sum(weight * value for weight, value in zip(weights, sorted(channel, reverse=True), strict=True)) for channel in x.T])


def unit(x: Array) -> Array:
    return x / (math.sqrt((x * x).sum()) + 1e-8)
