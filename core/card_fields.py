"""Dataclasses as the JSON of a card, and back from a card that nobody vouches for: every field is checked."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from pathlib import Path
from typing import Any, TypeVar

from .contract import WeightsError

T = TypeVar("T")


def dataclass_to_json(path: Path, value: Any) -> None:
    """Writes a dataclass as a file that people can read, too."""
    path.write_text(json.dumps(dataclasses.asdict(value), indent=1) + "\n", encoding="utf-8")


def read_card_file(kind: type[T], path: Path, file_format: str, missing: str) -> T:
    """A model's card. missing: the sentence for a folder without one. Raises WeightsError for one that cannot be read."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.get("format") != file_format:
            raise ValueError(f"its format is {stored.get('format')!r}")
        return dataclass_from_json(kind, stored)
    except FileNotFoundError as error:
        raise WeightsError(missing) from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"The model card {path} cannot be read ({error}): install the model again.") from error


def dataclass_from_json(kind: type[T], values: Any) -> T:
    """A dataclass from JSON; lists become tuples, nested dataclasses are built too.

    TypeError for unknown or missing fields and for values of another type, ValueError for numbers that no field means.
    """
    annotations = typing.get_type_hints(kind)
    if not isinstance(values, dict) or not values.keys() <= annotations.keys():
        raise TypeError(f"{values!r:.80} does not hold the fields of {kind.__name__}")
    return kind(**{name: _field(annotations[name], value, name) for name, value in values.items()})


def _field(annotation: Any, value: Any, name: str) -> Any:
    if type(None) in typing.get_args(annotation):
        if value is None:
            return None
        (annotation,) = (kind for kind in typing.get_args(annotation) if kind is not type(None))
    if dataclasses.is_dataclass(annotation):
        return dataclass_from_json(typing.cast(type, annotation), value)
    if typing.get_origin(annotation) is tuple and isinstance(value, list):
        kinds = typing.get_args(annotation)
        kinds = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
        if len(kinds) == len(value):
            return tuple(_field(kind, item, name) for kind, item in zip(kinds, value, strict=True))
    if annotation is float and type(value) is int:
        value = float(value)
    if type(value) is not annotation:
        raise TypeError(f"{name} is {value!r:.80}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value}")
    return value
