"""The text tower of CLIP ViT-B/32, which the published MoMask and DisCoRD networks were trained with (Radford et al. 2021; MIT).

A causal transformer over byte pairs. The vector at the end of the text, through one more matrix, is the pooled vector; words have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..contract import WeightsError
from ..packed_layers import pack
from ..without_first_weights import WithoutFirstWeights
from .clip_bpe import CONTEXT, ClipBPE
from .text_encoder import EncodedText

NAME = "clip-vit-b32"


@dataclass(frozen=True)
class ClipTextConfig:
    """Defaults are the published configuration. pooled_width: of the space that texts share with images."""

    n_tokens: int = 49_408
    context: int = CONTEXT
    width: int = 512
    n_layers: int = 12
    n_heads: int = 8
    feed_forward: int = 2048
    pooled_width: int = 512


class ClipTextNetwork(nn.Module):
    """ids (B, L), L at most `context`, to pooled vectors (B, P). Parameter names are those of OpenAI's checkpoint."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.n_tokens, config.width)
        self.positional_embedding = nn.Parameter(torch.zeros(config.context, config.width))
        blocks = [ResidualAttentionBlock(config) for _ in range(config.n_layers)]
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*blocks)})
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.zeros(config.width, config.pooled_width))
        self.logit_scale = nn.Parameter(torch.zeros(()))  # compares texts with images; here only because the checkpoint has it

    def forward(self, ids: Tensor) -> Tensor:
        # The end of the text is its largest id; what stands behind it cannot be seen from there
        ends = ids.argmax(dim=1)
        return self.hidden(ids)[torch.arange(len(ids), device=ids.device), ends] @ self.text_projection

    def hidden(self, ids: Tensor) -> Tensor:
        """ids (B, L) to the last layer's vectors (B, L, width), each of which depends on no later id."""
        positions = self.positional_embedding[: ids.shape[1]]
        x = self.token_embedding(ids).to(positions.dtype) + positions
        return self.ln_final(self.transformer["resblocks"](x))


class ResidualAttentionBlock(nn.Module):
    """(B, L, width) to the same; normalised before attention and before the feed-forward network."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.attn = CausalSelfAttention(config.width, config.n_heads)
        self.ln_1 = nn.LayerNorm(config.width)
        self.mlp = FeedForward(config.width, config.feed_forward)
        self.ln_2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class CausalSelfAttention(nn.Module):
    """(B, L, width) to the same; queries, keys and values come out of one matrix, in this order."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out_proj(seen.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """(..., width) to the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(quick_gelu(self.c_fc(x)))


def quick_gelu(x: Tensor) -> Tensor:
    """The approximation of GELU that CLIP was trained with (Hendrycks and Gimpel 2016); the exact one gives other vectors."""
    return x * torch.sigmoid(1.702 * x)


class ClipText:
    """Text encoder of the published bundles. Stays on the CPU in float32, where the official code has float16 on a graphics card."""

    name = NAME
    word_width = 0

    def __init__(self, network: ClipTextNetwork, tokenizer: ClipBPE) -> None:
        """The network is packed: it can be used for nothing else any more."""
        self._n_parameters = sum(parameter.numel() for parameter in network.parameters())
        self._network = network.eval().requires_grad_(False)
        pack(self._network)
        self._tokenizer = tokenizer
        self.pooled_width = network.config.pooled_width

    @property
    def n_parameters(self) -> int:
        return self._n_parameters

    def encode(self, prompts: list[str]) -> EncodedText:
        """Pooled vectors (B, 512) of any length, no words (B, 0, 0). An empty prompt has a vector too.

        Only the first 75 byte pairs of a prompt are read. Raises BadRequest as `clip_bpe.clean` does.
        """
        rows = [self._tokenizer.encode(prompt) for prompt in prompts]
        # Nothing behind the end of a text counts, so rows are not filled up to the whole context
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        with torch.inference_mode():
            pooled = self._network(ids)
        return EncodedText(pooled.clone(), torch.zeros(len(rows), 0, 0), torch.zeros(len(rows), 0, dtype=torch.bool))


