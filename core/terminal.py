"""Progress on a terminal: one line that moves, or a line now and then where stderr is a file."""

from __future__ import annotations

import sys
import time


class ProgressLine:
    """Call it with (stage, step, total) as often as you like."""

    SECONDS_BETWEEN_LINES = 5.0

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._stage = ""
        self._last = 0.0

    def __call__(self, stage: str, step: int, total: int) -> None:
        now = time.monotonic()
        due = now - self._last > (0.1 if self._is_terminal else self.SECONDS_BETWEEN_LINES)
        if stage == self._stage and not due and step < total:
            return
        self._last = now
        if self._is_terminal:
            self._overwrite(stage, step, total)
        elif due or stage != self._stage:
            print(f"{stage} {step}/{total}", file=sys.stderr, flush=True)
        self._stage = stage

    def finish(self) -> None:
        if self._is_terminal and self._stage:
            print(file=sys.stderr)

    def _overwrite(self, stage: str, step: int, total: int) -> None:
        filled = round(24 * step / max(total, 1))
        print(f"\r{stage:<24.24} [{'=' * filled:<24}] {step}/{total}   ", end="", file=sys.stderr, flush=True)
