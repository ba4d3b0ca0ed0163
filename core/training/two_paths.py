"""Programs of the training that make one file out of another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from ..contract import UnderstudyError


def run(argv: list[str], module: str, names: str, make: Callable[[Path, Path], None]) -> int:
    """Command line of `python -m core.training.MODULE` with the two paths `names`. Returns the exit status."""
    if len(argv) != 2:
        print(f"usage: python -m core.training.{module} {names}", file=sys.stderr)
        return 2
    try:
        make(Path(argv[0]), Path(argv[1]))
    except (OSError, ValueError, UnderstudyError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
