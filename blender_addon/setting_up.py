"""The engine's Python as this Blender knows it: what was found, what a set-up would fetch, and the work on it that runs."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from pathlib import Path

import bpy

from . import preferences
from .engine.installer import LOG
from .engine.setup import EnginePython, EngineState, find_engine_python
from .engine_runs import EngineSetUp, MachineLook, Run

_REMEMBERED_SECONDS = 1.0  # panels ask many times while they draw, and each answer looks at the disk
_LOG_LINES = 400


class _State:
    """What runs, and what was found out about the machine."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.look: MachineLook | None = None
        self.found: tuple[float, str, EnginePython] | None = None


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
    now, chosen = time.monotonic(), preferences.current()
    wish = bpy.path.abspath(chosen.engine_python) if chosen and chosen.engine_python else ""
    if state.found is None or now - state.found[0] > _REMEMBERED_SECONDS or state.found[1] != wish:
        state.found = now, wish, find_engine_python(wish, engine_root())
    return state.found[2]


def forget() -> None:
    """The next `found` looks at the disk again."""
    state.found = None


def look() -> MachineLook:
    """At the machine; begun with the first call."""
    state.look = state.look or MachineLook()
    return state.look


def new_set_up(wheels: Path | None = None, is_afresh: bool = False) -> EngineSetUp:
    """From this folder of wheels, or from the network. Raises UnderstudyError where it cannot start."""
    if is_afresh:
        state.look = None  # the card or its driver may be new
    return EngineSetUp(engine_root(), wheels or look(), is_afresh)


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
