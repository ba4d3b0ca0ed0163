"""The engine's Python as this Blender knows it: what was found, what a set-up would fetch, and the set-up that runs."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import bpy

from ..core.contract import UnderstudyError
from . import preferences
from .engine.environments import remove_environments, torch_requirement
from .engine.installer import LOG
from .engine.machine import Machine, blenders_python, look_at_machine
from .engine.set_up_process import SetUp, SetUpRequest
from .engine.setup import EnginePython, EngineState, find_engine_python
from .engine.torch_builds import NoFittingTorch, TorchBuild, fitting_build

_REMEMBERED_SECONDS = 1.0  # panels ask many times while they draw, and each answer looks at the disk
_LOG_LINES = 400


class MachineLook:
    """Looks at the machine in a thread, because nvidia-smi can take seconds."""

    def __init__(self) -> None:
        self.machine: Machine | None = None
        self._thread = threading.Thread(target=self._look, name="understudy machine", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        self.machine = look_at_machine()

    @property
    def offer(self) -> str:
        """What a set-up would fetch for this machine, or why it cannot; "" until that is known."""
        if self.machine is None:
            return ""
        try:
            return fitting_build(self.machine, torch_requirement()).sentence(self.machine)
        except NoFittingTorch as reason:
            return str(reason)

    def build(self) -> TorchBuild | None:
        """None until it is known. Raises UnderstudyError where there is none."""
        if self.machine is None:
            return None
        try:
            return fitting_build(self.machine, torch_requirement())
        except NoFittingTorch as reason:
            raise UnderstudyError(str(reason)) from reason


class Run(Protocol):
    """Work on the engine that the panel shows. Call `advance` until it is True; it raises UnderstudyError where the work fails.

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


class EngineSetUp:
    """A Run: it looks at the machine first, unless there are wheels."""

    def __init__(self, wheels: Path | None = None, is_afresh: bool = False) -> None:
        self.began = time.monotonic()
        self._wheels, self._is_afresh = wheels, is_afresh
        self._run: SetUp | None = None
        if wheels is None:
            state.look = MachineLook() if is_afresh or state.look is None else state.look  # the card or its driver may be new
        else:
            self._start(None)

    @property
    def step(self) -> str:
        return self._run.step if self._run else "Looking at this machine"

    @property
    def factor(self) -> float:
        return self._run.factor if self._run else 0.0

    @property
    def detail(self) -> str:
        return self._run.detail if self._run else ""

    @property
    def sentence(self) -> str:
        return f"The engine is set up; it computes on {(self._run.device if self._run else '') or 'the processor'}."

    def advance(self) -> bool:
        if self._run is None:
            build = state.look.build() if state.look else None
            if build is None:
                return False
            self._start(build)
        assert self._run is not None
        return self._run.advance()

    def cancel(self) -> None:
        if self._run is None:
            state.look = None  # it may hang; the next one looks again
            raise UnderstudyError("The set-up was cancelled before anything was fetched.")
        self._run.cancel()

    def stop(self) -> None:
        if self._run is not None:
            self._run.stop()

    def _start(self, build: TorchBuild | None) -> None:
        self._run = SetUp(SetUpRequest(engine_root(), blenders_python(), build, self._wheels, self._is_afresh))


class Removal:
    """A Run: deletes what was set up, in a thread, because gigabytes take their time."""

    step, factor, detail = "Removing the engine", 0.0, ""

    def __init__(self) -> None:
        self.began, self._bytes = time.monotonic(), 0
        self._thread = threading.Thread(target=self._remove, args=(engine_root(),), name="understudy removal", daemon=True)
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


class _State:
    """What runs, what was found out about the machine, and the last sentence for the panel."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.look: MachineLook | None = None
        self.message = ""
        self.is_error = False
        self.found: tuple[float, EnginePython] | None = None


state = _State()


def engine_root() -> Path:
    """Where environments lie: with the extension's user files, which an update keeps and a removal of the extension deletes."""
    try:
        return Path(bpy.utils.extension_path_user(preferences.EXTENSION, path="engine"))
    except ValueError:  # it runs without being installed
        return Path(bpy.utils.user_resource("DATAFILES", path="understudy")) / "engine"


def found() -> EnginePython:
    """The Python that the engine runs on, or why there is none. Cheap enough for poll()."""
    if isinstance(state.run, EngineSetUp):
        return EnginePython(EngineState.SETTING_UP)
    now = time.monotonic()
    if state.found is None or now - state.found[0] > _REMEMBERED_SECONDS:
        chosen = preferences.current()
        wish = bpy.path.abspath(chosen.engine_python) if chosen and chosen.engine_python else ""
        state.found = now, find_engine_python(wish, engine_root())
    return state.found[1]


def wait(say: Callable[[str], None] = lambda _line: None) -> None:
    """Until what runs is done; for background mode, where Blender has no timers. Raises its UnderstudyError."""
    run, told = state.run, ""
    assert run is not None
    try:
        while not run.advance():
            if (line := f"{run.step} {run.detail}".strip()) != told:
                say(line)
                told = line
            time.sleep(0.1)
    finally:
        run.stop()


def forget() -> None:
    """The next `found` looks at the disk again."""
    state.found = None


def offline_reason() -> str:
    """Why nothing may be fetched, in words; "" if it may."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return "Blender was started offline: start it without --offline-mode, or set the engine up from a folder of wheels"
    return "Blender may not go online yet: the set-up needs it once, to fetch PyTorch"


def log_lines() -> list[str]:
    """The end of the set-up's log."""
    try:
        return (engine_root() / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return []


def _stop() -> None:
    if state.run is not None:
        state.run.stop()
        state.run = None


def register() -> None:
    atexit.register(_stop)


def unregister() -> None:
    atexit.unregister(_stop)
    _stop()
    state.__init__()  # type: ignore[misc]
