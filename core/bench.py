"""Time, parameters and memory of each stage, for the starter's sizes and for the published ones, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from .bench_rows import Row, measured, n_parameters
from .body.features import FPS
from .body.flow_decoder import RectifiedFlowDecoder
from .body.motion_tokens import FRAMES_PER_TOKEN
from .body.residual_tokens import ResidualSettings, generate_residual_tokens, without_residual_tokens
from .body.text_encoder import EncodedText
from .body.token_generator import UnmaskingSettings, generate_base_tokens
from .body.token_matcher import best_fitting
from .body.token_plan import LONGEST_WINDOW
from .checkpoints import BodyConfigs, build_networks, load_text_encoder
from .contract import BadRequest, Quality, UnderstudyError
from .face_bench import bench_face_memory, bench_faces
from .ready_networks import make_quick, make_ready
from .service import pick_device
from .training.face.face_sizes import finished_sizes, starter_sizes
from .training.sizes import STARTER, of_readings
from .weights_import.published import PUBLISHED
from .weights_import.published_face import PUBLISHED_FACE
from .worker_memory import measure_worker

MOST_AT_ONCE = 64
CANDIDATES = 4  # as our own bundles are made
N_CONTENTS, N_STYLES = 62, 68  # that the starter's reader tells apart
PROMPT = "a person walks forward and waves with the right hand"


def bench(seconds: float, repeats: int, device_name: str, threads: int | None) -> None:
    """Prints one table a size, and on a graphics card the curve of `bench_batches`. Raises BadRequest as that does."""
    device, n_tokens = _begun(seconds, repeats, device_name, threads)
    encoder = _encoder_row(repeats)
    for title, configs in (("starter", _as_shipped(STARTER)), ("published sizes", PUBLISHED)):
        rows = _Stages(configs, device, n_tokens, repeats).rows()
        _print_table(title, [encoder, *rows] if encoder and title == "starter" else rows)
    if device.type == "cuda":
        _print_curve(device, n_tokens, repeats, MOST_AT_ONCE)
    else:
        print("\n(The curve over batch sizes is for a graphics card, and takes minutes on a processor: ask for it with --batches.)")


def bench_batches(seconds: float, repeats: int, device_name: str, threads: int | None, most: int) -> None:
    """Prints what motions of the published sizes take that are made 1, 2, 4, ... and up to `most` at once.

    Raises BadRequest for a length that one window of tokens does not hold, and for less than one motion.
    """
    if most < 1:
        raise BadRequest(f"A curve of up to {most} motions at once cannot be drawn: give 1 or more.")
    device, n_tokens = _begun(seconds, repeats, device_name, threads)
    _print_curve(device, n_tokens, repeats, most)


def bench_memory(seconds: float, threads: int | None) -> None:
    """Prints what a worker on the CPU holds of the published sizes with CLIP. Raises UnderstudyError where it cannot make a motion."""
    memory = measure_worker(seconds, threads)
    print(
        f"worker, published sizes and CLIP, {seconds:g} s of motion: {memory.waiting:.0f} MB waiting, {memory.highest:.0f} MB at most,"
        f" {memory.loaded:.0f} MB with all loaded, {memory.unloaded:.0f} MB unloaded"
    )


def bench_face(seconds: float | None, repeats: int, device_name: str, threads: int | None, memory: bool) -> None:
    """Prints what faces of the starter's and of the published sizes take, or what memory the starter's takes for a long sound."""
    if memory:
        bench_face_memory(finished_sizes(starter_sizes()), 3600.0 if seconds is None else seconds, threads)
        return
    sizes = {"starter": finished_sizes(starter_sizes()), "published sizes": PUBLISHED_FACE}
    bench_faces(sizes, 9.6 if seconds is None else seconds, repeats, device_name, threads)


def _begun(seconds: float, repeats: int, device_name: str, threads: int | None) -> tuple[torch.device, int]:
    """The device, and how many tokens are made on it; both are told."""
    n_tokens = -(-(round(seconds * FPS) + 1) // FRAMES_PER_TOKEN)
    if not 1 <= n_tokens <= LONGEST_WINDOW:
        raise BadRequest(f"The bench makes one window of up to {LONGEST_WINDOW * FRAMES_PER_TOKEN / FPS:g} s, not {seconds:g} s.")
    if threads:
        torch.set_num_threads(threads)
    device = pick_device(device_name)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, {n_tokens * FRAMES_PER_TOKEN / FPS:.1f} s of motion, median of {repeats}")
    return device, n_tokens


def _print_curve(device: torch.device, n_tokens: int, repeats: int, most: int) -> None:
    print(f"\npublished sizes, Normal, made at once\n  {'motions':>8}{'ms':>12}{'ms a motion':>14}{'MB at work':>12}")
    stages = _Stages(PUBLISHED, device, n_tokens, repeats)
    for batch in batch_sizes(most):
        seconds, megabytes = measured(partial(stages.motions, batch), repeats, device)
        print(f"  {batch:>8}{seconds * 1e3:>12.1f}{seconds * 1e3 / batch:>14.1f}{megabytes:>12.0f}", flush=True)


def batch_sizes(most: int) -> list[int]:
    """1, 2, 4, ... below `most`, and it."""
    return [*(2**power for power in range((most - 1).bit_length())), most]


def _as_shipped(configs: BodyConfigs) -> BodyConfigs:
    """Without a residual transformer, and with a reader of as many classes as the starter's."""
    if not configs.reader or not configs.matcher:
        return replace(configs, residual=None)
    reader = replace(configs.reader, contents=("",) * N_CONTENTS, styles=("",) * N_STYLES)
    tokens, matcher = of_readings(configs.tokens, reader), of_readings(configs.matcher, reader)
    return replace(configs, residual=None, tokens=tokens, matcher=matcher, reader=reader)


