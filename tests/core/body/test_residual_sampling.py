"""Are the residual layers drawn as section 4.2 of the specification says?"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from understudy.core.body.residual_tokens import ResidualSettings, ResidualTransformer, generate_residual_tokens
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_transformer import TokenTransformerConfig

Fill = Callable[[nn.Module, int], nn.Module]
Text = Callable[..., EncodedText]
CONFIG = TokenTransformerConfig(n_codes=20, n_quantizers=5, code_dim=6, width=12, n_layers=2, n_heads=3, feed_forward=10, text_width=7)
PAD = 20
BASE = torch.tensor([[3, 19, 0, 7, 7, 2], [5, 5, 11, -1, -1, -1]])


class Recorder:
    pad_id, config = PAD, CONFIG

    def __init__(self, favourite: int | None = None) -> None:
        self.favourite = favourite
        self.shown: list[Tensor] = []
        self.layers: list[Tensor] = []
        self.texts: list[EncodedText] = []
        self.pads: list[Tensor] = []
        self.logits: list[Tensor] = []

    def __call__(self, below: Tensor, layer: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
        self.shown.append(below.clone())
        self.layers.append(layer)
        self.texts.append(text)
        self.pads.append(pad)
        logits = torch.randn(*below.shape[:2], PAD + 1, generator=torch.Generator().manual_seed(len(self.shown)))
        if self.favourite is not None:
            logits[..., self.favourite] = 50
        self.logits.append(logits)
        return logits


def generators(rows: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + row) for row in range(rows)]


def run(model: object, text: EncodedText, settings: ResidualSettings, base: Tensor = BASE, **options: object) -> Tensor:
    return generate_residual_tokens(model, base, text, settings, generators(len(base)), **options)  # type: ignore[arg-type]


def test_layers_are_made_one_after_the_other_from_those_below(texts: Text) -> None:
    model = Recorder()
    made = run(model, texts(2, 7), ResidualSettings(guidance=1.0))
    assert made.shape == (2, 6, 5)
    assert torch.equal(made[..., 0], BASE)
    assert [layer.tolist() for layer in model.layers] == [[q, q] for q in range(1, 5)]
    inside = BASE >= 0
    for q, below in enumerate(model.shown, start=1):
        assert torch.equal(below[..., :q][inside], made.masked_fill(made == -1, PAD)[..., :q][inside])
        assert bool((below[..., :q][~inside] == PAD).all())
        assert torch.equal(model.pads[q - 1], ~inside)
    assert bool((made[~inside] == -1).all())


def test_a_whole_run_equals_the_one_written_out(texts: Text) -> None:
    model, settings = Recorder(), ResidualSettings(guidance=1.0, temperature=0.6, share=0.2)
    made = run(model, texts(2, 7), settings)
    draws = generators(2)
    kept = math.ceil(0.2 * 21)
    for q in range(1, 5):
        uniforms = [torch.rand(6, 21, generator=generator) for generator in draws]
        for row in range(2):
            for n in range(6):
                if BASE[row, n] == -1:
                    continue
                logits = model.logits[q - 1][row, n]
                best = sorted(range(21), key=lambda code: -float(logits[code]))[:kept]
                noisy = {code: float(logits[code]) / 0.6 - math.log(-math.log(float(uniforms[row][n, code]))) for code in best}
                drawn = max(noisy, key=noisy.__getitem__)
                assert int(made[row, n, q]) == (-1 if drawn == PAD else drawn)


def test_a_drawn_padding_id_means_no_code(texts: Text) -> None:
    made = run(Recorder(favourite=PAD), texts(2, 7), ResidualSettings(guidance=1.0))
    assert bool((made[..., 1:] == -1).all()) and torch.equal(made[..., 0], BASE)


def test_kept_places_keep_all_their_layers(texts: Text) -> None:
    given = torch.randint(20, (2, 6, 5), generator=torch.Generator().manual_seed(0))
    given[..., 0] = BASE
    keep = torch.tensor([[True, True, False, False, False, False], [True, False, False, False, False, False]])
    model = Recorder(favourite=13)
    made = run(model, texts(2, 7), ResidualSettings(guidance=1.0), given=given, keep=keep)
    assert torch.equal(made[keep], given[keep])
    assert bool((made[~keep & (BASE >= 0)][:, 1:] == 13).all())
    assert torch.equal(model.shown[-1][keep][:, :4], given[keep][:, :4])


def test_a_kept_place_may_have_layers_without_a_code(filled: Fill, texts: Text) -> None:
    """An earlier window may have drawn "no code"; the next one is shown it as the padding id."""
    given = torch.full((1, 6, 5), 4)
    given[:, :2, 2] = -1
    base = torch.tensor([[4, 4, 1, 2, 3, 5]])
    keep = torch.tensor([[True, True, False, False, False, False]])
    model = filled(ResidualTransformer(CONFIG), 3)
    settings = ResidualSettings(guidance=1.0, share=1e-6)
    as_minus_one = run(model, texts(1, 7), settings, base, given=given, keep=keep)
    as_padding = run(model, texts(1, 7), settings, base, given=given.masked_fill(given == -1, PAD), keep=keep)
    assert torch.equal(as_minus_one, as_padding)
    assert torch.equal(as_minus_one[:, :2], given[:, :2])


def test_guidance_one_is_a_single_pass(texts: Text) -> None:
    model, text = Recorder(), texts(2, 7)
    run(model, text, ResidualSettings(guidance=1.0))
    assert [len(below) for below in model.shown] == [2] * 4
    assert all(torch.equal(seen.pooled, text.pooled) for seen in model.texts)


@pytest.mark.parametrize("guidance", [5.0, 0.0])
def test_guidance_is_a_second_pass_without_the_prompt(guidance: float, texts: Text) -> None:
    class OneSided(Recorder):
        def __call__(self, below: Tensor, layer: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            super().__call__(below, layer, text, pad)
            prompted = text.pooled.abs().sum(-1) > 0
            logits = torch.zeros(*below.shape[:2], PAD + 1)
            logits[prompted, :, 7], logits[~prompted, :, 9] = 30.0, 30.0
            return logits

    model = OneSided()
    made = run(model, texts(2, 7), ResidualSettings(guidance=guidance))
    assert all(len(below) == 4 and torch.equal(below[:2], below[2:]) for below in model.shown)
    assert set(made[..., 1:][BASE >= 0].flatten().tolist()) == ({9} if guidance == 0 else {7})


def test_a_short_row_beside_a_long_one_is_made_as_if_it_were_alone(filled: Fill, texts: Text) -> None:
    model, text, settings = filled(ResidualTransformer(CONFIG), 3), texts(2, 7), ResidualSettings(share=1e-6)
    together = run(model, text, settings)
    alone = run(model, text.rows(slice(1, 2)), settings, BASE[1:, :3])
    assert torch.equal(together[1, :3], alone[0])


def test_rows_of_equal_length_are_made_as_if_each_were_alone(filled: Fill, texts: Text) -> None:
    model, text = filled(ResidualTransformer(CONFIG), 3), texts(3, 7)
    base = torch.randint(20, (3, 9), generator=torch.Generator().manual_seed(1))
    together = generate_residual_tokens(model, base, text, ResidualSettings(), generators(3, 7))  # type: ignore[arg-type]
    for row in range(3):
        part = slice(row, row + 1)
        alone = generate_residual_tokens(model, base[part], text.rows(part), ResidualSettings(), generators(1, 7 + row))  # type: ignore[arg-type]
        assert torch.equal(together[part], alone)


def test_each_layer_is_told(texts: Text) -> None:
    told: list[tuple[int, int]] = []
    run(Recorder(), texts(2, 7), ResidualSettings(), on_step=lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
