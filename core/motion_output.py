"""Motions of either kind from the command line into files."""

from __future__ import annotations

from pathlib import Path

from .contract import BadRequest, BodyMotion, FaceMotion, UnderstudyError


def output_files(out: Path, count: int) -> list[Path]:
    """--out, or as many numbered files. Raises BadRequest for another ending, or a folder that is not there."""
    if out.suffix != ".npz":
        raise BadRequest(f"--out is {out}, but motions are written as .npz files: give a name such as motion.npz.")
    if not _is_folder(out.absolute().parent):
        raise BadRequest(f"The folder {out.absolute().parent} does not exist: make it first, or choose another place with --out.")
    return [out] if count == 1 else [out.with_name(f"{out.stem}_{number}.npz") for number in range(1, count + 1)]


def save_motion(motion: BodyMotion | FaceMotion, path: Path) -> None:
    """Raises UnderstudyError where the file cannot be written."""
    try:
        motion.save(path)
    except OSError as error:
        raise UnderstudyError(f"{path} cannot be written ({error.strerror}): choose another place with --out.") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the file system
        return False
