"""What is needed to make the same motion again, as it is stored with the motion."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from .emotions import EmotionChange


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
        return cls(**cls._known({name: value for name, value in entries.items() if name in cls.__dataclass_fields__}))

    @classmethod
    def _known(cls, entries: dict[str, Any]) -> dict[str, Any]:
        """The fields by their names, out of what JSON makes of them."""
        return entries


@dataclass(frozen=True)
class Recipe(StoredRecipe):
    """A body's. `model` is a bundle's name, `weights` the first 16 digits of its sha256.

    Of a motion of which a range was made anew it tells how that was made: start_s, end_s are the range, `source` is the recipe of the
    motion before as JSON, and `seconds` counts all of it.
    """

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
    start_s: float = 0.0
    end_s: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class FaceRecipe(StoredRecipe):
    """A face's. The fields are FaceRequest's, but `audio` and `emotion_audio` are names of files without their folders."""

    audio: str = ""
    emotion: str = ""
    intensity: float = 1.0
    seed: int = 0
    variation: int = 0
    model: str = ""
    weights: str = ""
    version: str = ""
    start_s: float = 0.0
    seconds: float = 0.0
    emotion_audio: str = ""
    changes: tuple[EmotionChange, ...] = ()
    diversity: float = 0.0
    temperature: float = 0.0
    actor: int = 0

    @classmethod
    def _known(cls, entries: dict[str, Any]) -> dict[str, Any]:
        return entries | {"changes": tuple(EmotionChange(**change) for change in entries.get("changes", ()))}
