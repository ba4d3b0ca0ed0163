"""Is the text tower the published one: its tensors, its formula, and where it reads the vector of a text?"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from understudy.core.body import clip_text
from understudy.core.body.clip_bpe import ClipBPE
from understudy.core.body.clip_text import ClipText, ClipTextConfig, ClipTextNetwork, text_tensors
from understudy.core.body.text_encoder import EncodedText, TextEncoder
from understudy.core.contract import WeightsError

TINY = ClipTextConfig(n_tokens=514, context=12, width=24, n_layers=3, n_heads=4, feed_forward=40, pooled_width=10)
START, END = 512, 513
State = dict[str, Tensor]
Array = np.ndarray

# shared/specs/discord.md, section 2: sizes of ViT-B/32's text side
OUTSIDE = {
    "token_embedding.weight": (49408, 512), "positional_embedding": (77, 512), "ln_final.weight": (512,), "ln_final.bias": (512,),
    "text_projection": (512, 512), "logit_scale": (),
}  # fmt: skip
IN_EACH_BLOCK = {
    "ln_1": {"weight": (512,), "bias": (512,)}, "ln_2": {"weight": (512,), "bias": (512,)},
    "attn": {"in_proj_weight": (1536, 512), "in_proj_bias": (1536,), "out_proj.weight": (512, 512), "out_proj.bias": (512,)},
    "mlp": {"c_fc.weight": (2048, 512), "c_fc.bias": (2048,), "c_proj.weight": (512, 2048), "c_proj.bias": (512,)},
}  # fmt: skip


@pytest.fixture(scope="module")
def network(filled: Callable[[nn.Module, int], nn.Module]) -> ClipTextNetwork:
    """Tiny, in double precision, every tensor random."""
    found = filled(ClipTextNetwork(TINY), 3)
    assert isinstance(found, ClipTextNetwork)
    return found


@pytest.fixture
def state(network: ClipTextNetwork) -> State:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def no_merges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list without merges: 512 bytes and the two marks are all tokens."""
    path = tmp_path_factory.mktemp("merges") / "merges.txt.gz"
    path.write_bytes(gzip.compress(b'"merges#version: 0.2\n'))
    return path


@pytest.fixture
def encoder(state: State, no_merges: Path) -> ClipText:
    return clip_text.load(state, no_merges, TINY)


def some_ids(rows: int, length: int, seed: int = 0) -> Tensor:
    """Random rows of START, bytes, END and zeros; row b has its END at `length - 1 - b`."""
    ids = torch.randint(1, START, (rows, length), generator=torch.Generator().manual_seed(seed))
    ids[:, 0] = START
    for row in range(rows):
        ids[row, length - 1 - row] = END
        ids[row, length - row :] = 0
    return ids


def hugging_face(state: State, n_layers: int) -> State:
    """The names of openai/clip-vit-base-patch32 for OpenAI's tensors, with some of its image side."""
    theirs = {
        "logit_scale": state["logit_scale"],
        "text_projection.weight": state["text_projection"].T,
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.embeddings.position_ids": torch.arange(77)[None],
        "visual_projection.weight": torch.zeros(2, 3),
        "vision_model.post_layernorm.weight": torch.full((2,), torch.nan),
    }
    for kind in ("weight", "bias"):
        theirs[f"text_model.final_layer_norm.{kind}"] = state[f"ln_final.{kind}"]
        for layer in range(n_layers):
            ours, name = f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}"
            for part, tensor in zip("qkv", state[f"{ours}.attn.in_proj_{kind}"].chunk(3), strict=True):
                theirs[f"{name}.self_attn.{part}_proj.{kind}"] = tensor
            theirs[f"{name}.self_attn.out_proj.{kind}"] = state[f"{ours}.attn.out_proj.{kind}"]
            theirs[f"{name}.layer_norm1.{kind}"] = state[f"{ours}.ln_1.{kind}"]
            theirs[f"{name}.layer_norm2.{kind}"] = state[f"{ours}.ln_2.{kind}"]
            theirs[f"{name}.mlp.fc1.{kind}"] = state[f"{ours}.mlp.c_fc.{kind}"]
            theirs[f"{name}.mlp.fc2.{kind}"] = state[f"{ours}.mlp.c_proj.{kind}"]
    return theirs


