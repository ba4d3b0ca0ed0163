"""Does the whole way from prompt to motion keep its promises about seeds, lengths, steps and progress?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from understudy.core.body import pipeline as pipeline_module
from understudy.core.body.features import LocalRotations
from understudy.core.body.motion_tokens import NO_CODE
from understudy.core.body.pipeline import BodyNetworks, BodyPipeline, KeptTokens, SamplingSettings
from understudy.core.body.residual_tokens import ResidualSettings
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_plan import LONGEST_WINDOW
from understudy.core.checkpoints import BodyConfigs, build_networks
from understudy.core.contract import MAX_SEED, BadRequest, BodyMotion, BodyRequest, Cancelled, Recipe

RECIPE = Recipe(model="tiny", weights="00ff", version="9.9")
STAGES = ["Reading the prompt", "Planning the motion", "Adding detail", "Shaping the motion"]


class FakeEncoder:
    """Vectors that depend on the letters of a prompt."""

    name, pooled_width, word_width, n_parameters = "fake", 384, 384, 0

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def encode(self, prompts: list[str]) -> EncodedText:
        self.seen.append(prompts)
        generators = [torch.Generator().manual_seed(sum(map(ord, prompt))) for prompt in prompts]
        words = torch.stack([torch.randn(3, 384, generator=generator) for generator in generators])
        return EncodedText(words.mean(1), words, torch.zeros(len(prompts), 3, dtype=torch.bool))


@pytest.fixture(scope="module")
def networks(tiny_configs: BodyConfigs) -> BodyNetworks:
    torch.manual_seed(11)
    networks = build_networks(tiny_configs)
    for book in networks.tokenizer.quantizer.books:
        book.codebook.normal_()
    # Without this every code would be about as likely as any other, and a wrong draw would hardly show
    networks.tokens.output_process.poseFinal.weight.data *= 8
    networks.tokens.cond_emb.weight.data *= 8
    for field in dataclasses.fields(networks):
        if network := getattr(networks, field.name):
            assert isinstance(network, nn.Module)
            network.eval().requires_grad_(False)
    return networks


@pytest.fixture
def make(networks: BodyNetworks) -> Callable[..., BodyPipeline]:
    def build(encoder: FakeEncoder | None = None, has_steps: bool = True) -> BodyPipeline:
        mean = torch.zeros(161)
        mean[3], mean[4:136] = 0.94, torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(22)
        representation = LocalRotations(mean, torch.full((161,), 0.2))
        return BodyPipeline(networks, encoder or FakeEncoder(), representation, SamplingSettings(has_steps=has_steps), torch.device("cpu"))

    return build


def silent(stage: str, step: int, total: int) -> None:
    pass


def run(pipeline: BodyPipeline, **changes: object) -> list[BodyMotion]:
    request = dataclasses.replace(BodyRequest(1, "a person walks", seconds=2.0, seed=5, steps=3), **changes)  # type: ignore[arg-type]
    return pipeline.generate(request, RECIPE, silent)[0]


def assert_same(a: BodyMotion, b: BodyMotion, atol: float = 1e-4) -> None:
    for name in ("translation", "rotations", "contacts"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=atol)


def differ(a: BodyMotion, b: BodyMotion) -> bool:
    return a.rotations.shape != b.rotations.shape or bool(np.abs(a.rotations - b.rotations).max() > 1e-5)


def test_the_same_seed_makes_the_same_motion_bit_by_bit(make: Callable[..., BodyPipeline]) -> None:
    one, other = run(make())[0], run(make())[0]
    assert_same(one, other, atol=0)


@pytest.mark.parametrize("change", [{"seed": 6}, {"text": "a person jumps"}, {"guidance": 1.0}, {"steps": 4}])
def test_every_choice_of_the_animator_counts(change: dict[str, object], make: Callable[..., BodyPipeline]) -> None:
    assert differ(run(make())[0], run(make(), **change)[0])


def test_variation_k_of_seed_s_is_what_seed_s_plus_k_makes_alone(make: Callable[..., BodyPipeline]) -> None:
    together = run(make(), variations=4)
    assert len(together) == 4
    for k, motion in enumerate(together):
        alone = run(make(), seed=5 + k)[0]
        assert_same(motion, alone)
        assert motion.recipe == dataclasses.replace(alone.recipe, variation=k)
    assert all(differ(together[0], motion) for motion in together[1:])


def test_variations_of_a_long_motion_in_windows_are_also_those_alone(make: Callable[..., BodyPipeline]) -> None:
    together = run(make(), variations=2, seconds=14.0, text="a person walks, then waves")
    assert_same(together[1], run(make(), seed=6, seconds=14.0, text="a person walks, then waves")[0], atol=1e-3)


def test_the_largest_seed_is_followed_by_nought(make: Callable[..., BodyPipeline]) -> None:
    last, first = run(make(), seed=MAX_SEED, variations=2)
    assert (last.recipe.seed, first.recipe.seed) == (MAX_SEED, 0)
    assert_same(first, run(make(), seed=0)[0])


def test_tokens_and_noise_do_not_share_random_numbers() -> None:
    request = BodyRequest(1, "walks", seed=5, variations=2)
    streams = [pipeline_module._generators(request, stream) for stream in range(3)]
    draws = torch.stack([torch.rand(2000, generator=generator) for generators in streams for generator in generators])
    correlations = torch.corrcoef(draws) - torch.eye(6)
    assert float(correlations.abs().max()) < 0.1


@pytest.mark.parametrize("seed", [0, 1, MAX_SEED - 1, MAX_SEED])
def test_neighbouring_seeds_do_not_share_random_numbers(seed: int) -> None:
    generators = pipeline_module._generators(BodyRequest(1, "walks", seed=seed, variations=16), 0)
    assert len({float(torch.rand(1, generator=generator)) for generator in generators}) == 16


def test_the_global_random_state_is_neither_read_nor_changed(make: Callable[..., BodyPipeline]) -> None:
    motions = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.random.get_rng_state()
        motions.append(run(make())[0])
        assert torch.equal(torch.random.get_rng_state(), before)
    assert_same(*motions, atol=0)


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.5, 11), (1.0, 21), (2.0, 41), (2.02, 41), (2.03, 42), (9.75, 196), (9.8, 197), (21.3, 427)]
)
def test_a_length_in_seconds_is_kept_to_the_frame(seconds: float, frames: int, make: Callable[..., BodyPipeline]) -> None:
    motion = run(make(), seconds=seconds, steps=2)[0]
    assert len(motion.translation) == frames
    assert abs(motion.seconds - seconds) <= 0.025
    assert motion.recipe.seconds == pytest.approx(motion.seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["a person walks", "walks, then waves, then jumps"])
def test_without_a_length_the_model_decides(text: str, make: Callable[..., BodyPipeline], networks: BodyNetworks) -> None:
    encoder = FakeEncoder()
    motion = run(make(encoder), text=text, seconds=None, steps=2)[0]
    tokens = networks.length.expected_tokens(encoder.encode(encoder.seen[0]).pooled)
    assert len(motion.translation) == 4 * int(tokens.sum())


def test_the_recipe_makes_the_motion_again(make: Callable[..., BodyPipeline]) -> None:
    motion = run(make(), text="  a person walks ", seconds=None, seed=77, guidance=2.5, steps=4, variations=3)[2]
    recipe = motion.recipe
    again = run(make(), text=recipe.text, seconds=recipe.seconds, seed=recipe.seed, guidance=recipe.guidance, steps=recipe.steps)[0]
    assert_same(motion, again)
    assert (recipe.model, recipe.weights, recipe.version) == ("tiny", "00ff", "9.9")


def test_without_a_guidance_it_is_the_model_s_and_the_recipe_tells_it(make: Callable[..., BodyPipeline]) -> None:
    measured = SamplingSettings().unmasking.guidance
    left_out, set_so, other = (run(make(), guidance=guidance)[0] for guidance in (None, measured, 1.5))
    assert_same(left_out, set_so, atol=0)
    assert (left_out.recipe.guidance, other.recipe.guidance) == (measured, 1.5)
    assert differ(left_out, other)


def test_steps_are_read_one_by_one_where_the_model_knows_them(make: Callable[..., BodyPipeline]) -> None:
    for has_steps, expected in ((True, ["a person walks", "a person waves"]), (False, ["a person walks, then waves"])):
        encoder = FakeEncoder()
        run(make(encoder, has_steps), text=" a person walks, then waves ")
        assert encoder.seen[0] == expected


def test_the_networks_never_see_more_than_49_tokens(make: Callable[..., BodyPipeline], networks: BodyNetworks) -> None:
    seen: list[int] = []

    def remember(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].shape[1])

    hooks = [network.register_forward_pre_hook(remember) for network in (networks.tokens, networks.residual)]
    try:
        run(make(), seconds=40.0, steps=2, text="a man walks, then waves, then sits down")
    finally:
        for hook in hooks:
            hook.remove()
    assert max(seen) <= LONGEST_WINDOW and len(set(seen)) > 1


def test_a_later_window_keeps_what_the_earlier_one_made(make: Callable[..., BodyPipeline], networks: BodyNetworks) -> None:
    """The context that a window is shown is what was made before, layer by layer."""
    shown: list[Tensor] = []
    hook = networks.residual.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].clone()))
    try:
        run(make(), seconds=20.0, steps=2, guidance=1.0)
    finally:
        hook.remove()
    windows = [ids[0] for ids in shown[4::5]]
    assert len(windows) >= 3
    for earlier, later in zip(windows[:-1], windows[1:], strict=True):
        assert torch.equal(earlier[-10:, :5], later[:10, :5])


def test_a_model_without_a_residual_network_generates_base_tokens_alone(make: Callable[..., BodyPipeline]) -> None:
    request = BodyRequest(1, "walks, then waves", seconds=14.0, seed=5, steps=2, variations=2)
    whole, bare = make(), make()
    bare._networks = dataclasses.replace(bare._networks, residual=None)
    ids = bare.tokens(request)
    assert torch.equal(ids[..., 0], whole.tokens(request)[..., 0])
    assert ids.shape == (2, 71, 6) and bool((ids[..., 1:] == NO_CODE).all())
    told: list[str] = []
    motions, times = bare.generate(request, RECIPE, lambda stage, step, total: told.append(stage))
    assert list(dict.fromkeys(told)) == [stage for stage in STAGES if stage != "Adding detail"]
    assert [time.stage for time in times] == ["text encoder", "token transformer", "flow decoder", "features"]
    whole._settings = dataclasses.replace(whole._settings, residual=ResidualSettings(layers=0))
    for one, other in zip(motions, whole.generate(request, RECIPE, silent)[0], strict=True):
        assert_same(one, other, atol=0)


def test_decoding_in_parts_changes_nothing(make: Callable[..., BodyPipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = run(make(), variations=5)
    monkeypatch.setattr(pipeline_module, "_FRAMES_AT_ONCE", 90)
    for one, other in zip(at_once, run(make(), variations=5), strict=True):
        assert_same(one, other)


def test_progress_counts_up_through_all_stages_in_order(make: Callable[..., BodyPipeline]) -> None:
    told: list[tuple[str, int, int]] = []
    request = BodyRequest(1, "walks, then waves", seconds=14.0, steps=5, variations=3)
    _, times = make().generate(request, RECIPE, lambda *progress: told.append(progress))
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == STAGES
    for stage in STAGES[1:]:
        steps = [(step, total) for name, step, total in told if name == stage]
        assert [step for step, _ in steps] == list(range(1, steps[-1][1] + 1))
        assert len({total for _, total in steps}) == 1
    assert [time.stage for time in times] == ["text encoder", "token transformer", "residual transformer", "flow decoder", "features"]
    assert all(time.seconds >= 0 for time in times)


@pytest.mark.parametrize("stage", STAGES)
def test_an_exception_of_the_report_stops_the_work_there(stage: str, make: Callable[..., BodyPipeline]) -> None:
    told: list[str] = []

    def stop(name: str, step: int, total: int) -> None:
        told.append(name)
        if name == stage:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        make().generate(BodyRequest(1, "walks", 2.0), RECIPE, stop)
    assert told.count(stage) == 1 and told[-1] == stage


@pytest.mark.parametrize(("guidance", "rows"), [(1.0, 2), (4.0, 4), (0.0, 4)])
def test_no_guidance_costs_a_single_pass_in_both_transformers(
    guidance: float, rows: int, make: Callable[..., BodyPipeline], networks: BodyNetworks
) -> None:
    seen: list[int] = []
    hooks = [n.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0]))) for n in (networks.tokens, networks.residual)]
    try:
        run(make(), guidance=guidance, variations=2)
    finally:
        for hook in hooks:
            hook.remove()
    assert seen == [rows] * (10 + 5)


def test_everything_that_comes_out_is_finite_and_well_formed(make: Callable[..., BodyPipeline]) -> None:
    for guidance in (0.0, 1.0, 20.0):
        motion = run(make(), guidance=guidance, steps=2)[0]
        for array in (motion.translation, motion.rotations, motion.contacts):
            assert bool(np.isfinite(array).all())
        np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("n_tokens", [10, 3 * LONGEST_WINDOW])
@pytest.mark.parametrize("text", ["a person waves", "a person walks, then waves"])
def test_tokens_that_are_kept_stay_and_the_others_are_made_anew(make: Callable[..., BodyPipeline], n_tokens: int, text: str) -> None:
    pipeline = make()
    there = pipeline.tokens(BodyRequest(1, "a person bows", n_tokens / 5 - 0.05, seed=1))[0]
    assert len(there) == n_tokens
    mask = torch.ones(n_tokens, dtype=torch.bool)
    mask[n_tokens // 2 : n_tokens // 2 + 4] = False
    edited = pipeline.tokens(BodyRequest(1, text, seed=2, variations=2), KeptTokens(there, mask))
    assert torch.equal(edited[:, mask], there[mask].expand(2, -1, -1))
    assert all(bool((edited[variation, ~mask] != there[~mask]).any()) for variation in range(2))
    assert not torch.equal(edited[0], edited[1])
    assert torch.equal(edited, pipeline.tokens(BodyRequest(1, text, seed=2, variations=2), KeptTokens(there, mask)))


def test_of_tokens_all_or_none_are_kept(make: Callable[..., BodyPipeline]) -> None:
    pipeline, request = make(), BodyRequest(1, "a person waves", 2.0, seed=3)
    there, all_of_it = pipeline.tokens(request)[0], torch.ones(11, dtype=torch.bool)
    other = BodyRequest(1, "a person jumps", 9.0, seed=4)
    assert torch.equal(pipeline.tokens(other, KeptTokens(there, all_of_it))[0], there)
    assert torch.equal(pipeline.tokens(request, KeptTokens(torch.zeros_like(there), ~all_of_it))[0], there)


def test_what_is_kept_is_seen_on_both_sides_of_what_is_made(make: Callable[..., BodyPipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, request = make(), BodyRequest(1, "a person waves", 4.0, seed=3)
    there = pipeline.tokens(request)[0]
    seen: list[tuple[Tensor, Tensor]] = []

    def spied(*arguments: Any) -> Tensor:
        seen.append(arguments[5:7])
        return made(*arguments)

    made = pipeline_module.generate_base_tokens
    monkeypatch.setattr(pipeline_module, "generate_base_tokens", spied)
    mask = (torch.arange(21) < 5) | (torch.arange(21) > 12)
    pipeline.tokens(request, KeptTokens(there, mask))
    ((given, keep),) = seen
    assert torch.equal(keep[0], mask) and torch.equal(given[0, mask], there[mask, 0])


def test_kept_tokens_need_a_mask_and_room_for_the_steps(make: Callable[..., BodyPipeline]) -> None:
    for mask in (torch.ones(3, dtype=torch.bool), torch.ones(2)):
        with pytest.raises(ValueError, match="mask"):
            KeptTokens(torch.zeros(2, 6, dtype=torch.long), mask)
    kept = KeptTokens(torch.zeros(2, 6, dtype=torch.long), torch.zeros(2, dtype=torch.bool))
    with pytest.raises(BadRequest, match="3 steps, and what is made of it lasts only 0.4 s"):
        make().tokens(BodyRequest(1, "a person walks, then waves, then bows"), kept)


def test_a_motion_has_the_tokens_that_its_features_have(make: Callable[..., BodyPipeline], networks: BodyNetworks) -> None:
    pipeline = make()
    (motion,) = run(pipeline, seconds=2.1)
    ids = pipeline.tokens_of(motion)
    assert ids.shape == (len(motion.translation) // 4, networks.tokenizer.config.n_quantizers)
    features = pipeline._representation.encode(motion)
    assert torch.equal(ids, networks.tokenizer.encode(features[None, : len(ids) * 4])[0])
