"""`python -m core convert-face`: a face motion file into another face space, by the geometry of the two heads."""

from __future__ import annotations

import argparse
from pathlib import Path

from .contract import ARKIT, BadRequest, FaceAmounts, FaceMotion, UnderstudyError, with_amounts
from .contract.head import fit_conversion
from .motion_output import output_files, save_motion
from .named_head import named_head


def add_conversion_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("convert-face", help="a face motion into another face space: FLAME's into ARKit's shapes, and back")
    parser.add_argument("motion", type=Path, help="an .npz file of a face motion")
    parser.add_argument("--from", dest="source", type=Path, help="the FLAME model that the motion is of; Understudy's own head if left out")
    parser.add_argument("--to", dest="target", type=Path, help="the FLAME model that it shall be of; Understudy's own head if left out")
    parser.add_argument("--out", type=Path, required=True, help="an .npz file")
    parser.set_defaults(run=_convert)


def _convert(options: argparse.Namespace) -> None:
    (out,) = output_files(options.out, 1)
    motion = _motion(options.motion)
    source, target = named_head(options.source), named_head(options.target)
    if source.space != motion.space:
        raise BadRequest(
            f"{options.motion.name} is of the face space {motion.space} and the head to read it by of {source.space}:"
            f" name {'no model' if motion.space == ARKIT else 'the FLAME model of that release'} with --from."
        )
    if target.space == source.space:
        raise BadRequest(f"{options.motion.name} is of the face space {motion.space} already: name another model with --to.")
    try:
        conversion = fit_conversion(source, target)
    except BadRequest as reason:
        raise BadRequest(f"The two heads cannot be compared: {reason}.") from reason
    # ARKit's shapes close lids, and FLAME has no track of its own for them
    converted, error = conversion.convert_measured(with_amounts(motion, FaceAmounts()) if motion.space == ARKIT else motion)
    save_motion(converted, out)
    print(
        f"{out}: {motion.seconds:.2f} s, from {motion.space} to {target.space}, off by {error.rms_mm:.2f} of {error.moved_mm:.2f} mm"
        f" (root mean square), the lips' opening by {error.lips_mm:.2f} mm"
    )


def _motion(path: Path) -> FaceMotion:
    try:
        return FaceMotion.load(path)
    except OSError as error:
        raise UnderstudyError(f"{path} cannot be opened ({error.strerror}): choose a face motion, an .npz.") from error