def naive_pooled(state: State, ids: list[int], config: ClipTextConfig) -> Array:
    """One text to its vector, one token and one head after another, in NumPy's float64."""
    weights = {name: tensor.double().numpy() for name, tensor in state.items()}
    x = [weights["token_embedding.weight"][index] + weights["positional_embedding"][at] for at, index in enumerate(ids)]
    for layer in range(config.n_layers):
        block = {name.split(".", 3)[3]: value for name, value in weights.items() if name.startswith(f"transformer.resblocks.{layer}.")}
        x = [old + new for old, new in zip(x, naive_attention(block, [normalised(row, block, "ln_1") for row in x], config.n_heads), strict=True)]
        x = [row + naive_feed_forward(block, normalised(row, block, "ln_2")) for row in x]
    end = max(range(len(ids)), key=lambda at: (ids[at], -at))
    return normalised(x[end], weights, "ln_final") @ weights["text_projection"]


def normalised(row: Array, weights: dict[str, Array], name: str) -> Array:
    centred = row - row.mean()
    return centred / np.sqrt((centred**2).mean() + 1e-5) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def naive_attention(block: dict[str, Array], rows: list[Array], n_heads: int) -> list[Array]:
    width = len(rows[0])
    size = width // n_heads
    mixed = []
    for at in range(len(rows)):
        heads = []
        for head in range(n_heads):
            def part(row: Array, which: int, head: int = head) -> Array:
                rows_of_part = slice(which * width + head * size, which * width + (head + 1) * size)
                return block["attn.in_proj_weight"][rows_of_part] @ row + block["attn.in_proj_bias"][rows_of_part]

            scores = np.array([part(rows[at], 0) @ part(rows[other], 1) / size**0.5 for other in range(at + 1)])
            shares = np.exp(scores) / np.exp(scores).sum()
            heads.append(sum(share * part(rows[other], 2) for other, share in enumerate(shares)))
        mixed.append(block["attn.out_proj.weight"] @ np.concatenate(heads) + block["attn.out_proj.bias"])
    return mixed


def naive_feed_forward(block: dict[str, Array], row: Array) -> Array:
    inner = block["mlp.c_fc.weight"] @ row + block["mlp.c_fc.bias"]
    return block["mlp.c_proj.weight"] @ (inner / (1 + np.exp(-1.702 * inner))) + block["mlp.c_proj.bias"]


def test_every_name_and_shape_of_the_published_tower() -> None:
    with torch.device("meta"):
        published = ClipTextNetwork(ClipTextConfig())
    expected: dict[str, tuple[int, ...]] = dict(OUTSIDE)
    for layer in range(12):
        expected |= {f"transformer.resblocks.{layer}.{part}.{name}": shape for part, rows in IN_EACH_BLOCK.items() for name, shape in rows.items()}
    found = {name: tuple(tensor.shape) for name, tensor in published.state_dict().items()}
    assert found == expected and len(found) == 150
    assert sum(parameter.numel() for parameter in published.parameters()) == 63_428_097
    assert published.transformer["resblocks"][0].attn.n_heads == 8


def test_the_formula_of_the_paper(network: ClipTextNetwork, state: State) -> None:
    ids = some_ids(5, TINY.context)
    found = network(ids).numpy()
    expected = np.stack([naive_pooled(state, row.tolist(), TINY) for row in ids])
    print(f"largest difference from the formula: {np.abs(found - expected).max():.1e}")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(expected).max() > 0.5


def test_every_tensor_but_the_unused_scale_counts(network: ClipTextNetwork) -> None:
    ids = some_ids(3, TINY.context)
    trained = ClipTextNetwork(TINY).double()
    trained.load_state_dict(network.state_dict())
    trained(ids).square().sum().backward()
    unused = {name for name, tensor in trained.named_parameters() if tensor.grad is None or not tensor.grad.any()}
    assert unused == {"logit_scale"}


def test_later_tokens_do_not_change_earlier_ones(network: ClipTextNetwork) -> None:
    ids = some_ids(2, TINY.context)
    before = network.hidden(ids)
    for at in range(1, TINY.context):
        changed = ids.clone()
        changed[:, at] = (changed[:, at] + 7) % START
        after = network.hidden(changed)
        torch.testing.assert_close(after[:, :at], before[:, :at], atol=1e-13, rtol=0)
        assert (after[:, at:] - before[:, at:]).abs().amax(-1).min() > 1e-6


