"""`python -m core face`: a sound file to face motion files."""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from .contract import (
    ARKIT,
    EMOTIONS,
    MAX_AMOUNT,
    MAX_DIVERSITY,
    MAX_SEED,
    MAX_TEMPERATURE,
    BadRequest,
    EmotionChange,
    FaceAmounts,
    FaceMotion,
    FaceReply,
    FaceRequest,
    with_amounts,
)
from .contract.head import lower_face
from .motion_output import output_files, save_motion
from .named_head import named_head

_PARTS = {
    "lips": "lips and tongue move",
    "jaw": "the mouth opens",
    "upper_face": "brows, lids, cheeks and nose move, but for blinks",
    "blinks": "blinks close the lids",
    "head": "the head turns",
    "gaze": "the eyes turn",
}


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
    parser.add_argument(
        "--diversity", type=float, default=0.0, help=f"0 keeps to the middle of an emotion, 1 draws around it; at most {MAX_DIVERSITY:g}"
    )
    parser.add_argument(
        "--temperature", type=float, default=0.0, help=f"0 takes the likeliest movements, more others too; at most {MAX_TEMPERATURE:g}"
    )
    parser.add_argument("--actor", "--style", type=int, default=0, help="speaking style, where a model has several: a number from 0")
    parser.add_argument("--seed", type=int, help=f"0 to {MAX_SEED}; random if left out")
    parser.add_argument("--variations", type=int, default=1, help="how many faces are made, with seeds one after another")
    parser.add_argument("--model", default=FaceRequest.model, help="name of a face model, or its folder")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="what it is computed on")
    for field in fields(FaceAmounts):
        help_text = f"how far {_PARTS[field.name]}: 0 to {MAX_AMOUNT:g}, 1 as the model made it"
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=1.0, help=help_text)
    parser.add_argument("--flame", type=Path, help="your FLAME model, by which lips and upper face of FLAME's coefficients are told apart")
    parser.add_argument("--out", type=Path, required=True, help="an .npz file; variations get numbers")
    parser.set_defaults(run=_face)


def _face(options: argparse.Namespace) -> None:
    request, amounts = _request(options), FaceAmounts(**{field.name: getattr(options, field.name) for field in fields(FaceAmounts)})
    request.validate()
    amounts.validate()
    files = output_files(options.out, options.variations)
    mouth = _mouth(request.model, amounts, options.flame)
    reply = _reply(request)
    for path, motion in zip(files, reply.motions, strict=True):
        save_motion(_weighed(motion, amounts, mouth), path)
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


def _mouth(model: str, amounts: FaceAmounts, flame: Path | None) -> np.ndarray | None:
    """What `with_amounts` takes as lower_face; None where a model's shapes tell it by their names, or no head is named, which is said.

    Raises BadRequest for a head of another space than the model's.
    """
    from .face_bundles import find_face_bundle, read_face_card, typed_face_bundle
    from .model_folders import model_folders

    card = read_face_card(find_face_bundle(typed_face_bundle(model), model_folders()))
    if card.face_space == ARKIT or amounts.lips == amounts.upper_face:
        return None
    if flame is None:
        mean = (amounts.lips + amounts.upper_face) / 2
        print(
            f"Coefficients of {card.face_space} move the whole face at once, so that lips and upper face are both scaled by {mean:g}, the"
            " mean of the two: name your FLAME model with --flame to scale each by its own.", file=sys.stderr,
        )  # fmt: skip
        return None
    head = named_head(flame)
    if head.space != card.face_space:
        raise BadRequest(f"{flame.name} is a head of {head.space} and the model speaks in {card.face_space}: name that release of FLAME.")
    try:
        return lower_face(head, card.basis.names)
    except ValueError as error:
        raise BadRequest(
            f"{flame.name} has {len(head.expression_names)} expressions and the model speaks in {len(card.basis.names)}: name a whole one."
        ) from error


def _weighed(motion: FaceMotion, amounts: FaceAmounts, mouth: np.ndarray | None) -> FaceMotion:
    """As the model made it where nothing was asked for, so that amounts can still be chosen later."""
    return motion if amounts == FaceAmounts() else with_amounts(motion, amounts, mouth)


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
