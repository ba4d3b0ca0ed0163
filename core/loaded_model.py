"""The model of one kind that was asked for last, kept until another is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import torch

from .given_back import give_memory_back

Pipeline = TypeVar("Pipeline")
Card = TypeVar("Card")
Report = Callable[[str, int, int], None]


class LoadedModel(Generic[Pipeline, Card]):
    """read_card: of a model's folder. load: the model itself; both raise WeightsError."""

    def __init__(self, read_card: Callable[[Path], Card], load: Callable[[Path, torch.device], tuple[Pipeline, Card]]) -> None:
        self._read_card, self._load = read_card, load
        self._kept: tuple[tuple[Path, str], Pipeline, Card] | None = None

    def get(self, folder: Path, device: torch.device, report: Report) -> tuple[Pipeline, Card]:
        """Loaded now, unless it is there and its card is still the same."""
        if self._kept is None or self._kept[0] != (folder, str(device)) or self._kept[2] != self._read_card(folder):
            self._kept = None
            report("Loading the model", 0, 1)
            self._kept = ((folder, str(device)), *self._load(folder, device))
            give_memory_back()  # what loading needed beside the model
        return self._kept[1], self._kept[2]

    def drop(self) -> bool:
        """Forgets it; whether there was one."""
        was_there, self._kept = self._kept is not None, None
        return was_there
