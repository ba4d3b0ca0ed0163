"""Motions as npz files that say what they are: written whole or not at all, read without pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

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


def load_npz(path: Path, file_format: str, what: str, build: Callable[[Mapping[str, np.ndarray]], Motion]) -> Motion:
    """`build` of the file's arrays. Raises BadRequest for one that is of another format or cannot be built, OSError for one not opened."""
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                if str(arrays["format"]) != file_format:
                    raise ValueError(f"its format is {arrays['format']}")
                return build(arrays)
        except Exception as error:  # numpy, zipfile, zlib and json all have their own for a damaged file
            raise BadRequest(f"{path.name} is not a {what} written by Understudy ({error}): make it again.") from error
