"""Is what finds no memory tried in ways that need less, in their order, and is only what memory or the card is to blame for tried again?"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core import service as service_module
from understudy.core.body.pipeline import BodyPipeline
from understudy.core.contract import BodyReply, BodyRequest, OutOfMemory
from understudy.core.memory_ladder import first_with_room, ways_with_less
from understudy.core.service import Service

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
NO_KERNEL = RuntimeError("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be asynchronous")


class Machine:
    """Makes replies where it has room: `room` tells of a device and whether one motion at a time is made."""

    def __init__(self, *room: tuple[str, bool], fault: Exception = FULL) -> None:
        self.tried: list[tuple[str, bool]] = []
        self._room, self._fault = room, fault

    def make(self, device: torch.device, one_by_one: bool) -> BodyReply:
        self.tried.append((device.type, one_by_one))
        if self.tried[-1] not in self._room:
            raise self._fault if device == CUDA else MemoryError
        return BodyReply(1, (), notices=("before",))

    def made(self, device: torch.device, is_many: bool, more_room: bool = False) -> tuple[str, ...]:
        """The notices of what came out."""
        return first_with_room(ways_with_less(self.make, device, is_many), lambda: more_room, "3 motions: fewer").notices


@pytest.mark.parametrize(("room", "is_many", "tried", "told"), [
    (("cuda", False), True, [("cuda", False)], ""),
    (("cuda", True), True, [("cuda", False), ("cuda", True)], "made one by one"),
    (("cpu", False), True, [("cuda", False), ("cuda", True), ("cpu", False)], "the processor made it"),
    (("cpu", True), True, [("cuda", False), ("cuda", True), ("cpu", False), ("cpu", True)], "the processor made it"),
    (("cpu", False), False, [("cuda", False), ("cuda", False), ("cpu", False)], "the processor made it"),
])  # fmt: skip
def test_the_card_first_then_less_at_once_then_the_processor(
    room: tuple[str, bool], is_many: bool, tried: list[tuple[str, bool]], told: str
) -> None:
    machine = Machine(room)
    before, *notices = machine.made(CUDA, is_many)
    assert machine.tried == tried and before == "before"
    assert len(notices) == bool(told) and told in "".join(notices)


@pytest.mark.parametrize(("is_many", "more_room", "tried"), [
    (True, False, [("cpu", False), ("cpu", True)]),
    (False, True, [("cpu", False), ("cpu", False)]),
    (False, False, [("cpu", False)]),
])  # fmt: skip
def test_a_processor_without_memory_says_so(is_many: bool, more_room: bool, tried: list[tuple[str, bool]]) -> None:
    """A single motion is tried again only where another model could be dropped."""
    machine = Machine()
    with pytest.raises(OutOfMemory, match="not enough memory on this machine for 3 motions: fewer, or close other programs"):
        machine.made(CPU, is_many, more_room)
    assert machine.tried == tried


def test_a_card_that_fails_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    machine = Machine(("cpu", False), fault=NO_KERNEL)
    (_, notice) = machine.made(CUDA, is_many=True)
    assert machine.tried == [("cuda", False), ("cpu", False)]
    assert notice.startswith("The graphics card failed (CUDA error: no kernel image is available") and "asynchronous" not in notice
    assert "cuda: CUDA error: no kernel image" in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("CUDA error"), OSError(2, "No such file")])
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_other_errors_pass_through(error: Exception, device: torch.device) -> None:
    def fails(_device: torch.device, _one_by_one: bool) -> BodyReply:
        raise error

    with pytest.raises(type(error)):
        first_with_room(ways_with_less(fails, device, is_many=True), lambda: True, "")


def test_a_fault_of_the_card_is_not_the_processors() -> None:
    def fails(_device: torch.device, _one_by_one: bool) -> BodyReply:
        raise RuntimeError("CUDA error: unspecified launch failure")

    with pytest.raises(RuntimeError, match="launch failure"):
        first_with_room(ways_with_less(fails, CPU, is_many=False), lambda: True, "")


def test_what_failed_is_gone_when_room_is_made() -> None:
    """The error's frames would hold it."""
    held: list[weakref.ref[np.ndarray]] = []

    def fails(_device: torch.device, _one_by_one: bool) -> BodyReply:
        large = np.zeros(1000)
        held.append(weakref.ref(large))
        raise MemoryError

    def make_room() -> bool:
        gc.collect()
        assert held[-1]() is None
        return False

    with pytest.raises(OutOfMemory):
        first_with_room(ways_with_less(fails, CUDA, is_many=True), make_room, "")
    assert len(held) == 4


def test_one_by_one_makes_the_same_motions(tiny_bundle: Path, minilm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the processor's memory running out where more than one is made."""
    request = BodyRequest(7, "a person walks", seconds=1.0, seed=2**31 - 2, steps=2, variations=3, model="tiny", device="cpu")
    service, told = Service((tiny_bundle.parent,)), []

    def report(stage: str, step: int, total: int) -> None:
        told.append((stage, step, total))

    expected = service.body(request, report)
    generate = BodyPipeline.generate

    def small(pipeline: BodyPipeline, asked: BodyRequest, *others: object) -> object:
        if asked.variations > 1:
            raise MemoryError
        return generate(pipeline, asked, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(service_module.BodyPipeline, "generate", small)
    told.clear()
    made = service.body(request, report)
    assert made.notices == () and [lap.stage for lap in made.times] == [lap.stage for lap in expected.times]
    for ours, theirs in zip(made.motions, expected.motions, strict=True):
        assert ours.recipe == theirs.recipe
        np.testing.assert_allclose(ours.rotations, theirs.rotations, atol=1e-4)
    shaping = [(step, total) for stage, step, total in told if stage == "Shaping the motion"]
    assert shaping == sorted(shaping) and shaping[-1][0] == shaping[-1][1] == 3
