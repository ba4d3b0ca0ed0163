"""Does the sentence encoder give the published vectors?"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from understudy.core.body import minilm
from understudy.core.body.minilm import MiniLM, check_readable
from understudy.core.contract import BadRequest


@pytest.fixture(scope="module")
def encoder(minilm_folder: Path) -> MiniLM:
    return minilm.load(load_file(minilm_folder / minilm.WEIGHTS_FILE), minilm_folder / minilm.VOCABULARY_FILE)


# shared/specs/assets.md, section 1
@pytest.mark.parametrize(("one", "other", "cosine"), [
    ("a man waves", "person raises hand and waves hello", 0.61),
    ("a person kicks with the left leg", "a person kicks with the right leg", 0.98),
])  # fmt: skip
def test_published_cosines(one: str, other: str, cosine: float, encoder: MiniLM) -> None:
    pooled = encoder.encode([one, other]).pooled
    assert float(pooled[0] @ pooled[1]) == pytest.approx(cosine, abs=0.006)


def test_a_prompt_is_the_same_alone_and_in_company(encoder: MiniLM) -> None:
    prompts = ["a person waves", "an old man slowly walks forward, turns around twice and then sits down on the floor", "jump"]
    together = encoder.encode(prompts)
    for row, prompt in enumerate(prompts):
        alone = encoder.encode([prompt])
        length = alone.words.shape[1]
        torch.testing.assert_close(together.pooled[row], alone.pooled[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together.words[row, :length], alone.words[0], atol=1e-5, rtol=0)
        assert together.word_pad[row].tolist() == [False] * length + [True] * (together.words.shape[1] - length)
        assert not together.words[row, length:].any()


def test_the_pooled_vector_is_the_mean_of_the_words_at_length_one(encoder: MiniLM) -> None:
    text = encoder.encode(["a person waves", "a person slowly waves with both hands"])
    for row in range(2):
        mean = text.words[row][~text.word_pad[row]].mean(0)
        torch.testing.assert_close(text.pooled[row], mean / mean.norm(), atol=1e-6, rtol=0)


def test_the_widths_are_the_promised_ones(encoder: MiniLM) -> None:
    text = encoder.encode(["walks"])
    assert text.pooled.shape == (1, encoder.pooled_width) and text.words.shape[2] == encoder.word_width == 384
    assert text.pooled.dtype == torch.float32


def test_only_256_tokens_are_read(encoder: MiniLM) -> None:
    assert encoder.encode(["walks " * 1000]).words.shape[1] == 256


def test_the_network_is_berts(encoder: MiniLM, minilm_folder: Path) -> None:
    """Needs transformers, which is not among the development dependencies."""
    transformers = pytest.importorskip("transformers", reason="transformers, which this test compares with, is not installed")
    state = {name: tensor.float() for name, tensor in load_file(minilm_folder / minilm.WEIGHTS_FILE).items()}
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, layer_norm_eps=1e-12,
        hidden_act="gelu", max_position_embeddings=512, type_vocab_size=2,
    )  # fmt: skip
    oracle = transformers.BertModel(config, add_pooling_layer=False).eval()
    oracle.load_state_dict(published_names(state))
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 30000, (4, 40), generator=generator)
    pad = torch.arange(40) >= torch.tensor([40, 17, 3, 1])[:, None]
    with torch.inference_mode():
        expected = oracle(ids, attention_mask=(~pad).long()).last_hidden_state
        found = encoder._network(ids, pad)
    difference = (found - expected)[~pad].abs().max()
    print(f"largest difference from BertModel: {float(difference):.2e}")
    assert float(difference) < 2e-5


def published_names(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's names for our tensors; the type vector lies in the positions already."""
    theirs = {
        "embeddings.word_embeddings.weight": ours["words.weight"],
        "embeddings.position_embeddings.weight": ours["positions.weight"],
        "embeddings.token_type_embeddings.weight": torch.zeros(2, 384),
        "embeddings.LayerNorm.weight": ours["norm.weight"],
        "embeddings.LayerNorm.bias": ours["norm.bias"],
    }
    pairs = {
        "attention.output.dense": "self_attn.out_proj", "attention.output.LayerNorm": "norm1", "intermediate.dense": "linear1",
        "output.dense": "linear2", "output.LayerNorm": "norm2",
    }  # fmt: skip
    for layer in range(6):
        for kind in ("weight", "bias"):
            parts = ours[f"layers.layers.{layer}.self_attn.in_proj_{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                theirs[f"encoder.layer.{layer}.attention.self.{name}.{kind}"] = part
            for name, own in pairs.items():
                theirs[f"encoder.layer.{layer}.{name}.{kind}"] = ours[f"layers.layers.{layer}.{own}.{kind}"]
    return theirs


def test_converting_takes_every_published_tensor_over(minilm_folder: Path) -> None:
    stored = load_file(minilm_folder / minilm.WEIGHTS_FILE)
    published = published_names({name: tensor.float() for name, tensor in stored.items()})
    types = torch.arange(2 * 384.0).reshape(2, 384) / 1024
    published["embeddings.token_type_embeddings.weight"] = types
    published["embeddings.position_embeddings.weight"] = published["embeddings.position_embeddings.weight"] - types[0]
    converted = minilm.convert(published)
    assert converted.keys() == stored.keys()
    for name, tensor in converted.items():
        torch.testing.assert_close(tensor, stored[name], atol=1e-3 if name == "positions.weight" else 0, rtol=0)


@pytest.mark.parametrize("missing", ["embeddings.LayerNorm.bias", "encoder.layer.5.attention.self.key.weight"])
def test_converting_names_what_is_missing(missing: str, minilm_folder: Path) -> None:
    published = published_names(load_file(minilm_folder / minilm.WEIGHTS_FILE))
    del published[missing]
    with pytest.raises(KeyError, match=missing):
        minilm.convert(published)


@pytest.mark.parametrize(
    "prompt", ["a person waves", "une personne l\u00e8ve la main", "\u00dcber", "walks 3 m \u2192 left", "he walks to \u6771\u4eac slowly"]
)
def test_latin_prompts_are_read(prompt: str) -> None:
    check_readable(prompt)


@pytest.mark.parametrize(
    "prompt", ["\u8df3\u8dc3", "\u0438\u0434\u0451\u0442", "123 456", "...", "\U0001f57a", "\u4e00\u4e2a\u4eba\u8d70 ok"]
)
def test_prompts_in_other_scripts_are_refused(prompt: str) -> None:
    with pytest.raises(BadRequest, match="English"):
        check_readable(prompt)
