"""Motions as npz files that say what they are: written whole or not at all, read without pickle."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from .errors import BadRequest

Motion = TypeVar("Motion")


def save_npz(path: Path, file_format: str, arrays: Mapping[str, Any]) -> None:
    """Writes the arrays and, under `format`, what they are."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, format=np.array(file_format), **arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def npz_bytes(file_format: str, arrays: Mapping[str, Any]) -> bytes:
    """Such a file's content, not compressed: floats shrink by a tenth only, and that takes a second for an hour of a face."""
    file = io.BytesIO()
    np.savez(file, format=np.array(file_format), **arrays)
    return file.getvalue()


def load_npz(path: Path, file_format: str, what: str, build: Callable[[Mapping[str, np.ndarray]], Motion]) -> Motion:
    """`build` of the file's arrays. Raises BadRequest for one that is of another format or cannot be built, OSError for one not opened."""
    with path.open("rb") as file:
        return _built(file, path.name, file_format, what, build)


def npz_from_bytes(
    data: bytes, name: str, file_format: str, what: str, build: Callable[[Mapping[str, np.ndarray]], Motion]
) -> Motion:
    """As `load_npz`, of the content of a file that errors call `name`."""
    return _built(io.BytesIO(data), name, file_format, what, build)


def _built(file: BinaryIO, name: str, file_format: str, what: str, build: Callable[[Mapping[str, np.ndarray]], Motion]) -> Motion:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if str(arrays["format"]) != file_format:
                raise ValueError(f"its format is {arrays['format']}")
            return build(arrays)
    except Exception as error:  # numpy, zipfile, zlib and json all have their own for a damaged file
        raise BadRequest(f"{name} is not a {what} written by Understudy ({error}): make it again.") from error