def test_the_vector_is_that_of_the_first_end(network: ClipTextNetwork) -> None:
    ids = some_ids(4, TINY.context)
    hidden = network.hidden(ids) @ network.text_projection
    for row in range(4):
        torch.testing.assert_close(network(ids)[row], hidden[row, TINY.context - 1 - row])
    filled_up = ids.clone()
    filled_up[ids == 0] = END
    torch.testing.assert_close(network(filled_up), network(ids))


def test_zeros_behind_the_end_may_be_left_out(network: ClipTextNetwork) -> None:
    ids = some_ids(3, TINY.context)
    for row in range(3):
        torch.testing.assert_close(network(ids[row : row + 1, : TINY.context - row]), network(ids[row : row + 1]), atol=1e-13, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_both_namings_give_the_same_vectors(dtype: torch.dtype, state: State, no_merges: Path) -> None:
    stored = {name: tensor.to(dtype) for name, tensor in state.items()}
    # Further entries of OpenAI's file
    official = stored | {"visual.conv1.weight": torch.zeros(2), "input_resolution": torch.tensor(224), "context_length": torch.tensor(77)}
    prompts = ["", "hop", "walks on"]
    found = [clip_text.load(one, no_merges, TINY).encode(prompts).pooled for one in (stored, official, hugging_face(stored, TINY.n_layers))]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert found[0].dtype == torch.float32 and found[0].shape == (3, 10)


def test_the_table_of_tokens_stays_as_it_was_published_and_gives_the_same_vectors(state: State, no_merges: Path) -> None:
    """Half of the memory of the largest tensor; a copy, because what is loaded may be a file that somebody replaces."""
    halves = {name: tensor.half() for name, tensor in state.items()}
    encoder = clip_text.load(halves, no_merges, TINY)
    loaded = encoder._network.state_dict()
    assert [name for name, tensor in loaded.items() if tensor.dtype != torch.float32] == ["token_embedding.weight"]
    assert not {tensor.data_ptr() for tensor in loaded.values()} & {tensor.data_ptr() for tensor in halves.values()}
    wide = clip_text.load({name: tensor.float() for name, tensor in halves.items()}, no_merges, TINY)
    assert wide._network.token_embedding.weight.dtype == torch.float32
    assert torch.equal(encoder.encode(["hop", "walks on"]).pooled, wide.encode(["hop", "walks on"]).pooled)


def test_the_published_state_has_twelve_layers_under_both_namings() -> None:
    with torch.device("meta"):
        official = ClipTextNetwork(ClipTextConfig()).state_dict()
        renamed = text_tensors(hugging_face(official, 12))
    assert {name: tensor.shape for name, tensor in renamed.items()} == {name: tensor.shape for name, tensor in official.items()}


@pytest.mark.parametrize("name", ["logit_scale", "ln_final.bias", "transformer.resblocks.2.attn.in_proj_bias", "token_embedding.weight"])
@pytest.mark.parametrize("naming", [dict, lambda state: hugging_face(state, 3)], ids=["openai", "hugging face"])
def test_what_is_missing_is_named(name: str, naming: Callable[[State], State], state: State, no_merges: Path) -> None:
    stored = naming(state)
    theirs = {
        "ln_final.bias": "text_model.final_layer_norm.bias", "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "transformer.resblocks.2.attn.in_proj_bias": "text_model.encoder.layers.2.self_attn.k_proj.bias",
    }  # fmt: skip
    del stored[name if name in stored else theirs[name]]
    with pytest.raises(WeightsError, match=rf"missing \['{name}'\].*Choose OpenAI's"):
        clip_text.load(stored, no_merges, TINY)


def test_wrong_tensors_are_named(state: State, no_merges: Path) -> None:
    with pytest.raises(WeightsError, match=r"wrong \['positional_embedding \(11, 24\)'\]"):
        clip_text.load(state | {"positional_embedding": torch.zeros(11, 24)}, no_merges, TINY)
    with pytest.raises(WeightsError, match=r"wrong \['ln_final.bias \(not finite\)'\]"):
        clip_text.load(state | {"ln_final.bias": torch.full((24,), torch.nan)}, no_merges, TINY)
    with pytest.raises(WeightsError, match=r"surplus \['transformer.resblocks.3.ln_1.bias'\]"):
        clip_text.load(state | {"transformer.resblocks.3.ln_1.bias": torch.zeros(24)}, no_merges, TINY)
    with pytest.raises(WeightsError, match="missing .*'ln_final.bias'"):
        clip_text.load({"vq_model": torch.zeros(1)}, no_merges, TINY)


def test_another_vocabulary_is_refused(state: State, no_merges: Path) -> None:
    config = replace(TINY, n_tokens=600)
    state["token_embedding.weight"] = torch.zeros(600, 24)
    with pytest.raises(WeightsError, match="514 tokens, but CLIP has 600"):
        clip_text.load(state, no_merges, config)


def test_it_is_a_text_encoder_without_words(encoder: ClipText) -> None:
    interface: TextEncoder = encoder
    text = interface.encode(["hop", ""])
    assert isinstance(text, EncodedText) and text.pooled.shape == (2, interface.pooled_width)
    assert interface.name == "clip-vit-b32" and interface.word_width == 0
    assert text.words.shape == (2, 0, 0) and text.word_pad.shape == (2, 0) and text.word_pad.dtype == torch.bool
    doubled = text.with_unconditional()
    assert doubled.pooled.shape == (4, 10) and not doubled.pooled[2:].any() and doubled.words.shape == (4, 0, 0)
    assert interface.n_parameters == sum(tensor.numel() for tensor in ClipTextNetwork(TINY).state_dict().values())


def test_vectors_are_frozen_plain_and_of_any_length(encoder: ClipText) -> None:
    pooled = encoder.encode(["hop", "walks"]).pooled
    assert not pooled.requires_grad and not pooled.is_inference()
    assert ((pooled.norm(dim=1) - 1).abs() > 0.1).all()


def test_the_vector_of_a_prompt_is_that_of_its_ids(encoder: ClipText, state: State, no_merges: Path) -> None:
    for prompt in ("", "hop", "Hop ", "far too long for it"):
        expected = naive_pooled(state, ClipBPE(no_merges, TINY.context).encode(prompt), TINY)
        np.testing.assert_allclose(encoder.encode([prompt]).pooled[0].numpy(), expected, atol=2e-5)


def test_a_prompt_is_the_same_alone_and_in_company(encoder: ClipText) -> None:
    prompts = ["hop", "", "far too long for it", "walks"]
    together = encoder.encode(prompts).pooled
    for row, prompt in enumerate(prompts):
        torch.testing.assert_close(together[row], encoder.encode([prompt]).pooled[0], atol=1e-5, rtol=0)


def test_what_is_cut_off_does_not_count(encoder: ClipText) -> None:
    assert torch.equal(encoder.encode(["walks on ice"]).pooled, encoder.encode(["walks on ice and falls"]).pooled)
    assert not torch.equal(encoder.encode(["walks on ice"]).pooled, encoder.encode(["walks on oil"]).pooled)


def test_the_published_sizes_run(clip_merges: Path) -> None:
    network = ClipTextNetwork(ClipTextConfig())
    encoder = clip_text.load(network.half().state_dict(), clip_merges)
    text = encoder.encode(["a person walks forward", "", "turns " * 200])
    assert encoder.n_parameters == 63_428_097 and encoder.pooled_width == 512
    assert text.pooled.shape == (3, 512) and text.pooled.isfinite().all()


def test_the_network_is_clips(network: ClipTextNetwork, state: State) -> None:
    """Needs transformers, which is not among the development dependencies."""
    transformers = pytest.importorskip("transformers", reason="transformers, which this test compares with, is not installed")
    config = transformers.CLIPTextConfig(
        vocab_size=514, hidden_size=24, intermediate_size=40, projection_dim=10, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=12, hidden_act="quick_gelu", layer_norm_eps=1e-5, bos_token_id=START, eos_token_id=END, pad_token_id=0,
    )  # fmt: skip
    oracle = transformers.CLIPTextModelWithProjection(config).double().eval()
    theirs = {name: tensor for name, tensor in hugging_face(state, 3).items() if name.startswith("text_") and not name.endswith("_ids")}
    oracle.load_state_dict(theirs)
    ids = some_ids(5, TINY.context)
    with torch.inference_mode():
        torch.testing.assert_close(network(ids), oracle(ids).text_embeds, atol=1e-12, rtol=0)
