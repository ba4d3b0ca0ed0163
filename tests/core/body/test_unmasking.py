"""Does the iterative unmasking follow section 3.3 of the specification step by step?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_generator import (
    MaskTransformer,
    UnmaskingSettings,
    generate_base_tokens,
    unmasking_schedule,
)
from understudy.core.body.token_transformer import TokenTransformerConfig

Fill = Callable[[nn.Module, int], nn.Module]
Text = Callable[..., EncodedText]
N_CODES, MASK, PAD = 40, 40, 41
PLAIN = UnmaskingSettings(guidance=1.0, share=1.0)


class Recorder:
    """Stands where the network stands: logits that depend on the place alone, and a list of what it was shown."""

    mask_id, pad_id = MASK, PAD

    def __init__(self, spread: float = 1.0) -> None:
        self.spread = spread
        self.shown: list[Tensor] = []
        self.texts: list[EncodedText] = []
        self.pads: list[Tensor] = []
        self.logits: list[Tensor] = []

    def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
        self.shown.append(ids.clone())
        self.texts.append(text)
        self.pads.append(pad.clone())
        logits = self.spread * torch.randn(*ids.shape, N_CODES, generator=torch.Generator().manual_seed(len(self.shown)))
        self.logits.append(logits)
        return logits


def generators(rows: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + row) for row in range(rows)]


def run(model: object, text: EncodedText, lengths: list[int], settings: UnmaskingSettings = PLAIN, **options: Tensor) -> Tensor:
    return generate_base_tokens(model, text, torch.tensor(lengths), settings, generators(len(lengths)), **options)  # type: ignore[arg-type]


def test_the_schedules_of_the_specification() -> None:
    schedule = torch.stack(unmasking_schedule(torch.tensor([49, 10]), 10))
    assert schedule[:, 0].tolist() == [49, 48, 46, 42, 38, 31, 24, 17, 9, 1]
    assert schedule[:, 1].tolist() == [10, 10, 9, 9, 8, 6, 5, 3, 2, 1]


def test_two_thirds_of_the_way_just_less_than_half_is_masked() -> None:
    """In double precision the cosine at 6/9 lies above 0.5, and every odd length from 3 would have one more."""
    lengths = torch.arange(1, 50)
    at_six_ninths = unmasking_schedule(lengths, 10)[6]
    half_down = [max(1, math.ceil(Fraction(n, 2) - Fraction(1, 2))) for n in lengths.tolist()]
    assert at_six_ninths.tolist() == half_down


@given(st.integers(1, 49), st.integers(2, 30))
def test_the_schedule_falls_from_all_to_one(length: int, steps: int) -> None:
    counts = [int(count) for count in unmasking_schedule(torch.tensor([length]), steps)]
    assert counts[0] == length and counts[-1] == 1 and counts == sorted(counts, reverse=True)
    for step, count in enumerate(counts):
        assert abs(count - length * math.cos(math.pi / 2 * step / (steps - 1))) <= 1 + 1e-9


@pytest.mark.parametrize("lengths", [[49], [10], [49, 10, 1, 24]])
def test_each_step_masks_as_many_as_the_schedule_says(lengths: list[int], texts: Text) -> None:
    model = Recorder()
    run(model, texts(len(lengths), 3), lengths)
    for ids, expected in zip(model.shown, unmasking_schedule(torch.tensor(lengths), 10), strict=True):
        assert (ids == MASK).sum(-1).tolist() == expected.tolist()


def test_accepted_tokens_are_never_masked_again_and_never_change(texts: Text) -> None:
    model = Recorder(spread=0.2)
    final = run(model, texts(3, 3), [49, 20, 7])
    for before, after in zip(model.shown[:-1], model.shown[1:], strict=True):
        accepted = before != MASK
        assert torch.equal(before[accepted], after[accepted])
    accepted = model.shown[-1] < N_CODES
    assert torch.equal(final[accepted], model.shown[-1][accepted])


def naive_unmasking(
    logits_of_step: list[Tensor], length: int, settings: UnmaskingSettings, generator: torch.Generator
) -> tuple[list[int], list[list[int]]]:
    """One row, written out with lists."""
    ids, scores, shown = [MASK] * length, [0.0] * length, []
    for step, logits in enumerate(logits_of_step):
        count = int(unmasking_schedule(torch.tensor([length]), settings.steps)[step])
        places = sorted(range(length), key=scores.__getitem__)[:count]
        ids = [MASK if place in places else ids[place] for place in range(length)]
        shown.append(list(ids))
        uniform = torch.rand(length, N_CODES, generator=generator)
        kept = max(1, math.ceil(settings.share * N_CODES - 1e-9))
        scores = [1e5] * length
        for place in places:
            best = sorted(range(N_CODES), key=lambda code: -float(logits[place, code]))[:kept]
            noisy = {
                code: float(logits[place, code]) / settings.temperature - math.log(-math.log(float(uniform[place, code]))) for code in best
            }
            ids[place] = max(noisy, key=noisy.__getitem__)
            scores[place] = float(logits[place].softmax(-1)[ids[place]])
        if settings.choice_noise:
            uniform = torch.rand(length, generator=generator)
            left = 1 - (step + 1) / settings.steps
            for place in places:
                scores[place] = math.log(scores[place]) - settings.choice_noise * left * math.log(-math.log(float(uniform[place])))
    return ids, shown


@pytest.mark.parametrize("length", [49, 10, 1])
@pytest.mark.parametrize(
    "settings",
    [
        PLAIN,
        UnmaskingSettings(guidance=1.0),
        UnmaskingSettings(guidance=1.0, temperature=0.5, share=0.3, steps=6),
        UnmaskingSettings(guidance=1.0, choice_noise=2.5),
    ],
)
def test_a_whole_run_equals_the_one_written_out(length: int, settings: UnmaskingSettings, texts: Text) -> None:
    model = Recorder(spread=1.5)
    made = run(model, texts(1, 3), [length], settings)
    ids, shown = naive_unmasking([logits[0] for logits in model.logits], length, settings, torch.Generator().manual_seed(0))
    assert [row[0].tolist() for row in model.shown] == shown
    assert made[0].tolist() == ids


def test_places_beyond_the_end_are_padding_and_come_out_as_minus_one(texts: Text) -> None:
    model = Recorder()
    made = run(model, texts(2, 3), [12, 5])
    assert (made[1] == -1).tolist() == [False] * 5 + [True] * 7
    assert int(made[0].min()) >= 0 and int(made[0].max()) < N_CODES
    for ids, pad in zip(model.shown, model.pads, strict=True):
        assert pad.tolist() == [[False] * 12, [False] * 5 + [True] * 7]
        assert bool(((ids == PAD) == pad).all())


def test_given_tokens_stay_and_the_schedule_counts_the_others(texts: Text) -> None:
    given_ids = torch.randint(N_CODES, (2, 30), generator=torch.Generator().manual_seed(0))
    keep = torch.zeros(2, 30, dtype=torch.bool)
    keep[0, :10], keep[1, 4::2] = True, True
    model = Recorder(spread=0.1)
    original = given_ids.clone()
    made = run(model, texts(2, 3), [30, 24], given=given_ids, keep=keep)
    assert torch.equal(given_ids, original)
    inside = torch.arange(30) < torch.tensor([30, 24])[:, None]
    assert torch.equal(made[keep & inside], given_ids[keep & inside])
    assert torch.equal(made == -1, ~inside)
    editable = (~keep & inside).sum(-1)
    for ids, expected in zip(model.shown, unmasking_schedule(editable, 10), strict=True):
        assert torch.equal(ids[keep & inside], given_ids[keep & inside])
        assert (ids == MASK).sum(-1).tolist() == expected.tolist()


def test_nothing_is_made_where_everything_is_kept(texts: Text) -> None:
    given_ids = torch.arange(6)[None]
    model = Recorder()
    made = run(model, texts(1, 3), [6], given=given_ids, keep=torch.ones(1, 6, dtype=torch.bool))
    assert torch.equal(made, given_ids)
    assert not any(bool((ids == MASK).any()) for ids in model.shown)


@pytest.mark.parametrize(("share", "kept"), [(0.1, 4), (0.05, 2), (1.0, 40)])
def test_only_the_likeliest_codes_are_drawn_and_each_of_them_is(share: float, kept: int, texts: Text) -> None:
    class Flat(Recorder):
        def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            return (0.001 * -torch.arange(N_CODES)).expand(*ids.shape, N_CODES)

    made = run(Flat(), texts(20, 3), [49] * 20, dataclasses.replace(PLAIN, share=share, steps=1))
    assert sorted(set(made.flatten().tolist())) == list(range(kept))


def test_guidance_one_is_a_single_pass_with_the_prompt(texts: Text) -> None:
    model, text = Recorder(), texts(2, 3, 2, 4)
    run(model, text, [8, 8], dataclasses.replace(PLAIN, guidance=1.0))
    assert len(model.shown) == 10 and all(len(ids) == 2 for ids in model.shown)
    assert all(torch.equal(seen.pooled, text.pooled) for seen in model.texts)


@pytest.mark.parametrize("guidance", [4.0, 0.0, 2.5])
def test_guidance_is_a_second_pass_without_the_prompt(guidance: float, texts: Text) -> None:
    class OneSided(Recorder):
        """With a prompt it wants code 7, without one code 9."""

        def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            super().__call__(ids, text, pad)
            prompted = text.pooled.abs().sum(-1) > 0
            assert bool((text.word_pad.all(-1) == ~prompted).all())
            logits = torch.zeros(*ids.shape, N_CODES)
            logits[prompted, :, 7], logits[~prompted, :, 9] = 30.0, 30.0
            return logits

    model, text = OneSided(), texts(2, 3, 2, 4)
    made = run(model, text, [8, 8], dataclasses.replace(PLAIN, guidance=guidance))
    assert all(len(ids) == 4 and torch.equal(ids[:2], ids[2:]) for ids in model.shown)
    assert len(model.shown) == 10
    assert set(made.flatten().tolist()) == ({9} if guidance == 0 else {7})


def test_a_prompt_and_an_unprompted_pass_are_mixed_by_the_formula(texts: Text) -> None:
    """u + s (c - u) with c = (1, 0) and u = (0, 1) prefers code 0 by 2 s - 1."""

    class Two(Recorder):
        def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            prompted = text.pooled.abs().sum(-1) > 0
            logits = torch.full((*ids.shape, N_CODES), -100.0)
            logits[..., 0], logits[..., 1] = prompted[:, None].float(), (~prompted)[:, None].float()
            return logits

    made = run(Two(), texts(60, 3), [49] * 60, UnmaskingSettings(guidance=1.4, share=1.0, steps=1))
    assert float((made == 0).float().mean()) == pytest.approx(1 / (1 + math.exp(-1.8)), abs=0.03)


def test_the_temperature_flattens_the_choice(texts: Text) -> None:
    class Two(Recorder):
        def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            logits = torch.full((*ids.shape, N_CODES), -100.0)
            logits[..., 0], logits[..., 1] = 1.0, 0.0
            return logits

    made = run(Two(), texts(60, 3), [49] * 60, UnmaskingSettings(guidance=1.0, temperature=3.0, share=1.0, steps=1))
    assert float((made == 0).float().mean()) == pytest.approx(1 / (1 + math.exp(-1 / 3)), abs=0.03)


def test_each_step_is_told(texts: Text) -> None:
    told: list[tuple[int, int]] = []
    run(Recorder(), texts(1, 3), [5], on_step=lambda done, of: told.append((done, of)))  # type: ignore[arg-type]
    assert told == [(step, 10) for step in range(1, 11)]


SMALL = TokenTransformerConfig(n_codes=N_CODES, code_dim=8, width=12, n_layers=2, n_heads=3, feed_forward=16, text_width=7)


def test_a_short_row_beside_a_long_one_is_made_as_if_it_were_alone(filled: Fill, texts: Text) -> None:
    """With one code to choose from nothing is left to chance, so only padding could make a difference."""
    model, text = filled(MaskTransformer(SMALL), 0), texts(3, 7)
    settings = UnmaskingSettings(guidance=3.0, share=1e-6)
    together = run(model, text, [20, 6, 11], settings)
    for row, length in enumerate([20, 6, 11]):
        alone = run(model, text.rows(slice(row, row + 1)), [length], settings)
        assert torch.equal(together[row, :length], alone[0])


def test_rows_of_equal_length_are_made_as_if_each_were_alone(filled: Fill, texts: Text) -> None:
    model, text = filled(MaskTransformer(SMALL), 0), texts(3, 7)
    lengths = torch.tensor([15, 15, 15])
    varied = UnmaskingSettings(guidance=2.0, temperature=4.0, share=0.8)
    together = generate_base_tokens(model, text, lengths, varied, generators(3, seed=5))
    for row in range(3):
        alone = generate_base_tokens(model, text.rows(slice(row, row + 1)), lengths[:1], varied, generators(1, seed=5 + row))
        assert torch.equal(together[row], alone[0])
    assert len({tuple(row.tolist()) for row in together}) == 3


def test_with_much_choice_noise_tokens_are_kept_in_any_order_and_without_it_the_surest_first(texts: Text) -> None:
    """Place k is the surer the larger k is; how late the first half of the places is settled tells the order."""

    class Surer(Recorder):
        def __call__(self, ids: Tensor, text: EncodedText, pad: Tensor) -> Tensor:
            super().__call__(ids, text, pad)
            logits = torch.zeros(*ids.shape, N_CODES)
            logits[..., 0] = torch.arange(ids.shape[1]) / 2.0
            return logits

    def settled_early(choice_noise: float) -> float:
        model = Surer()
        run(model, texts(40, 3), [20] * 40, UnmaskingSettings(guidance=1.0, share=1.0, choice_noise=choice_noise))
        known = model.shown[6] != MASK
        return float(known[:, :10].double().mean() / known.double().mean() / 2)

    assert settled_early(0.0) < 0.2
    assert 0.4 < settled_early(1000.0) < 0.6


def test_the_same_seed_makes_the_same_tokens_and_another_seed_others(filled: Fill, texts: Text) -> None:
    model, text = filled(MaskTransformer(SMALL), 0), texts(1, 7)
    lengths = torch.tensor([49])
    made = [generate_base_tokens(model, text, lengths, UnmaskingSettings(), generators(1, seed)) for seed in (3, 3, 4)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
