"""Keying in slices, so that Blender goes on drawing between them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")


def in_one_go(slices: Generator[None, None, Result]) -> Result:
    """Works through all slices; what they return."""
    while True:
        try:
            next(slices)
        except StopIteration as finished:
            return finished.value
