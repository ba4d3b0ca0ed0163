"""`python -m core face`: a sound file to face motion files."""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import fields, replace
from pathlib import Path

from .contract import (
    EMOTIONS,
    MAX_SEED,
    BadRequest,
    EmotionChange,
    FaceAmounts,
    FaceMotion,
    FaceReply,
    FaceRequest,
    with_amounts,
)
from .motion_output import output_files, save_motion


def add_face_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("face", help="a voice to a face motion file")
    parser.add_argument("--audio", type=Path, required=True, help="a wav, flac, ogg or mp3 file")
    parser.add_argument("--start", type=float, default=0.0, help="seconds of it to leave out")
    parser.add_argument("--seconds", type=float, help="how much of it is spoken; up to its end if left out")
    parser.add_argument("--emotion", default="", help=f"{', '.join(EMOTIONS)}; as the voice sounds if left out")
    parser.add_argument("--emotion-audio", type=Path, help="another sound file: the face looks as that one sounds")
    parser.add_argument("--intensity", type=float, default=1.0, help="0 is neutral, 1 usual, at most 2")
    parser.add_argument(
        "--change", action="append", default=[], metavar="SECONDS:EMOTION[:INTENSITY]",
        help="another emotion from there on, such as 2.5:sad:0.8, or 4: for what the voice sounds like; may be given again",
    )  # fmt: skip
    parser.add_argument("--diversity", type=float, default=0.0, help="0 keeps to the middle of an emotion, 1 draws around it")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest movements, more draws others too")
    parser.add_argument("--actor", type=int, default=0, help="speaking style, where the model has several")
    parser.add_argument("--seed", type=int, help=f"0 to {MAX_SEED}; random if left out")
    parser.add_argument("--variations", type=int, default=1)
    parser.add_argument("--model", default=FaceRequest.model, help="name of a face model, or its folder")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    for field in fields(FaceAmounts):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=1.0, help="amount, 0 to 2")
    parser.add_argument("--out", type=Path, required=True, help="an .npz file; variations get numbers")
    parser.set_defaults(run=_face)


def _face(options: argparse.Namespace) -> None:
    request, amounts = _request(options), FaceAmounts(**{field.name: getattr(options, field.name) for field in fields(FaceAmounts)})
    request.validate()
    amounts.validate()
    files = output_files(options.out, options.variations)
    reply = _reply(request)
    for path, motion in zip(files, reply.motions, strict=True):
        save_motion(_weighed(motion, amounts), path)
        print(f"{path}: {motion.recipe.seconds:.2f} s, {len(motion.expression)} frames, seed {motion.recipe.seed}")
    for notice in reply.notices:
        print(notice, file=sys.stderr)
    print(", ".join(f"{lap.stage} {lap.seconds:.2f} s" for lap in reply.times), file=sys.stderr)


def _request(options: argparse.Namespace) -> FaceRequest:
    seed = secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed
    return FaceRequest(
        1, str(options.audio.absolute()), options.start, options.seconds, options.emotion,
        str(options.emotion_audio.absolute()) if options.emotion_audio else "", options.intensity,
        tuple(map(_change, options.change)), options.diversity, options.temperature, options.actor, seed, options.variations,
        options.model, options.device,
    )  # fmt: skip


def _change(typed: str) -> EmotionChange:
    at, _, rest = typed.partition(":")
    emotion, _, intensity = rest.partition(":")
    try:
        return EmotionChange(float(at), emotion.strip(), float(intensity or 1.0))
    except ValueError as error:
        raise BadRequest(f'--change is "{typed}": give seconds, emotion and perhaps an intensity, such as 2.5:sad:0.8.') from error


def _weighed(motion: FaceMotion, amounts: FaceAmounts) -> FaceMotion:
    """As the model made it where nothing was asked for, so that amounts can still be chosen later."""
    return motion if amounts == FaceAmounts() else with_amounts(motion, amounts)


def _reply(request: FaceRequest) -> FaceReply:
    from .face_bundles import typed_face_bundle
    from .model_folders import model_folders
    from .service import Service
    from .terminal import ProgressLine

    request = replace(request, model=typed_face_bundle(request.model))
    progress = ProgressLine()
    try:
        return Service(model_folders()).face(request, progress)
    finally:
        progress.finish()
