"""A network's call, recorded once for inputs of the same shapes and played again: on a graphics card one launch instead of hundreds.

One motion at a time keeps a card so little busy that it waits for Python between kernels. What is recorded is one step of a sampling
loop, not the loop, so that progress is still told and a cancel still heard between steps. A recording that does not give what the network
gives is never used: a fault costs its time once.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-5  # largest difference to the network itself; the same kernels run, so that there is none
_KEPT = 4  # recordings of one network, because each holds what its kernels need
_CHECKS = 2  # on the inputs that it was recorded with, and on the next, which shows that it reads them
_CALLS_BEFORE = 2  # with the same shapes: what is asked for once is not worth recording
_LARGEST = 500_000  # numbers that go in: beyond, kernels take longer than their launches, and a recording holds much memory

Call = Callable[..., Tensor]
Play = Callable[[], Tensor]


class RecordedCalls:
    """Stands in the place of a function of tensors, lists and dataclasses of them, that gives a new tensor and changes nothing."""

    def __init__(self, call: Call, record: Callable[[Play], Play]) -> None:
        """record: makes of work without arguments what plays it again on what its tensors then hold, always into the same tensor."""
        self._call, self._record = call, record
        self._recordings: OrderedDict[Hashable, _Recording] = OrderedDict()
        self._calls: Counter[Hashable] = Counter()
        self._is_given_up = False

    def __call__(self, *arguments: object) -> Tensor:
        leaves = list(_leaves(arguments))
        if self._is_given_up or _count(leaves) > _LARGEST:
            return self._call(*arguments)
        shapes = tuple(_shape(leaf) for leaf in leaves)
        recording = self._recordings.get(shapes)
        if recording is not None and recording.checks_passed == _CHECKS and (played := self._played(recording, leaves)) is not None:
            self._recordings.move_to_end(shapes)
            return played
        result = self._call(*arguments)
        self._calls[shapes] += 1
        if self._calls[shapes] > _CALLS_BEFORE and not self._is_given_up:
            self._check(shapes, arguments, result)
        return result

    def _played(self, recording: _Recording, leaves: list[object]) -> Tensor | None:
        try:
            return recording.played(leaves)
        except Exception as error:
            self._give_up(f"it failed ({type(error).__name__}: {error})")
            return None

    def _check(self, shapes: Hashable, arguments: tuple[object, ...], expected: Tensor) -> None:
        """Plays what is recorded, or recorded now, beside what the network gave."""
        try:
            recording = self._recordings.get(shapes) or _Recording(self._call, arguments, self._record)
            difference = _difference(recording.played(list(_leaves(arguments))), expected)
        except Exception as error:
            self._give_up(f"it cannot be ({type(error).__name__}: {error})")
            return
        if not difference <= TOLERANCE:
            self._give_up(f"what was played was {difference:.3g} off")
            return
        recording.checks_passed += 1
        self._recordings[shapes] = recording
        if len(self._recordings) > _KEPT:
            self._recordings.popitem(last=False)

    def _give_up(self, why: str) -> None:
        self._is_given_up = True
        self._recordings.clear()
        print(f"understudy: a network is not recorded, because {why}: it is computed kernel by kernel.", file=sys.stderr, flush=True)


class _Recording:
    """One recorded call, with inputs of its own that each playing fills."""

    def __init__(self, call: Call, arguments: tuple[object, ...], record: Callable[[Play], Play]) -> None:
        own = _copied(arguments)
        self.checks_passed = 0
        self._inputs = list(_leaves(own))
        self._play = record(lambda: call(*own))

    def played(self, leaves: list[object]) -> Tensor:
        for own, given in zip(self._inputs, leaves, strict=True):
            if isinstance(own, Tensor) and isinstance(given, Tensor):
                own.copy_(given)
        return self._play().clone()  # the next playing writes over it


def cuda_recording(work: Play) -> Play:
    """A CUDA graph. Raises RuntimeError where something in the work cannot be one."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()  # cuBLAS gets its workspace for this stream now, because it must not while a graph is recorded
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        result = work()

    def play() -> Tensor:
        graph.replay()
        return result

    return play


def _leaves(argument: object) -> Iterator[object]:
    if isinstance(argument, list | tuple):
        for each in argument:
            yield from _leaves(each)
    elif dataclasses.is_dataclass(argument):
        for field in dataclasses.fields(argument):
            yield from _leaves(getattr(argument, field.name))
    else:
        yield argument


def _copied(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return argument.clone()
    if isinstance(argument, list | tuple):
        return type(argument)(_copied(each) for each in argument)
    if dataclasses.is_dataclass(argument) and not isinstance(argument, type):
        fields = {field.name: _copied(getattr(argument, field.name)) for field in dataclasses.fields(argument)}
        return dataclasses.replace(argument, **fields)
    return argument


def _shape(leaf: object) -> Hashable:
    """What must be the same to be played; what is no tensor is recorded as it is."""
    return (tuple(leaf.shape), leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf


def _count(leaves: list[object]) -> int:
    return sum(leaf.numel() for leaf in leaves if isinstance(leaf, Tensor))


def _difference(played: Tensor, expected: Tensor) -> float:
    """The largest one; not a number where one of the two is none. Raises RuntimeError for shapes that do not fit."""
    return float((played - expected).abs().max())
