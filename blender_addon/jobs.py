"""The one job that runs: a request goes to the engine, and what comes back is taken a slice of work at a time, as keys or as a sentence.

State lives here and not in the scene: writing it there would mark the file as changed, save it, and undo it.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.contract import (
    BodyReply,
    BodyRequest,
    Cancelled,
    Failure,
    ImportReply,
    ImportRequest,
    Progress,
    RemoveReply,
    RemoveRequest,
    Reply,
    StageTime,
    UnderstudyError,
)
from . import preferences, setting_up
from .animation.body import key_motion
from .engine.client import Engine, EngineSettings

# One tick of the interface may take this long; a slice of keying ends a little later
TICK_SECONDS = 0.008
GUI_NICENESS = 5  # the worker steps back behind Blender's own drawing and playback


@dataclass(frozen=True)
class Task:
    """What to generate and where its keys go; names, because references do not outlive an undo."""

    request: BodyRequest
    armature: str
    start_frame: float
    fps: float


class EngineJob:
    """A request under way: how far it is, for the panel. Call `advance` until it is True."""

    def __init__(self, engine: Engine, request: BodyRequest | ImportRequest | RemoveRequest) -> None:
        self.stage, self.factor = "Starting the engine", 0.0
        self.began = time.monotonic()
        self._engine = engine
        engine.submit(request)

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        """Works for about this long; True when done. Raises the job's UnderstudyError; then nothing was changed."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stops the engine's work; `advance` then raises Cancelled."""
        self._engine.cancel()

    def run(self) -> None:
        """Waits until done, for background mode."""
        while not self.advance(seconds=1.0):
            self._wait()

    def _wait(self) -> None:
        time.sleep(0.005)

    def _replies(self) -> list[Reply]:
        """What has come; a Failure is raised, and progress is kept."""
        replies: list[Reply] = []
        for message in self._engine.poll():
            if isinstance(message, Failure):
                raise message.raised()
            if isinstance(message, Progress):
                self.stage, self.factor = message.stage, message.step / max(1, message.total)
            elif isinstance(message, Reply):
                replies.append(message)
        return replies


class ModelJob(EngineJob):
    """An import or a removal under way; when it is done, `reply` tells what changed in the user's folder of models."""

    reply: ImportReply | RemoveReply | None = None

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        for reply in self._replies():
            if isinstance(reply, ImportReply | RemoveReply):
                self.reply = reply
        return self.reply is not None


class Job(EngineJob):
    """A Task under way; when it is done, `actions` holds the names of the Actions made."""

    def __init__(self, engine: Engine, task: Task) -> None:
        self.task = task
        self.actions: tuple[str, ...] = ()
        self.times: tuple[StageTime, ...] = ()
        self._slices: Generator[None, None, tuple[str, ...]] | None = None
        self._is_thrown_away = False
        super().__init__(engine, task.request)

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        if self._is_thrown_away:
            raise Cancelled("Cancelled: nothing was changed.")
        until = time.monotonic() + seconds
        for reply in self._replies():
            self._take(reply)
        while self._slices is not None and time.monotonic() < until:
            try:
                next(self._slices)
            except StopIteration as finished:
                self.actions = tuple(finished.value)
                return True
        return False

    def cancel(self) -> None:
        """Stops the engine's work, or throws half-written keys away; `advance` then raises Cancelled."""
        if self._slices is not None:
            self._slices.close()
            self._is_thrown_away = True
        super().cancel()

    @property
    def is_writing(self) -> bool:
        return self._slices is not None

    def _wait(self) -> None:
        if not self.is_writing:
            super()._wait()

    def _take(self, reply: Reply) -> None:
        if isinstance(reply, BodyReply):
            self.stage, self.factor, self.times = "Writing the keys", 1.0, reply.times
            first, *others = reply.motions
            task = self.task
            self._slices = key_motion(task.armature, first, task.start_frame, task.fps, variations=others)


class _State:
    """The engine of this Blender, its job, and the last sentence for the panel."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.job: Job | ModelJob | None = None
        self.message = ""
        self.is_error = False
        self.memory_mb = 0.0  # of the engine, when it was last measured


state = _State()


def busy() -> str:
    """That another job runs, in words; empty if none does."""
    return "The engine is at work: wait for it, or cancel it." if state.job is not None else ""


def engine_refusal() -> str:
    """Why the engine cannot start, in words; empty if it can. Cheap enough for poll()."""
    state = setting_up.found().state
    return "" if state.is_usable else state.value + "."


def ready_engine() -> Engine:
    """The engine, with the settings of the preferences. Raises UnderstudyError where no Python can run it."""
    chosen = preferences.current()
    found = setting_up.found()
    if not found.state.is_usable:
        raise UnderstudyError(found.state.value + ".")
    models = (chosen.models_folder,) if chosen and chosen.models_folder else ()
    niceness = 0 if bpy.app.background else GUI_NICENESS
    settings = EngineSettings(found.path, tuple(bpy.path.abspath(folder) for folder in models), niceness, log_file=_log_file())
    if state.engine is None or state.engine.settings != settings:
        stop_engine()
        state.engine = Engine(settings)
    return state.engine


def stop_engine() -> None:
    """Ends the worker and gives its memory back."""
    if state.engine is not None:
        state.engine.close()
        state.engine = None


def _log_file() -> Path | None:
    """In the extension's own folder of user files; none where the add-on is not installed."""
    try:
        return Path(bpy.utils.extension_path_user(preferences.EXTENSION, create=True)) / "engine.log"
    except (ValueError, OSError):
        return None


def register() -> None:
    atexit.register(stop_engine)


def unregister() -> None:
    atexit.unregister(stop_engine)
    if state.job is not None:
        state.job.cancel()
        state.job = None
    stop_engine()
