"""What the two token transformers share: a bidirectional encoder over condition tokens followed by motion tokens (MoMask).

Parameter names are those of the published checkpoints. A bundle whose text encoder gives a token sequence adds one condition token
a word (`word_emb`), because a pooled vector alone hardly tells left from right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..sinusoids import sinusoids
from .local_context import LocalContext
from .text_encoder import EncodedText


@dataclass(frozen=True)
class TokenTransformerConfig:
    """Defaults are the published configuration.

    text_width: pooled vector; word_width: token vectors, 0 for none; local_blocks: of LocalContext, 0 for attention alone.
    """

    n_codes: int = 512
    n_quantizers: int = 6
    code_dim: int = 512
    width: int = 384
    n_layers: int = 8
    n_heads: int = 6
    feed_forward: int = 1024
    dropout: float = 0.2
    text_width: int = 512
    word_width: int = 0
    local_blocks: int = 0


class TokenTransformer(nn.Module):
    """Trunk and head; the subclasses bring token embeddings and logits."""

    def __init__(self, config: TokenTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.input_process = nn.ModuleDict({"poseEmbedding": nn.Linear(config.code_dim, config.width)})
        if config.local_blocks:
            self.local_context = LocalContext(config.width, config.local_blocks)
        self.position_enc = PositionEncoding(config.width)
        layer = nn.TransformerEncoderLayer(
            config.width, config.n_heads, config.feed_forward, config.dropout, activation="gelu", batch_first=True
        )
        self.seqTransEncoder = nn.TransformerEncoder(layer, config.n_layers, enable_nested_tensor=False)
        self.cond_emb = nn.Linear(config.text_width, config.width)
        if config.word_width:
            self.word_emb = nn.Linear(config.word_width, config.width)
        self.output_process = OutputHead(config.width, config.code_dim)

    def trunk(self, vectors: Tensor, prefix: list[Tensor], text: EncodedText, pad: Tensor) -> Tensor:
        """Code vectors (B, n, C) to hidden states (B, n, C).

        prefix: further condition tokens (B, width); pad: (B, n), True beyond the end of a motion.
        """
        condition = [self.cond_emb(text.pooled), *prefix]
        tokens = torch.stack(condition, dim=1)
        hidden_tokens = pad.new_zeros(len(pad), len(condition))
        if self.config.word_width:
            tokens = torch.cat((tokens, self.word_emb(text.words)), dim=1)
            hidden_tokens = torch.cat((hidden_tokens, text.word_pad), dim=1)
        motion = self.input_process["poseEmbedding"](vectors)
        near = self.local_context(motion, pad) if self.config.local_blocks else None
        sequence = torch.cat((tokens, self.position_enc(motion if near is None else motion + near)), dim=1)
        encoded = self.seqTransEncoder(sequence, src_key_padding_mask=torch.cat((hidden_tokens, pad), dim=1))
        hidden = encoded[:, tokens.shape[1] :]
        # Past the attention, too: below five layers of it neighbours are hardly heard
        return self.output_process(hidden if near is None else hidden + near)


class PositionEncoding(nn.Module):
    """Adds sines in even and cosines in odd columns; position 0 is the first motion token."""

    pe: Tensor

    def __init__(self, width: int, longest: int = 5000) -> None:
        super().__init__()
        # Stored in the published files as (5000, 1, width), but it can be computed
        self.register_buffer("pe", sinusoids(longest, width)[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[: x.shape[1], 0]


class OutputHead(nn.Module):
    """Hidden states (B, n, width) to (B, n, out_width), in the type of its own weights.

    For inference that is float64: guidance multiplies what is rounded here, and by that two thirds of the error of the logits go.
    """

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)
        self.poseFinal = nn.Linear(width, out_width)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.poseFinal(self.LayerNorm(F.gelu(self.dense(hidden.to(self.LayerNorm.weight.dtype)))))


def guided(logits: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance: conditional rows first, then unconditional ones (2 B, ...) to (B, ...), float32."""
    conditional, unconditional = logits.chunk(2)
    return (unconditional + guidance * (conditional - unconditional)).float()


def keep_likeliest(logits: Tensor, share: float) -> Tensor:
    """All but the largest `share` of the last dimension's logits become -inf (at least one stays)."""
    k = max(1, math.ceil(round(share * logits.shape[-1], 6)))
    lowest = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < lowest, -math.inf)
