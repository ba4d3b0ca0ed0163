"""Base tokens to all token layers: the residual transformer (MoMask, section 3.3), with shared embedding and output weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..noise import gumbel
from .motion_tokens import NO_CODE
from .text_encoder import EncodedText
from .token_transformer import TokenTransformer, TokenTransformerConfig, guided, keep_likeliest


@dataclass(frozen=True)
class ResidualSettings:
    """Values of the published evaluation. layers: how many residual layers are generated; those above stay empty."""

    guidance: float = 5.0
    temperature: float = 1.0
    share: float = 0.1
    layers: int = 5


class ResidualTransformer(TokenTransformer):
    """Layer q's logits (B, n, n_codes + 1) from the ids of the layers below; n_codes is the id of padding."""

    def __init__(self, config: TokenTransformerConfig) -> None:
        super().__init__(config)
        self.pad_id = config.n_codes
        rows, layers = config.n_codes + 1, config.n_quantizers - 1
        # Layer q's output weights are layer q's embedding: only the first embedding and the last output stand alone
        self.embed_proj_shared_weight = nn.Parameter(torch.randn(layers - 1, rows, config.code_dim) * 0.02)
        self.token_embed_weight_ = nn.Parameter(torch.randn(1, rows, config.code_dim) * 0.02)
        self.output_proj_weight_ = nn.Parameter(torch.randn(1, rows, config.code_dim) * 0.02)
        self.quant_emb = nn.Linear(config.n_quantizers, config.width)

    def forward(self, below: Tensor, layer: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
        """below: (B, n, Q) ids, of which row b's first layer[b] count; layer: (B,) in 1..Q-1, the one to predict."""
        embeddings = torch.cat((self.token_embed_weight_, self.embed_proj_shared_weight))
        counted = torch.arange(len(embeddings), device=below.device) < layer[:, None]
        history = torch.stack([table[ids] for table, ids in zip(embeddings, below.unbind(-1), strict=False)], dim=-2)
        history = (history * counted[:, None, :, None]).sum(-2)
        which = self.quant_emb(F.one_hot(layer, self.config.n_quantizers).to(history))
        hidden = self.trunk(history, [which], text, pad)
        outputs = torch.cat((self.embed_proj_shared_weight, self.output_proj_weight_))
        return torch.einsum("bnc,bkc->bnk", hidden, outputs[layer - 1].to(hidden))


def generate_residual_tokens(
    model: ResidualTransformer,
    base: Tensor,
    text: EncodedText,
    settings: ResidualSettings,
    generators: list[torch.Generator],
    given: Tensor | None = None,
    keep: Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """All ids (B, n, Q) for base ids (B, n); -1 where there is no code.

    given: (B, n, Q) and keep: (B, n), True where all layers stay as given. generators: one a row.
    """
    pad = base == NO_CODE
    n_layers = min(settings.layers + 1, model.config.n_quantizers)
    ids = torch.full((*base.shape, model.config.n_quantizers), model.pad_id, device=base.device)
    ids[..., 0] = base.masked_fill(pad, model.pad_id)
    both = text.with_unconditional() if settings.guidance != 1 else text
    for layer in range(1, n_layers):
        logits = _guided_logits(model, ids, layer, both, pad, settings.guidance)
        noise = gumbel(tuple(logits.shape[1:]), generators, logits.device)
        drawn = (keep_likeliest(logits, settings.share) / settings.temperature + noise).argmax(-1)
        if given is not None and keep is not None:
            drawn = torch.where(keep, given[..., layer], drawn)
        ids[..., layer] = drawn.masked_fill(pad | (drawn == NO_CODE), model.pad_id)
        if on_step:
            on_step(layer, n_layers - 1)
    return ids.masked_fill(ids == model.pad_id, NO_CODE)


def without_residual_tokens(base: Tensor, n_layers: int) -> Tensor:
    """Base ids (B, n) as all ids (B, n, Q), with no code above the first layer."""
    return F.pad(base[..., None], (0, n_layers - 1), value=NO_CODE)


def _guided_logits(model: ResidualTransformer, ids: Tensor, layer: int, both: EncodedText, pad: Tensor, guidance: float) -> Tensor:
    which = torch.full((len(both.pooled),), layer, device=ids.device)
    if guidance == 1:
        return model(ids, which, both, pad).float()
    return guided(model(ids.repeat(2, 1, 1), which, both, pad.repeat(2, 1)), guidance)
