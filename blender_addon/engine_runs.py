"""Work on the engine that the panel shows: its set-up and its removal. No bpy."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Protocol

from ..core.contract import Cancelled, UnderstudyError
from .engine.environments import remove_environments, torch_requirement
from .engine.machine import Machine, blenders_python, look_at_machine
from .engine.set_up_process import SetUp, SetUpRequest
from .engine.torch_builds import NoFittingTorch, TorchBuild, fitting_build


class Run(Protocol):
    """Call `advance` until it is True; it raises UnderstudyError where the work fails, and Cancelled.

    step, detail: what it is at. factor: how far, 0 to 1. began: monotonic seconds. sentence: how it ended, once it is done.
    """

    began: float

    @property
    def step(self) -> str: ...

    @property
    def factor(self) -> float: ...

    @property
    def detail(self) -> str: ...

    @property
    def sentence(self) -> str: ...

    def advance(self) -> bool: ...

    def cancel(self) -> None: ...

    def stop(self) -> None:
        """At once, as Blender ends; nothing where it is done."""


class MachineLook:
    """Looks at the machine in a thread, because nvidia-smi can take seconds."""

    def __init__(self) -> None:
        self.machine: Machine | None = None
        threading.Thread(target=self._look, name="understudy machine", daemon=True).start()

    @property
    def offer(self) -> str:
        """What a set-up would fetch for this machine, or why it cannot; "" until that is known."""
        try:
            build = self.build()
        except UnderstudyError as reason:
            return str(reason)
        return build.sentence(self.machine) if build and self.machine else ""

    def build(self) -> TorchBuild | None:
        """None until it is known. Raises UnderstudyError where there is none."""
        if self.machine is None:
            return None
        try:
            return fitting_build(self.machine, torch_requirement())
        except NoFittingTorch as reason:
            raise UnderstudyError(str(reason)) from reason

    def _look(self) -> None:
        self.machine = look_at_machine()


class EngineSetUp:
    """A Run: from a folder of wheels at once, or from the network as soon as the look at the machine says what to fetch."""

    def __init__(self, root: Path, source: Path | MachineLook, is_afresh: bool = False) -> None:
        self.began = time.monotonic()
        self._root, self._source, self._is_afresh = root, source, is_afresh
        self._is_cancelled = False
        self._process: SetUp | None = None
        if isinstance(source, Path):
            self._process = SetUp(SetUpRequest(root, blenders_python(), wheels=source, is_afresh=is_afresh))

    @property
    def step(self) -> str:
        return self._process.step if self._process else "Looking at this machine"

    @property
    def factor(self) -> float:
        return self._process.factor if self._process else 0.0

    @property
    def detail(self) -> str:
        return self._process.detail if self._process else ""

    @property
    def sentence(self) -> str:
        return f"The engine is set up; it computes on {(self._process.device if self._process else '') or 'the processor'}."

    def advance(self) -> bool:
        if self._process is None:
            if self._is_cancelled:
                raise Cancelled("The set-up was cancelled before anything was fetched.")
            build = self._source.build() if isinstance(self._source, MachineLook) else None
            if build is None:
                return False
            self._process = SetUp(SetUpRequest(self._root, blenders_python(), build, is_afresh=self._is_afresh))
        return self._process.advance()

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._process is not None:
            self._process.cancel()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()


class Removal:
    """A Run: deletes what was set up, in a thread, because gigabytes take their time."""

    step, factor, detail = "Removing the engine", 0.0, ""

    def __init__(self, root: Path) -> None:
        self.began, self._bytes = time.monotonic(), 0
        self._thread = threading.Thread(target=self._remove, args=(root,), name="understudy removal", daemon=True)
        self._thread.start()

    @property
    def sentence(self) -> str:
        return f"The engine is removed: {self._bytes / 1e6:,.0f} MB are free again."

    def advance(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Half an engine is of no use: it goes on."""

    def stop(self) -> None:
        self._thread.join(timeout=2.0)

    def _remove(self, root: Path) -> None:
        self._bytes = remove_environments(root)