class _Stages:
    def __init__(self, configs: BodyConfigs, device: torch.device, n_tokens: int, repeats: int) -> None:
        torch.manual_seed(0)
        self._configs, self._device, self._repeats = configs, device, repeats
        self._networks = build_networks(configs)
        make_ready(self._networks, device)
        self._parameters = {network: n_parameters(network) for network in self._networks.present().values()}
        make_quick(self._networks, device)
        words = 12 if configs.tokens.word_width else 0
        pooled, word_vectors = torch.randn(1, configs.length.text_width), torch.randn(1, words, configs.tokens.word_width)
        self._encoded = EncodedText(pooled, word_vectors, torch.zeros(1, words, dtype=torch.bool)).to(device)
        self._text = self._read()
        self._lengths = torch.tensor([n_tokens], device=device)
        self._noise = torch.randn(1, n_tokens * FRAMES_PER_TOKEN, configs.tokenizer.n_features, device=device)

    def rows(self) -> list[Row]:
        networks = self._networks
        base = self._base()
        ids = self._all_layers(base)
        codes = networks.tokenizer.quantizer.lookup(ids)
        rows = [
            self._row("length estimator", networks.length, lambda: networks.length(self._encoded.pooled)),
            self._row(self._token_stage, networks.tokens, self._base),
        ]
        if networks.reader:
            rows.insert(1, self._row("reader", networks.reader, self._read))
        if networks.residual:
            rows.append(self._row("residual transformer", networks.residual, lambda: self._all_layers(base)))
        if flow := networks.flow:
            rows += [
                self._row(f"flow decoder, {quality.name.title()}", flow, partial(self._flow, flow, codes, quality.value))
                for quality in Quality
            ]
        rows.append(self._row("VQ decoder (not used)", networks.tokenizer, lambda: networks.tokenizer.decode(ids)))
        return rows

    def motions(self, batch: int) -> Tensor:
        """The features (B, T, D) of this many different motions, from their prompts on."""
        text, lengths = self._text.repeat(batch), self._lengths.repeat(batch)
        base = generate_base_tokens(self._networks.tokens, text, lengths, UnmaskingSettings(), _generators(batch))
        residual, flow = self._networks.residual, self._networks.flow
        assert residual is not None and flow is not None
        ids = generate_residual_tokens(residual, base, text, ResidualSettings(), _generators(batch))
        codes = self._networks.tokenizer.quantizer.lookup(ids)
        return flow.decode(codes, self._noise.repeat(batch, 1, 1), Quality.NORMAL.value)

    @property
    def _token_stage(self) -> str:
        return f"tokens, best of {CANDIDATES}" if self._networks.matcher else "token transformer"

    def _read(self) -> EncodedText:
        return self._networks.reader.read(self._encoded) if self._networks.reader else self._encoded

    def _base(self) -> Tensor:
        matcher, count = self._networks.matcher, CANDIDATES if self._networks.matcher else 1
        generators = [torch.Generator() for _ in range(count)]
        text = self._text.repeat(count)
        ids = generate_base_tokens(self._networks.tokens, text, self._lengths.repeat(count), UnmaskingSettings(), generators)
        return best_fitting(matcher, ids, self._text, count) if matcher else ids

    def _all_layers(self, base: Tensor) -> Tensor:
        residual = self._networks.residual
        if not residual:
            return without_residual_tokens(base, self._configs.tokenizer.n_quantizers)
        return generate_residual_tokens(residual, base, self._text, ResidualSettings(), [torch.Generator()])

    def _flow(self, flow: RectifiedFlowDecoder, codes: Tensor, steps: int) -> Tensor:
        sketch = self._networks.tokenizer.decoder(codes) if flow.config.refines else None
        return flow.decode(codes, self._noise, steps, sketch=sketch)

    def _row(self, stage: str, network: nn.Module, work: Callable[[], object]) -> Row:
        seconds, megabytes = measured(work, self._repeats, self._device)
        return Row(stage, seconds, self._parameters[network], megabytes)


def _generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def _encoder_row(repeats: int) -> Row | None:
    try:
        encoder = load_text_encoder("all-MiniLM-L6-v2")
    except UnderstudyError as error:
        print(f"(without the text encoder: {error})")
        return None
    seconds, megabytes = measured(lambda: encoder.encode([PROMPT]), repeats, torch.device("cpu"))
    return Row("text encoder", seconds, encoder.n_parameters, megabytes)


def _print_table(title: str, rows: list[Row]) -> None:
    print(f"\n{title}\n  {'stage':<24}{'ms':>9}{'million parameters':>20}{'MB at work':>12}")
    for row in rows:
        print(f"  {row.stage:<24}{row.seconds * 1e3:>9.1f}{row.parameters / 1e6:>20.2f}{row.megabytes:>12.0f}")
    used = [row for row in rows if "Draft" not in row.stage and "High" not in row.stage and "not used" not in row.stage]
    weights = {row.stage.split(",")[0]: row.parameters for row in rows}
    print(f"  {'all, Normal':<24}{sum(row.seconds for row in used) * 1e3:>9.1f}{sum(weights.values()) / 1e6:>20.2f}")
