"""Do both token transformers compute what sections 3.1 and 4.1 of the specification say?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from understudy.core.body.residual_tokens import ResidualTransformer
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_generator import MaskTransformer
from understudy.core.body.token_transformer import PositionEncoding, TokenTransformerConfig

Fill = Callable[[nn.Module, int], nn.Module]
Text = Callable[..., EncodedText]
POOLED = TokenTransformerConfig(n_codes=9, n_quantizers=4, code_dim=5, width=12, n_layers=2, n_heads=3, feed_forward=10, text_width=7)
WORDS = TokenTransformerConfig(
    n_codes=9, n_quantizers=4, code_dim=5, width=12, n_layers=2, n_heads=3, feed_forward=10, text_width=7, word_width=6
)
LOCAL = replace(WORDS, local_blocks=2)
CONFIGS = pytest.mark.parametrize("config", [POOLED, WORDS, LOCAL], ids=["pooled", "words", "local"])
IDS = torch.tensor([[0, 3, 9, 8, 1], [5, 9, 2, 10, 10]])
PAD = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


def close(a: Tensor, b: Tensor, atol: float = 1e-6) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


def layer_norm(weights: dict[str, Tensor], name: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean()
    return centred / torch.sqrt((centred**2).mean() + eps) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def naive_local_context(weights: dict[str, Tensor], config: TokenTransformerConfig, x: Tensor, inside: Tensor) -> Tensor:
    """Two sums over five neighbours a block; inside: (n, 1) 0 beyond the end."""

    def convolved(name: str, rows: Tensor) -> Tensor:
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        made = []
        for place in range(len(rows)):
            near = [(k, place + k - 2) for k in range(5) if 0 <= place + k - 2 < len(rows)]
            made.append(bias + sum((kernel[:, :, k] @ rows[other] for k, other in near), torch.zeros_like(bias)))
        return torch.stack(made)

    for block in range(config.local_blocks):
        name = f"local_context.blocks.{block}"
        x = x + convolved(f"{name}.spread", gelu(convolved(f"{name}.gather", x)) * inside) * inside
    return x


def naive_trunk(
    weights: dict[str, Tensor], config: TokenTransformerConfig, vectors: Tensor, prefix: list[Tensor], visible: list[bool]
) -> Tensor:
    """One row: condition tokens, then code vectors (n, C) with positions; visible: which tokens of the sequence may be looked at."""

    def linear(name: str, x: Tensor) -> Tensor:
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    tokens = list(prefix)
    inside = torch.tensor(visible[len(prefix) :], dtype=torch.float64)[:, None]
    embedded = torch.stack([linear("input_process.poseEmbedding", vector) for vector in vectors])
    near = naive_local_context(weights, config, embedded * inside, inside) - embedded * inside
    for n, vector in enumerate(embedded + near):
        position = [
            f(n * math.exp(2 * i * -math.log(10000) / config.width)) for i in range(config.width // 2) for f in (math.sin, math.cos)
        ]
        tokens.append(vector + torch.tensor(position, dtype=torch.float64))
    size = config.width // config.n_heads
    for layer in range(config.n_layers):
        name = f"seqTransEncoder.layers.{layer}"
        inner = weights[f"{name}.self_attn.in_proj_weight"], weights[f"{name}.self_attn.in_proj_bias"]
        projected = [inner[0] @ token + inner[1] for token in tokens]
        mixed = []
        for here in projected:
            heads = []
            for head in range(config.n_heads):
                part = slice(head * size, (head + 1) * size)
                query = here[: config.width][part]
                seen = [other for other, shown in zip(projected, visible, strict=True) if shown]
                scores = torch.stack([query @ other[config.width : 2 * config.width][part] for other in seen]) / math.sqrt(size)
                shares = torch.exp(scores - scores.max())
                shares = shares / shares.sum()
                heads.append(
                    sum((share * other[2 * config.width :][part] for share, other in zip(shares, seen, strict=True)), torch.zeros(size))
                )
            mixed.append(linear(f"{name}.self_attn.out_proj", torch.cat(heads)))
        tokens = [layer_norm(weights, f"{name}.norm1", token + change, 1e-5) for token, change in zip(tokens, mixed, strict=True)]
        changes = [linear(f"{name}.linear2", gelu(linear(f"{name}.linear1", token))) for token in tokens]
        tokens = [layer_norm(weights, f"{name}.norm2", token + change, 1e-5) for token, change in zip(tokens, changes, strict=True)]
    rows = []
    for token, beside in zip(tokens[len(prefix) :], near, strict=True):
        dense = layer_norm(weights, "output_process.LayerNorm", gelu(linear("output_process.dense", token + beside)), 1e-12)
        rows.append(linear("output_process.poseFinal", dense))
    return torch.stack(rows)


def prefix_of(weights: dict[str, Tensor], text: EncodedText, row: int, layer: int | None, config: TokenTransformerConfig) -> list[Tensor]:
    prefix = [weights["cond_emb.weight"] @ text.pooled[row] + weights["cond_emb.bias"]]
    if layer is not None:
        prefix.append(weights["quant_emb.weight"][:, layer] + weights["quant_emb.bias"])
    if config.word_width:
        prefix += [weights["word_emb.weight"] @ word + weights["word_emb.bias"] for word in text.words[row]]
    return prefix


def visible_of(text: EncodedText, pad: Tensor, row: int, n_conditions: int, config: TokenTransformerConfig) -> list[bool]:
    words = (~text.word_pad[row]).tolist() if config.word_width else []
    return [True] * n_conditions + words + (~pad[row]).tolist()


def text_for(config: TokenTransformerConfig, texts: Text) -> EncodedText:
    return texts(2, 7, 4 if config.word_width else 0, config.word_width)


@CONFIGS
def test_the_mask_transformer_is_the_specified_one(config: TokenTransformerConfig, filled: Fill, texts: Text) -> None:
    model, text = filled(MaskTransformer(config), 1), text_for(config, texts)
    weights = model.state_dict()
    logits = model(IDS, text, PAD)
    assert logits.shape == (2, 5, 9)
    for row in range(2):
        vectors = torch.stack([weights["token_emb.weight"][i] for i in IDS[row]])
        expected = naive_trunk(weights, config, vectors, prefix_of(weights, text, row, None, config), visible_of(text, PAD, row, 1, config))
        close(logits[row][~PAD[row]], expected[~PAD[row]])


@CONFIGS
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_residual_transformer_shares_its_weights_in_the_published_order(
    config: TokenTransformerConfig, layer: int, filled: Fill, texts: Text
) -> None:
    model, text = filled(ResidualTransformer(config), 2), text_for(config, texts)
    weights = model.state_dict()
    below = torch.randint(10, (2, 5, 4), generator=torch.Generator().manual_seed(3))
    logits = model(below, torch.tensor([layer, layer]), text, PAD)
    assert logits.shape == (2, 5, 10)
    embeddings = [weights["token_embed_weight_"][0], *weights["embed_proj_shared_weight"]]
    outputs = [*weights["embed_proj_shared_weight"], weights["output_proj_weight_"][0]]
    for row in range(2):
        vectors = torch.zeros(5, 5, dtype=torch.float64)
        for n in range(5):
            for q in range(layer):
                vectors[n] += embeddings[q][below[row, n, q]]
        hidden = naive_trunk(weights, config, vectors, prefix_of(weights, text, row, layer, config), visible_of(text, PAD, row, 2, config))
        expected = torch.stack([outputs[layer - 1] @ h for h in hidden])
        close(logits[row][~PAD[row]], expected[~PAD[row]])


def test_rows_of_a_batch_may_predict_different_layers(filled: Fill, texts: Text) -> None:
    model, text = filled(ResidualTransformer(POOLED), 2), text_for(POOLED, texts)
    below = torch.randint(10, (2, 5, 4), generator=torch.Generator().manual_seed(3))
    mixed = model(below, torch.tensor([1, 3]), text, PAD)
    close(mixed[0], model(below, torch.tensor([1, 1]), text, PAD)[0])
    close(mixed[1, :3], model(below, torch.tensor([3, 3]), text, PAD)[1, :3])


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_layers_not_yet_made_do_not_count(layer: int, filled: Fill, texts: Text) -> None:
    model, text = filled(ResidualTransformer(POOLED), 2), text_for(POOLED, texts)
    below = torch.randint(10, (2, 5, 4), generator=torch.Generator().manual_seed(3))
    other = below.clone()
    other[..., layer:] = (other[..., layer:] + 1) % 10
    which = torch.tensor([layer, layer])
    assert torch.equal(model(below, which, text, PAD), model(other, which, text, PAD))


@CONFIGS
@pytest.mark.parametrize("kind", [MaskTransformer, ResidualTransformer])
def test_what_lies_beyond_the_end_changes_nothing(kind: type[nn.Module], config: TokenTransformerConfig, filled: Fill, texts: Text) -> None:
    model, text = filled(kind(config), 4), text_for(config, texts)

    def logits(ids: Tensor, pad: Tensor, text: EncodedText) -> Tensor:
        if kind is MaskTransformer:
            return model(ids, text, pad)
        return model(ids.clamp_max(9)[..., None].repeat(1, 1, 4), torch.full((len(ids),), 2), text, pad)

    batch = logits(IDS, PAD, text)[1, :3]
    scribbled = IDS.clone()
    scribbled[1, 3:] = torch.tensor([0, 7])
    garbage = EncodedText(text.pooled, torch.where(text.word_pad[..., None], 1e6, text.words), text.word_pad)
    close(logits(scribbled, PAD, garbage)[1, :3], batch, atol=1e-9)
    close(logits(IDS[1:, :3], PAD[1:, :3], text.rows(slice(1, 2)))[0], batch, atol=1e-9)


@CONFIGS
def test_the_prompt_counts(config: TokenTransformerConfig, filled: Fill, texts: Text) -> None:
    model, text = filled(MaskTransformer(config), 4), text_for(config, texts)
    usual = model(IDS, text, PAD)
    dropped = text.with_dropped(torch.tensor([True, False]))
    assert float((model(IDS, dropped, PAD)[0] - usual[0]).abs().max()) > 1e-3
    close(model(IDS, dropped, PAD)[1, :3], usual[1, :3])
    if config.word_width:
        other = EncodedText(text.pooled, text.words + 1, text.word_pad)
        assert float((model(IDS, other, PAD)[0] - usual[0]).abs().max()) > 1e-3
        close(model(IDS, EncodedText(text.pooled, text.words + 1, text.word_pad).with_dropped(torch.tensor([True, True])), PAD),
              model(IDS, text.with_dropped(torch.tensor([True, True])), PAD))  # fmt: skip


def test_an_unconditional_row_keeps_the_bias_of_its_condition(filled: Fill, texts: Text) -> None:
    text = texts(2, 7, 4, 6)
    both = text.with_unconditional()
    assert len(both.pooled) == 4
    assert (
        torch.equal(both.pooled[:2], text.pooled)
        and torch.equal(both.words[:2], text.words)
        and torch.equal(both.word_pad[:2], text.word_pad)
    )
    assert not both.pooled[2:].any() and not both.words[2:].any() and both.word_pad[2:].all()
    model = filled(MaskTransformer(POOLED), 4)
    zero = EncodedText(torch.zeros(2, 7, dtype=torch.float64), both.words[:2, :0], both.word_pad[:2, :0])
    close(model(IDS, texts(2, 7).with_dropped(torch.tensor([True, True])), PAD), model(IDS, zero, PAD))


@pytest.mark.parametrize("width", [12, 384])
def test_positions_alternate_sines_and_cosines(width: int) -> None:
    table = PositionEncoding(width)(torch.zeros(1, 60, width))[0]
    for n in (0, 1, 48, 59):
        for column in (0, 1, 2, 3, width - 2, width - 1):
            angle = n * math.exp(2 * (column // 2) * -math.log(10000) / width)
            assert float(table[n, column]) == pytest.approx(math.cos(angle) if column % 2 else math.sin(angle), abs=1e-4)
