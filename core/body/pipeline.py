"""Prompt to motion, the whole way: text, base tokens, residual tokens, flow decoder, features, motion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..contract import SHAPING_STAGE, BadRequest, BodyMotion, BodyRequest, Recipe, StageTime
from ..stage_clock import StageClock
from .features import Representation
from .flow_decoder import RectifiedFlowDecoder
from .foot_lock import lock_feet
from .motion_length import LengthEstimator
from .motion_tokens import FRAMES_PER_TOKEN, MotionTokenizer
from .prompt_steps import prompt_steps
from .residual_tokens import ResidualSettings, ResidualTransformer, generate_residual_tokens, without_residual_tokens
from .text_encoder import EncodedText, TextEncoder
from .text_reader import TextReader
from .token_generator import MaskTransformer, UnmaskingSettings, generate_base_tokens
from .token_matcher import TokenMatcher, best_fitting
from .token_plan import LONGEST_WINDOW, Window, plan_windows, share_made_tokens, share_tokens

Report = Callable[[str, int, int], None]
# The two kinds of tokens and the noise of the flow must not share random numbers. Torch's CPU generator takes 32 bits of a seed and
# drops the others, so that a stream has to be a step inside them
_STREAMS = 3
_BASE_STREAM, _RESIDUAL_STREAM, _FLOW_STREAM = range(_STREAMS)
_STREAM_STEP = 0x9E3779B9
_FRAMES_AT_ONCE = 4000  # decoded in one pass; more variations or longer takes go in several


@dataclass(frozen=True)
class BodyNetworks:
    """All networks of one bundle, in evaluation mode on one device.

    Without a residual transformer base tokens are all there are; without a reader the others read what the text encoder gives.
    """

    tokenizer: MotionTokenizer
    tokens: MaskTransformer
    residual: ResidualTransformer | None
    flow: RectifiedFlowDecoder | None
    length: LengthEstimator
    matcher: TokenMatcher | None = None
    reader: TextReader | None = None

    def present(self) -> dict[str, nn.Module]:
        """By their names, those that this bundle has."""
        return {name: network for name, network in vars(self).items() if network is not None}


@dataclass(frozen=True)
class SamplingSettings:
    """What a bundle's card says of its sampling. has_steps: prompts are split at "then" and made step by step.

    A model without steps learnt whole captions: it gets its prompt whole as long as one pass holds the motion, and in steps beyond.
    candidates: base tokens drawn for each window, of which the matcher keeps those that fit the sentence best.
    """

    unmasking: UnmaskingSettings = UnmaskingSettings()
    residual: ResidualSettings = ResidualSettings()
    has_steps: bool = False
    candidates: int = 1


@dataclass(frozen=True)
class KeptTokens:
    """Of a motion that is there: ids (n, Q), and mask (n,), True where they stay as they are."""

    ids: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if self.ids.ndim != 2 or self.mask.shape != self.ids.shape[:1] or self.mask.dtype != torch.bool:
            raise ValueError(f"tokens {tuple(self.ids.shape)} and a mask {tuple(self.mask.shape)} of {self.mask.dtype}")


class BodyPipeline:
    """One loaded model. `generate` may be called again and again; it keeps nothing between calls."""

    def __init__(
        self, networks: BodyNetworks, encoder: TextEncoder, representation: Representation, settings: SamplingSettings, device: torch.device
    ) -> None:
        self._networks, self._encoder, self._representation = networks, encoder, representation
        self._settings, self._device = settings, device

    @property
    def fps(self) -> float:
        """Frames a second of what it makes."""
        return self._representation.fps

    def with_decoder(self, flow: RectifiedFlowDecoder) -> BodyPipeline:
        """The same model with another one in the place of its flow decoder."""
        networks = replace(self._networks, flow=flow)
        return BodyPipeline(networks, self._encoder, self._representation, self._settings, self._device)

    @torch.inference_mode()
    def generate(
        self, request: BodyRequest, recipe: Recipe, report: Report, kept: KeptTokens | None = None
    ) -> tuple[list[BodyMotion], list[StageTime]]:
        """One motion a variation, with the time that each stage took.

        recipe: model, weights and version are kept, the rest is filled in. report(stage, step, total) may raise to stop the work.
        kept: as `tokens` takes it, of a motion as long as the request says. The request's edit is not read: see `range_editing`.
        """
        clock = StageClock()
        ids = self._tokens(request, report, clock, kept)
        motions = self._shaped(ids, request, recipe, report, clock)
        return motions, clock.laps

    @torch.inference_mode()
    def tokens(self, request: BodyRequest, kept: KeptTokens | None = None) -> Tensor:
        """Ids (V, n, Q) of a request's variations, -1 where there is no code: the first half of `generate`.

        kept: what stays of a motion whose length counts instead of the request's; the rest is made anew between it, as the prompt says.
        """
        return self._tokens(request, _quiet, StageClock(), kept)

    @torch.inference_mode()
    def tokens_of(self, motion: BodyMotion) -> Tensor:
        """Ids (n, Q) of a motion at the representation's rate; up to three frames at its end that fill no token are left out."""
        features = self._representation.encode(motion)
        whole = features[: len(features) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN].to(self._device)
        return self._networks.tokenizer.encode(whole[None])[0]

    @torch.inference_mode()
    def shaped(self, ids: Tensor, request: BodyRequest, recipe: Recipe) -> list[BodyMotion]:
        """The motions of a request's tokens: the second half of `generate`."""
        return self._shaped(ids, request, recipe, _quiet, StageClock())

    def _tokens(self, request: BodyRequest, report: Report, clock: StageClock, kept: KeptTokens | None = None) -> Tensor:
        report("Reading the prompt", 0, 1)
        text = self._encoder.encode(self._sentences(request))
        lengths = self._kept_lengths(kept, len(text.pooled)) if kept else self._step_lengths(text, request.seconds)
        text = self._networks.reader.read(text.to(self._device)) if self._networks.reader else text
        clock.lap("text encoder")
        kept = kept or KeptTokens(self._nothing(sum(lengths)), torch.zeros(sum(lengths), dtype=torch.bool))
        base = self._base_tokens(text, lengths, request, report, kept)
        clock.lap("token transformer")
        if self._networks.residual:
            ids = self._all_tokens(self._networks.residual, base, text, lengths, request, report, kept)
            clock.lap("residual transformer")
        else:
            ids = without_residual_tokens(base, self._networks.tokenizer.config.n_quantizers)
        return torch.where(kept.mask[:, None].to(ids.device), kept.ids.to(ids.device), ids)

    def _nothing(self, n_tokens: int) -> Tensor:
        return torch.zeros(n_tokens, self._networks.tokenizer.config.n_quantizers, dtype=torch.long)

    def _shaped(self, ids: Tensor, request: BodyRequest, recipe: Recipe, report: Report, clock: StageClock) -> list[BodyMotion]:
        features = self._decode(ids, request, report)
        clock.lap("flow decoder")
        motions = self._motions(features, request, recipe)
        clock.lap("features")
        return motions

    def _sentences(self, request: BodyRequest) -> list[str]:
        in_one_pass = request.seconds is None or self._n_tokens(request.seconds) <= LONGEST_WINDOW
        return [request.text.strip()] if in_one_pass and not self._settings.has_steps else prompt_steps(request.text)

    def _n_tokens(self, seconds: float) -> int:
        frames = round(seconds * self.fps) + 1
        return math.ceil(frames / FRAMES_PER_TOKEN)

    def _kept_lengths(self, kept: KeptTokens, count: int) -> list[int]:
        try:
            return share_made_tokens(kept.mask, count)
        except ValueError as error:
            seconds = int((~kept.mask).sum()) * FRAMES_PER_TOKEN / self.fps
            raise BadRequest(
                f"The prompt has {count} steps, and what is made of it lasts only {seconds:g} s: use fewer steps, or a longer range."
            ) from error

    def _step_lengths(self, text: EncodedText, seconds: float | None) -> list[int]:
        """Tokens of each step; seconds None lets the estimator decide."""
        if seconds is None:
            return self._networks.length.expected_tokens(text.pooled.to(self._device)).tolist()
        return share_tokens(self._n_tokens(seconds), len(text.pooled))

    def _base_tokens(self, text: EncodedText, lengths: list[int], request: BodyRequest, report: Report, kept: KeptTokens) -> Tensor:
        windows = plan_windows(lengths)
        ids = kept.ids[:, 0].to(self._device).repeat(request.variations, 1)
        # Candidate 0 is what a model without candidates draws
        generators = [each for candidate in range(self._candidates) for each in _generators(request, _BASE_STREAM + candidate * _STREAMS)]
        settings = replace(self._settings.unmasking, guidance=self._guidance(request))
        for number, window in enumerate(windows):
            given, keep = (each.repeat(self._candidates, 1) for each in self._given(ids, window, kept.mask))
            rows = self._rows(text, window, request)
            made = generate_base_tokens(
                self._networks.tokens, rows.repeat(self._candidates), torch.full_like(given[:, 0], given.shape[1]), settings,
                generators, given, keep, _stage(report, "Planning the motion", number, len(windows)),
            )  # fmt: skip
            ids[:, window.start : window.end] = self._best(made[:, window.start - window.context :], rows)
        return ids

    @property
    def _candidates(self) -> int:
        return self._settings.candidates if self._networks.matcher else 1

    def _best(self, ids: Tensor, rows: EncodedText) -> Tensor:
        """Of candidate after candidate for all variations (K V, n), the one of each variation that fits its sentence best: (V, n)."""
        matcher = self._networks.matcher
        return best_fitting(matcher, ids, rows, self._candidates) if matcher else ids

    def _all_tokens(
        self, residual: ResidualTransformer, base: Tensor, text: EncodedText, lengths: list[int], request: BodyRequest, report: Report,
        kept: KeptTokens,
    ) -> Tensor:  # fmt: skip
        windows = plan_windows(lengths)
        ids = kept.ids.to(self._device).repeat(request.variations, 1, 1)
        generators = _generators(request, _RESIDUAL_STREAM)
        settings = replace(self._settings.residual, guidance=self._residual_guidance(self._guidance(request)))
        for number, window in enumerate(windows):
            given, keep = self._given(ids, window, kept.mask)
            made = generate_residual_tokens(
                residual, base[:, window.context : window.end], self._rows(text, window, request), settings,
                generators, given, keep, _stage(report, "Adding detail", number, len(windows)),
            )  # fmt: skip
            ids[:, window.start : window.end] = made[:, window.start - window.context :]
        return ids

    @staticmethod
    def _given(ids: Tensor, window: Window, mask: Tensor) -> tuple[Tensor, Tensor]:
        given = ids[:, window.context : window.end]
        made_before = torch.arange(window.context, window.end) < window.start
        keep = (made_before | mask[window.context : window.end].cpu()).to(ids.device)
        return given, keep.expand(given.shape[:2])

    def _rows(self, text: EncodedText, window: Window, request: BodyRequest) -> EncodedText:
        return text.rows(slice(window.step, window.step + 1)).repeat(request.variations).to(self._device)

    def _guidance(self, request: BodyRequest) -> float:
        return self._settings.unmasking.guidance if request.guidance is None else request.guidance

    def _residual_guidance(self, guidance: float) -> float:
        """The residual layers follow the animator's guidance in the bundle's proportion; 1 stays 1."""
        usual, residual = self._settings.unmasking.guidance, self._settings.residual.guidance
        return 1 + (guidance - 1) * (residual - 1) / (usual - 1) if usual != 1 else residual

    def _decode(self, ids: Tensor, request: BodyRequest, report: Report) -> Tensor:
        """ids (V, n, Q) to normalised features (V, 4 n, D)."""
        codes = self._networks.tokenizer.quantizer.lookup(ids)
        shape = (ids.shape[1] * FRAMES_PER_TOKEN, self._representation.n_features)
        noise = torch.stack([torch.randn(shape, generator=generator) for generator in _generators(request, _FLOW_STREAM)])
        at_once = max(1, _FRAMES_AT_ONCE // shape[0])
        parts = list(zip(codes.split(at_once), noise.split(at_once), strict=True))
        decoded = []
        for number, (part, start) in enumerate(parts):
            on_step = _stage(report, SHAPING_STAGE, number, len(parts))
            decoded.append(self._decoded(part, start, request.steps, on_step))
        return torch.cat(decoded)

    def _decoded(self, codes: Tensor, noise: Tensor, steps: int, on_step: Callable[[int, int], None]) -> Tensor:
        """A bundle without a flow decoder has the tokenizer's own."""
        flow, coarse = self._networks.flow, self._networks.tokenizer.decoder
        if not flow:
            return coarse(codes)
        return flow.decode(codes, noise.to(self._device), steps, on_step, coarse(codes) if flow.config.refines else None)

    def _motions(self, features: Tensor, request: BodyRequest, recipe: Recipe) -> list[BodyMotion]:
        frames = features.shape[1] if request.seconds is None else round(request.seconds * self.fps) + 1
        filled = replace(
            recipe, text=request.text, seconds=round((frames - 1) / self.fps, 6), steps=request.steps,
            guidance=self._guidance(request), lock_feet=request.lock_feet,
        )  # fmt: skip
        motions = [
            self._representation.decode(rows[:frames], replace(filled, seed=seed_of(request, variation), variation=variation))
            for variation, rows in enumerate(features)
        ]
        return [lock_feet(motion) for motion in motions] if request.lock_feet else motions


def seed_of(request: BodyRequest, variation: int) -> int:
    """Variation k of seed s is what seed s + k makes alone."""
    return (request.seed + variation) % 2**31


def _generators(request: BodyRequest, stream: int) -> list[torch.Generator]:
    seeds = [seed_of(request, variation) for variation in range(request.variations)]
    return [torch.Generator().manual_seed((seed + stream * _STREAM_STEP) % 2**32) for seed in seeds]


def _stage(report: Report, name: str, number: int, count: int) -> Callable[[int, int], None]:
    """on_step for one of `count` equal parts of a stage."""
    return lambda done, total: report(name, number * total + done, count * total)


def _quiet(_stage: str, _step: int, _total: int) -> None:
    pass
