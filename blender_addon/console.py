"""Keeps what Blender prints by itself, such as a line for every rendered frame, out of the terminal: in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def blender_prints_to(log: Path) -> Iterator[TextIO]:
    """Gives a stream to the usual standard output. Meanwhile `sys.stdout` and C's own output lead into `log`, a new file.

    `sys.stderr` still reaches the terminal, where our progress is shown. Errors: OSError where the log cannot be written.
    """
    usual = sys.stdout, sys.stderr
    for stream in usual:
        stream.flush()
    with log.open("w", encoding="utf-8", errors="replace", buffering=1) as file:
        kept = os.dup(1), os.dup(2)
        terminal, sys.stderr = (os.fdopen(os.dup(copy), "w", buffering=1, encoding="utf-8", errors="replace") for copy in kept)
        sys.stdout = file
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield terminal
        finally:
            terminal.close()
            sys.stderr.close()
            sys.stdout, sys.stderr = usual
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
