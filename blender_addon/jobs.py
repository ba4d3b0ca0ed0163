"""The one job that runs: a request goes to the engine, and what comes back is taken a slice of work at a time, as keys or as a sentence.

State lives here and not in the scene: writing it there would mark the file as changed, save it, and undo it.
"""

from __future__ import annotations

import atexit
import time
from dataclasses import replace
from pathlib import Path

import bpy

from ..core.contract import (
    RECORDING_STAGE,
    SHAPING_STAGE,
    SPEAKING_STAGE,
    Cancelled,
    Failure,
    ImportReply,
    ImportRequest,
    Level,
    MicrophonesReply,
    MicrophonesRequest,
    Progress,
    RecordReply,
    RecordRequest,
    RemoveReply,
    RemoveRequest,
    Reply,
    UnderstudyError,
)
from . import preferences, setting_up
from .engine.client import LAST_WAIT_S, Engine, EngineSettings
from .tasks import Keyed, Task

# One tick of the interface may take this long; a slice of keying ends a little later
TICK_SECONDS = 0.008
GUI_NICENESS = 10  # the worker steps back behind Blender's own drawing and playback


_LONG_STAGES = (SPEAKING_STAGE, SHAPING_STAGE)  # by which a request's progress is told where there are several
_THROWN_AWAY = "The recording was thrown away."
# What a job or a message is about, and so where it is shown
BODY, FACE, ENGINE = "body", "face", "engine"


class EngineJob:
    """Work under way: how far it is, and how loud the microphone, for the panel. Call `advance` until it is True."""

    def __init__(self, engine: Engine | None) -> None:
        """engine: None for work that needs none."""
        self.stage, self.factor, self.level = "Starting the engine", 0.0, 0.0
        self.began = time.monotonic()
        self._steps_done = 0
        self._engine = engine

    @property
    def shown(self) -> tuple[object, ...]:
        """Changes when the panel should be drawn again."""
        return self.stage, self.factor, int(time.monotonic() - self.began)

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        """Works for about this long; True when done. Raises the job's UnderstudyError; then nothing was changed."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stops the engine's work; `advance` then raises Cancelled."""
        if self._engine is not None:
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
        for message in self._engine.poll() if self._engine is not None else ():
            if isinstance(message, Failure):
                raise message.raised()
            if isinstance(message, Progress):
                self._show(message)
            elif isinstance(message, Level):
                self.level = message.peak
            elif isinstance(message, Reply):
                replies.append(message)
        return replies

    def _show(self, progress: Progress) -> None:
        self.stage, self.factor = progress.stage, progress.step / max(1, progress.total)
        self._steps_done = progress.step


class ModelJob(EngineJob):
    """An import or a removal under way; when it is done, `reply` tells what changed in the user's folder of models."""

    reply: ImportReply | RemoveReply | None = None

    def __init__(self, engine: Engine, request: ImportRequest | RemoveRequest) -> None:
        super().__init__(engine)
        engine.submit(request)

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        for reply in self._replies():
            if isinstance(reply, ImportReply | RemoveReply):
                self.reply = reply
        return self.reply is not None


