"""What is needed to make the same motion again, as it is stored with the motion."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class StoredRecipe:
    """How every recipe is written and read."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Unknown entries of newer versions are left out. Raises ValueError or TypeError for what is no recipe."""
        entries = json.loads(text)
        if not isinstance(entries, dict):
            raise TypeError("its recipe cannot be read")
        return cls(**{name: value for name, value in entries.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Recipe(StoredRecipe):
    """A body's. `model` is a bundle's name, `weights` the first 16 digits of its sha256."""

    text: str = ""
    seconds: float = 0.0
    seed: int = 0
    steps: int = 0
    guidance: float = 0.0
    variation: int = 0
    model: str = ""
    weights: str = ""
    version: str = ""
    lock_feet: bool = False


@dataclass(frozen=True)
class FaceRecipe(StoredRecipe):
    """A face's. audio: name of the sound file. emotion: its name, empty for what the voice sounds like. intensity: 0..1."""

    audio: str = ""
    emotion: str = ""
    intensity: float = 1.0
    seed: int = 0
    variation: int = 0
    model: str = ""
    weights: str = ""
    version: str = ""
