"""How long the stages of a job take."""

from __future__ import annotations

import time

from .contract import StageTime


class StageClock:
    """laps: the stages so far."""

    def __init__(self) -> None:
        self.laps: list[StageTime] = []
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What was done since the last lap was this stage."""
        now = time.perf_counter()
        self.laps.append(StageTime(stage, now - self._last))
        self._last = now
