"""The engine itself: making it ready before it is needed, and the memory that it holds on the graphics card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WarmUp:
    """Loads a body model and tries it, so that the next request finds it ready. Answered by Progress(id, "warm", 1, 1), or a Failure.

    model: a bundle's name, or the full path of its folder. device: "auto", "cpu" or "cuda". A request that comes meanwhile cancels it.
    """

    id: int
    model: str
    device: str = "auto"


@dataclass(frozen=True)
class CardMemory:
    """Megabytes of the graphics card after job `id`: held by the engine, free for everybody, and all there are."""

    id: int
    held_mb: float
    free_mb: float
    total_mb: float
