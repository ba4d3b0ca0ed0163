"""How far a job is, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Job `id` has done `step` of `total` steps of a stage named in words for the panel."""

    id: int
    stage: str
    step: int
    total: int


@dataclass(frozen=True)
class StageTime:
    """Seconds of wall time that one stage of a job took."""

    stage: str
    seconds: float