class MicrophonesJob(EngineJob):
    """A look for microphones under way; when it is done, `found` tells which there are."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._reply: MicrophonesReply | None = None
        engine.submit(MicrophonesRequest(engine.next_id()))

    @property
    def found(self) -> MicrophonesReply:
        assert self._reply is not None
        return self._reply

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        for reply in self._replies():
            if isinstance(reply, MicrophonesReply):
                self._reply = reply
        return self._reply is not None


class RecordJob(EngineJob):
    """A recording under way; when it is done, `reply` tells the file."""

    reply: RecordReply | None = None

    def __init__(self, engine: Engine, request: RecordRequest) -> None:
        super().__init__(engine)
        self.seconds = 0.0
        self._is_discarded = False
        self._recording = engine
        engine.submit(replace(request, id=engine.next_id()))

    @property
    def shown(self) -> tuple[object, ...]:
        return *super().shown, self.level

    @property
    def is_listening(self) -> bool:
        """The microphone is open."""
        return self.stage == RECORDING_STAGE

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        try:
            for reply in self._replies():
                if isinstance(reply, RecordReply):
                    self.reply = reply
        except Cancelled as error:
            raise Cancelled(_THROWN_AWAY) from error
        self.seconds = self._steps_done / 1000 if self.is_listening else 0.0
        if self._is_discarded and self.reply is not None:  # it had ended by itself
            Path(self.reply.path).unlink(missing_ok=True)
            raise Cancelled(_THROWN_AWAY)
        return self.reply is not None

    def stop(self) -> None:
        """Ends it and keeps what was heard."""
        self._recording.stop_recording()

    def cancel(self) -> None:
        """Ends it and throws away what was heard."""
        self._is_discarded = True
        super().cancel()


class Job(EngineJob):
    """A task under way; when it is done, `keyed` tells what was made."""

    def __init__(self, engine: Engine | None, task: Task) -> None:
        super().__init__(engine)
        self.task = task
        self.keyed: Keyed | None = None
        self.is_writing = False
        self._steps = task.steps()
        self._requests = 0  # that the engine was sent so far
        self._is_thrown_away = False
        self._step(None)

    def advance(self, seconds: float = TICK_SECONDS) -> bool:
        if self._is_thrown_away:
            raise Cancelled("Cancelled: nothing was changed.")
        until = time.monotonic() + seconds
        for reply in self._replies():
            self._step(reply)
        while self.is_writing and time.monotonic() < until:
            self._step(None)
        return self.keyed is not None

    def cancel(self) -> None:
        """Stops the engine's work, or throws half-written keys away; `advance` then raises Cancelled."""
        if self.is_writing:
            self._steps.close()
            self._is_thrown_away = True
        super().cancel()

    def _wait(self) -> None:
        if not self.is_writing:
            super()._wait()

    def _step(self, reply: Reply | None) -> None:
        """To the task's next slice of keying, or its next request."""
        try:
            request = self._steps.send(reply)
        except StopIteration as finished:
            self.keyed, self.is_writing = finished.value, False
            return
        self.is_writing = request is None or isinstance(request, Progress)
        if request is None:
            self.stage, self.factor = "Writing the keys", 1.0
        elif isinstance(request, Progress):
            self._show(request)
        elif self._engine is not None:
            self._requests += 1
            self._engine.submit(request)

    def _show(self, progress: Progress) -> None:
        """One bar for all requests of a task, which never goes back."""
        before = self.factor
        super()._show(progress)
        if (n_requests := self.task.n_requests) > 1:
            number = max(self._requests, 1)
            share = self.factor if progress.stage in _LONG_STAGES else 0.0
            self.factor = max(before, (number - 1 + share) / n_requests)
            self.stage = f"{progress.stage} ({number} of {n_requests})"


class _State:
    """The engine of this Blender, its job, and the last sentence.

    place, about: what the job and what the sentence is about. frames: the first and the last that were keyed, where it tells of keys.
    """

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.job: EngineJob | None = None
        self.message = ""
        self.is_error = False
        self.memory_mb = 0.0  # of the engine, when it was last measured
        self.place = self.about = BODY
        self.frames: tuple[float, float] | None = None


state = _State()


def begin(job: EngineJob, place: str) -> None:
    """Makes it the one job."""
    state.job, state.place = job, place
    tell("")


def tell(message: str, is_error: bool = False, about: str = "", frames: tuple[float, float] | None = None) -> None:
    """The sentence that the panel shows from now on; "" takes the last one away. about: "" for what the last job was about."""
    state.message, state.is_error, state.about, state.frames = message, is_error, about or state.place, frames


def busy() -> str:
    """That other work is under way, in words; empty if none is."""
    if setting_up.state.run is not None:
        return f"{setting_up.state.run.step}: wait for it."
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


def stop_engine(patience_s: float = 0.0) -> None:
    """Ends the worker and gives its memory back. patience_s: how long to wait until it is gone."""
    if state.engine is not None:
        state.engine.close(patience_s)
        state.engine = None


def _log_file() -> Path | None:
    """In the extension's own folder of user files; none where the add-on is not installed."""
    try:
        return Path(bpy.utils.extension_path_user(preferences.EXTENSION, create=True)) / "engine.log"
    except (ValueError, OSError):
        return None


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _forget_message(_scene: object = None, _depsgraph: object = None) -> None:
    """It tells of keys or of a file that are there no more."""
    tell("")


_ENDS_OF_MESSAGES = ("undo_post", "load_post")


def register() -> None:
    atexit.register(stop_engine)
    for name in _ENDS_OF_MESSAGES:
        getattr(bpy.app.handlers, name).append(_forget_message)


def unregister() -> None:
    atexit.unregister(stop_engine)
    for name in _ENDS_OF_MESSAGES:
        getattr(bpy.app.handlers, name).remove(_forget_message)
    if state.job is not None:
        state.job.cancel()
        state.job = None
    stop_engine(LAST_WAIT_S)