def load(state: Mapping[str, Tensor], merges: Path, config: ClipTextConfig | None = None) -> ClipText:
    """The encoder from published weights under OpenAI's or Hugging Face's names, of any float type; image tensors are left out.

    Raises WeightsError for tensors that are missing, of another shape or not finite, and for a list of merges of another vocabulary.
    """
    config = config or ClipTextConfig()
    with torch.device("meta"), WithoutFirstWeights():
        network = ClipTextNetwork(config)
    ours = text_tensors(state, config.n_layers)
    _check(ours, network)
    network.load_state_dict({name: _as_used(name, tensor) for name, tensor in ours.items()}, assign=True)
    tokenizer = ClipBPE(merges, config.context)
    if tokenizer.n_tokens != config.n_tokens:
        raise WeightsError(f"{merges} makes {tokenizer.n_tokens:,} tokens, but CLIP has {config.n_tokens:,}: install the extension again.")
    return ClipText(network, tokenizer)


def text_tensors(state: Mapping[str, Tensor], n_layers: int = ClipTextConfig.n_layers) -> dict[str, Tensor]:
    """The text tower's tensors that `state` has, as they are and under OpenAI's names."""
    is_hugging_face = any(name.startswith("text_model.") for name in state)
    found = from_hugging_face(state, n_layers) if is_hugging_face else dict(state)
    kept = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection", "logit_scale")
    return {name: tensor for name, tensor in found.items() if name.startswith(kept)}


def _as_used(name: str, tensor: Tensor) -> Tensor:
    """A float32 copy, because `tensor` may be a file that is mapped into memory. The table of tokens, of which a prompt needs a few rows,

    stays in the float16 that it was published in: its rows are widened when they are looked up, which changes none of their values.
    """
    is_half_table = name == "token_embedding.weight" and tensor.dtype == torch.float16
    return tensor.to(torch.float16 if is_half_table else torch.float32, copy=True)


def from_hugging_face(state: Mapping[str, Tensor], n_layers: int = ClipTextConfig.n_layers) -> dict[str, Tensor]:
    """Hugging Face's names (openai/clip-vit-base-patch32) to OpenAI's; a tensor that is missing there is missing here."""
    names = dict(_TOWER_NAMES)
    fused: dict[str, list[str]] = {}
    for layer in range(n_layers):
        theirs, ours = f"text_model.encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            names |= {f"{theirs}{source}.{kind}": f"{ours}{target}.{kind}" for source, target in _LAYER_NAMES.items()}
            fused[f"{ours}attn.in_proj_{kind}"] = [f"{theirs}self_attn.{part}_proj.{kind}" for part in "qkv"]
    found = {ours: state[theirs] for theirs, ours in names.items() if theirs in state}
    found |= {ours: torch.cat([state[part] for part in parts]) for ours, parts in fused.items() if all(part in state for part in parts)}
    if "text_projection" in found:
        # Theirs is the weight of a linear layer, OpenAI's is multiplied from the right
        found["text_projection"] = found["text_projection"].T.contiguous()
    return found


_TOWER_NAMES = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection",
    "logit_scale": "logit_scale",
}
_LAYER_NAMES = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def _check(tensors: Mapping[str, Tensor], network: ClipTextNetwork) -> None:
    """Raises WeightsError unless every tensor is there with its shape, no other one is, and all numbers can be used."""
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    wrong = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items() if name in expected and tensor.shape != expected[name]]
    wrong += [f"{name} (not finite)" for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if missing or surplus or wrong:
        raise WeightsError(
            f"These weights are not CLIP ViT-B/32's text tower: missing {missing[:3]}, surplus {surplus[:3]}, wrong {wrong[:3]}."
            " Choose OpenAI's ViT-B-32.pt, or the weights of openai/clip-vit-base-patch32."
        )
