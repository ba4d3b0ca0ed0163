"""Keying in slices, so that Blender goes on drawing between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
_NAP_SECONDS = 0.005


def in_one_go(slices: Generator[None, None, Result]) -> Result:
    """Works through all slices; what they return."""
    while True:
        try:
            next(slices)
        except StopIteration as finished:
            return finished.value


def in_thread(work: Callable[[], Result]) -> Generator[None, None, Result]:
    """Lets a thread do what takes seconds and touches nothing of Blender; what it returns or raises. Closed early, it is left to itself."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=do, name="understudy conversion", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_NAP_SECONDS)
        yield
    if errors:
        raise errors[0]
    return results[0]
