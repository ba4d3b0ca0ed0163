"""all-MiniLM-L6-v2: the sentence encoder of our own weights (Wang et al. 2020; Reimers and Gurevych 2019; Apache-2.0).

BERT with 6 layers of 384. Its last layer gives the word vectors; their mean, scaled to length one, is the pooled vector.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..contract import BadRequest
from .text_encoder import EncodedText
from .wordpiece import WordPiece

NAME = "all-MiniLM-L6-v2"
WEIGHTS_FILE, VOCABULARY_FILE = "minilm.safetensors", "vocab.txt"
WIDTH, LAYERS, HEADS, FEED_FORWARD = 384, 6, 12, 1536
VOCABULARY_SIZE, LONGEST = 30522, 512
MAX_TOKENS = 256  # what the sentence model was trained for


class MiniLMNetwork(nn.Module):
    """ids (B, L), pad (B, L) to word vectors (B, L, 384)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY_SIZE, WIDTH)
        self.positions = nn.Embedding(LONGEST, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, FEED_FORWARD, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, ids: Tensor, pad: Tensor) -> Tensor:
        positions = self.positions.weight[: ids.shape[1]]
        return self.layers(self.norm(self.words(ids) + positions), src_key_padding_mask=pad)


class MiniLM:
    """Text encoder of our own bundles. Stays on the CPU in float32: 7 ms a prompt, and the same vectors everywhere."""

    name = NAME
    pooled_width = WIDTH
    word_width = WIDTH

    def __init__(self, network: MiniLMNetwork, tokenizer: WordPiece) -> None:
        self._network = network.eval()
        self._tokenizer = tokenizer

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self._network.parameters())

    def encode(self, prompts: list[str]) -> EncodedText:
        """Raises BadRequest for a prompt in a script that the English model cannot read."""
        for prompt in prompts:
            check_readable(prompt)
        rows = [self._tokenizer.encode(prompt) for prompt in prompts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        pad = torch.arange(longest) >= torch.tensor([len(row) for row in rows])[:, None]
        with torch.inference_mode():
            words = self._network(ids, pad).masked_fill(pad[..., None], 0.0)
            mean = words.sum(1) / (~pad).sum(1, keepdim=True)
        return EncodedText(F.normalize(mean, dim=-1).clone(), words.clone(), pad)


def check_readable(prompt: str) -> None:
    """Raises BadRequest unless most letters of the prompt are Latin."""
    letters = [character for character in prompt if character.isalpha()]
    latin = [character for character in letters if ord(character) < 0x250]
    if not letters or 2 * len(latin) < len(letters):
        shown = prompt.strip()[:40]
        raise BadRequest(f'This model reads English, but "{shown}" is hardly written in Latin letters: describe the motion in English.')


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published BERT names to ours, as float16. Raises KeyError where a tensor is missing."""
    types = state["embeddings.token_type_embeddings.weight"][0]
    ours = {
        "words.weight": state["embeddings.word_embeddings.weight"],
        # every token of a single sentence is of type 0, so that vector can live in the positions
        "positions.weight": state["embeddings.position_embeddings.weight"] + types,
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    for layer in range(LAYERS):
        theirs, mine = f"encoder.layer.{layer}.", f"layers.layers.{layer}."
        for kind in ("weight", "bias"):
            parts = [state[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            ours[f"{mine}self_attn.in_proj_{kind}"] = torch.cat(parts)
            for source, target in _LAYER_NAMES:
                ours[f"{mine}{target}.{kind}"] = state[f"{theirs}{source}.{kind}"]
    return {name: tensor.half().contiguous() for name, tensor in ours.items()}


_LAYER_NAMES = (
    ("attention.output.dense", "self_attn.out_proj"),
    ("attention.output.LayerNorm", "norm1"),
    ("intermediate.dense", "linear1"),
    ("output.dense", "linear2"),
    ("output.LayerNorm", "norm2"),
)


def load(state: dict[str, Tensor], vocabulary: Path) -> MiniLM:
    """The encoder from converted weights."""
    network = MiniLMNetwork()
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return MiniLM(network, WordPiece(vocabulary, MAX_TOKENS))
