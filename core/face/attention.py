"""Attention whose logits take a float bias, and the layer around it that DEEPTalk's own networks share.

torch's TransformerEncoder is not used: outside of training its fast path turns the bias into a boolean mask without a warning, after
which a frame sees itself alone. Parameter names are those of that class, and so of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Callable[[Tensor], Tensor]


def attended(query: Tensor, key: Tensor, value: Tensor, n_heads: int, bias: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """(B, n, width) each to the same. bias: float (n_heads, n, n) or (1, n_heads, n, n), added to the scaled logits before the softmax."""
    query, key, value = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in (query, key, value))
    added = None if bias is None else bias.to(query)
    seen = F.scaled_dot_product_attention(query, key, value, attn_mask=added, dropout_p=dropout)
    return seen.transpose(1, 2).flatten(2)


class BiasedSelfAttention(nn.Module):
    """(B, n, width) to the same; queries, keys and values come out of one matrix, in this order."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.dropout = n_heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        query, key, value = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        return self.out_proj(attended(query, key, value, self.n_heads, bias, self.dropout if self.training else 0.0))


class PostNormLayer(nn.Module):
    """(B, n, width) to the same; normalised after attention and after the feed-forward network."""

    def __init__(self, width: int, n_heads: int, feed_forward: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.self_attn = BiasedSelfAttention(width, n_heads, dropout)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attn(x, bias)))
        hidden = self.dropout(self.activation(self.linear1(x)))
        return self.norm2(x + self.dropout(self.linear2(hidden)))


class PostNormStack(nn.Module):
    """Such layers one after another, all with the same bias."""

    def __init__(
        self, n_layers: int, width: int, n_heads: int, feed_forward: int, activation: Activation = F.gelu, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(PostNormLayer(width, n_heads, feed_forward, activation, dropout) for _ in range(n_layers))

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, bias)
        return x
