"""Values of requests that lie outside of what can be used, said in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .errors import BadRequest

MAX_SEED = 2**31 - 1  # the largest value of Blender's integer properties
MAX_VARIATIONS = 16


def check_range(what: str, value: float, low: float, high: float) -> None:
    """Raises BadRequest where the value is not between both, NaN included."""
    if not low <= value <= high:
        shown, lowest, highest = (f"{number:,}" if isinstance(number, int) else f"{number:g}" for number in (value, low, high))
        raise BadRequest(f"The {what} is {shown}: choose between {lowest} and {highest}.")


def check_seconds(what: str, value: float) -> None:
    """Raises BadRequest for a time before 0 s, and for one that is no number."""
    if not 0 <= value < math.inf:
        raise BadRequest(f"The {what} is {value:g} s: choose 0 s or later.")


def check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    """Raises BadRequest for what is not one of the choices."""
    if value not in choices:
        raise BadRequest(f'The {what} "{value}" is not known: choose {", ".join(choices[:-1])} or {choices[-1]}.')
