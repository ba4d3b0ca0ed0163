"""The head that a command line names: a FLAME model of the user's, or Understudy's own."""

from __future__ import annotations

from pathlib import Path

from .contract import UnderstudyError
from .contract.head import DEFAULT_HEAD, FaceGeometry, face_geometry, read_head


def named_head(path: Path | None) -> FaceGeometry:
    """None for our own. Raises UnderstudyError for a file that is none."""
    try:
        return face_geometry(read_head(path or DEFAULT_HEAD))
    except OSError as error:
        raise UnderstudyError(f"{path} cannot be opened ({error.strerror}): choose your FLAME model, a .pkl.") from error
