"""The engine as Blender sees it: one worker process, started when needed, watched, cancelled, started again after a fault.

Nothing here waits: two threads carry frames between the pipes and queues, and `poll` hands over what has come. Only `request`,
which headless code uses, blocks. No bpy, so that a test drives the same code without Blender.
"""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyReply,
    Cancel,
    CardMemory,
    ContractError,
    FaceReply,
    Failure,
    Hello,
    Job,
    Level,
    Message,
    Progress,
    Reply,
    StopRecording,
    UnderstudyError,
    VersionMismatch,
    WarmUp,
    WorkerDied,
    WorkerHung,
    encode_frame,
    read_frame,
)

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
LOG_LINES = 400
# Longer than any single step of a job takes: loading from a slow disk, or one evaluation of a long motion on a slow CPU
SILENCE_LIMIT_S = 120.0
LAST_WAIT_S = 10.0  # until a killed worker is gone, for those who may wait
CANCEL_LIMIT_S = 5.0  # a worker that does not stop by then is killed
_CLOSED = object()
# What the last lines of a Python say that had too little memory even to say so in a frame; numpy alone takes fifty for it
_LAST_WORDS = 80
_NO_MEMORY = (
    "MemoryError", "bad_alloc", "failed to map segment", "cannot map zero-fill pages", "annot allocate memory", "not enough memory",
    "Out of memory", "pthread_create failed", "Thread creation failed", "can't start new thread", "WinError 1455",
)  # fmt: skip
# What a Python says that ran out of memory where it did not expect it
_PERHAPS_NO_MEMORY = ("SystemError", "Fatal Python error")
_FIRST_NT_FAULT = 0xC0000000  # Windows ends a program that crashed with a status from here on


@dataclass(frozen=True)
class EngineSettings:
    """python: interpreter with torch. models: further folders with models. niceness: how far the worker steps back."""

    python: str
    models: tuple[str, ...] = ()
    niceness: int = 0
    silence_limit_s: float = SILENCE_LIMIT_S
    log_file: Path | None = None


class Engine:
    """One job at a time. Every job ends with exactly one Reply, Failure or final Progress from `poll`."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.log: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._job = 0
        self._next_id = 1
        self._last_sign = 0.0
        self._cancelled_at: float | None = None
        self._warming = 0  # a warm-up that may be under way; nobody waits for its end
        self.card_memory: CardMemory | None = None  # after the last job that used the graphics card
        self._unheard = b""  # the job's frame, as long as a worker that was there before has not answered it

    @property
    def is_running(self) -> bool:
        """The worker process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_busy(self) -> bool:
        """A job is under way."""
        return self._job != 0

    @property
    def pid(self) -> int:
        """Of the worker process; 0 where there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def idle_seconds(self) -> float:
        """Since the last job ended; 0 while there is one."""
        return 0.0 if self.is_busy else time.monotonic() - self._last_sign

    def next_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def submit(self, job: Job) -> None:
        """Starts a job, and the worker if there is none. Raises UnderstudyError if one is under way or the start fails."""
        if self.is_busy:
            raise UnderstudyError("The engine is still at work: wait for it, or cancel it first.")
        frame = encode_frame(job)
        self._unheard = frame if self.is_running else b""
        if not self.is_running:
            self._start()
        elif self._warming:
            self._outbox.put(encode_frame(Cancel(self._warming)))
        self._outbox.put(frame)
        self._warming = 0
        self._job, self._cancelled_at = job.id, None
        self._last_sign = time.monotonic()

    def warm_up(self, model: str, device: str) -> None:
        """Starts the worker, and has it load a body model: the next job finds it ready, and cuts short what is left of this.

        Nothing where the worker runs already, or died with a job that `poll` has yet to tell of. Raises UnderstudyError if the start fails.
        """
        if self.is_running or self.is_busy:
            return
        self._start()
        self._warming, self._last_sign = self.next_id(), time.monotonic()
        self._outbox.put(encode_frame(WarmUp(self._warming, model, device)))

    def cancel(self) -> None:
        """Asks the job to stop; `poll` brings its Failure("Cancelled")."""
        if self.is_busy and self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._outbox.put(encode_frame(Cancel(self._job)))

    def stop_recording(self) -> None:
        """Ends the recording under way and keeps it; `poll` brings its RecordReply."""
        if self.is_busy:
            self._outbox.put(encode_frame(StopRecording(self._job)))

    def poll(self) -> list[Message]:
        """What has come since the last call, for the job under way. Never blocks; a dead or hung worker comes as a Failure."""
        messages: list[Message] = []
        while self.is_busy:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                break
            self._last_sign = time.monotonic()
            messages.extend(self._accepted(item))
        if self.is_busy:
            messages.extend(self._overdue())
        return messages

    def request(self, job: Job, on_progress: Callable[[Progress], None] | None = None) -> Reply:
        """Does one job and waits for it. Raises the job's UnderstudyError; Ctrl+C cancels it."""
        self.submit(job)
        try:
            for message in self._until_done():
                if isinstance(message, Reply):
                    return message
                if isinstance(message, Failure):
                    raise message.raised()
                if isinstance(message, Progress) and on_progress:
                    on_progress(message)
        except BaseException:
            if self.is_busy:
                self.close(LAST_WAIT_S)
            raise
        raise WorkerDied("The engine ended without an answer: try again.")

    def close(self, patience_s: float = 0.0) -> None:
        """Ends the worker; a job under way is lost. patience_s: how long to wait until the system has its memory back."""
        process, self._process = self._process, None
        self._job, self._cancelled_at, self._warming = 0, None, 0
        if process is None:
            return
        self._outbox.put(_CLOSED)
        process.kill()
        _thread(process.wait).join(patience_s)  # half a gigabyte takes a system tens of milliseconds to clear away

    def _until_done(self) -> Iterator[Message]:
        while self.is_busy:
            messages = self.poll()
            yield from messages
            if not messages:
                time.sleep(0.005)

    def _start(self) -> None:
        self.close()
        self._inbox, self._outbox = queue.SimpleQueue(), queue.SimpleQueue()
        self.log.clear()
        self.card_memory = None
        try:
            process = subprocess.Popen(
                self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PACKAGE_ROOT,
                env=_clean_environment(), creationflags=_windows_flags(self.settings.niceness),
            )  # fmt: skip
        except OSError as error:
            raise UnderstudyError(
                f"The engine's Python {self.settings.python} cannot be started ({error.strerror}): set it up again in the preferences."
            ) from error
        self._process = process
        self._outbox.put(encode_frame(Hello(CONTRACT_VERSION, VERSION)))
        _thread(_write_frames, process, self._outbox)
        _thread(_read_frames, process, self._inbox, _thread(self._keep_log, process))

    def _start_again(self) -> list[Message]:
        """The worker was about to end when the job came, and never saw it: a fresh one does it."""
        job, frame = self._job, self._unheard
        try:
            self._start()
        except UnderstudyError as error:
            return [Failure(job, type(error).__name__, str(error))]
        self._job, self._unheard = job, b""
        self._outbox.put(frame)
        return []

    def _command(self) -> list[str]:
        models = [argument for folder in self.settings.models for argument in ("--models", folder)]
        return [self.settings.python, "-s", "-u", "-m", "core", "worker", "--nice", str(self.settings.niceness), *models]

    def _accepted(self, item: object) -> list[Message]:
        if isinstance(item, Hello):
            return [] if item.contract == CONTRACT_VERSION else [self._fault(VersionMismatch, _version_sentence(item))]
        if isinstance(item, ContractError):
            return [self._fault(ContractError, f"{item} Try again; the engine's log may tell why.")]
        if item is _CLOSED:
            return self._start_again() if self._unheard and self._cancelled_at is None else [self._died()]
        if isinstance(item, CardMemory):
            self.card_memory = item
        if not isinstance(item, Progress | Level | Reply | Failure) or item.id != self._job:
            return []  # an answer to a job that was given up
        self._unheard = b""
        if isinstance(item, Reply | Failure) or (isinstance(item, Progress) and item.stage == "unloaded"):
            self._job = 0
        if self._cancelled_at is not None and isinstance(item, BodyReply | FaceReply):
            return [Failure(item.id, "Cancelled", "Cancelled: nothing was changed.")]  # it was under way when the job was cancelled
        return [item]

    def _overdue(self) -> list[Message]:
        now = time.monotonic()
        if self._cancelled_at is not None and now - self._cancelled_at > CANCEL_LIMIT_S:
            job = self._job
            self.close()
            return [Failure(job, "Cancelled", "Cancelled: the engine was stopped, and nothing was changed.")]
        if now - self._last_sign > self.settings.silence_limit_s:
            why = ", because memory ran out," if _tells_of_no_memory(list(self.log)) else ""
            silence = f"The engine gave no sign of life for {self.settings.silence_limit_s:g} s{why} and was stopped: try again."
            return [self._fault(WorkerHung, silence)]
        return []

    def _died(self) -> Failure:
        process = self._process
        status = process.poll() if process else None
        if self._cancelled_at is not None:
            return self._fault(UnderstudyError, "Cancelled: nothing was changed.", name="Cancelled")
        why = _exit_reason(status, list(self.log))
        return self._fault(WorkerDied, f"The engine stopped in the middle of its work ({why}). Nothing was changed: try again.")

    def _fault(self, kind: type[UnderstudyError], sentence: str, name: str = "") -> Failure:
        job = self._job
        self.close()
        return Failure(job, name or kind.__name__, sentence)

    def _keep_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for raw in process.stderr:
            line = raw.decode("utf-8", errors="replace").rstrip()
            self.log.append(line)
            if self.settings.log_file is not None:
                _append(self.settings.log_file, line)


def _windows_flags(niceness: int) -> int:
    """No console, and behind Blender where the worker shall step back; elsewhere it lowers its priority itself."""
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | (subprocess.BELOW_NORMAL_PRIORITY_CLASS if niceness else 0)


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name=f"understudy {target.__name__}", daemon=True)
    thread.start()
    return thread


def _read_frames(process: subprocess.Popen[bytes], inbox: queue.SimpleQueue[object], log: threading.Thread) -> None:
    assert process.stdout is not None
    try:
        while (message := read_frame(process.stdout)) is not None:
            inbox.put(message)
    except ContractError as error:
        if not _ended(process):  # a killed worker may leave half a frame: that is a death, not a wrong protocol
            inbox.put(error)
    except (OSError, ValueError):
        pass
    finally:
        _ended(process)  # after its last word it has a moment to end, so that the exit status is known
        log.join(timeout=1.0)  # and its last line
        inbox.put(_CLOSED)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _write_frames(process: subprocess.Popen[bytes], outbox: queue.SimpleQueue[object]) -> None:
    assert process.stdin is not None
    try:
        while isinstance(frame := outbox.get(), bytes):
            process.stdin.write(frame)
            process.stdin.flush()
    except (OSError, ValueError):
        pass  # the worker is gone: the reading side reports it
    with contextlib.suppress(OSError):
        process.stdin.close()


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
    except OSError:
        pass  # a full disk must not end the job


def _clean_environment() -> dict[str, str]:
    """Without what Blender or the user's shell set for another Python."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONSAFEPATH", "__PYVENV_LAUNCHER__")
    own = {name: value for name, value in os.environ.items() if name not in foreign}
    # numpy's matrices are small here, and its threads keep a process from ending when they found no memory to start
    return {"OPENBLAS_NUM_THREADS": "1"} | own


def _version_sentence(hello: Hello) -> str:
    return (
        f"Add-on {VERSION} and engine {hello.version} do not fit together (contract {CONTRACT_VERSION} and {hello.contract}):"
        " restart Blender, and if that does not help, install the extension again."
    )


def _exit_reason(status: int | None, log: list[str]) -> str:
    if status is None:
        return "it closed its output"
    if _tells_of_no_memory(log):
        return "memory ran out"
    if status < 0 or status >= _FIRST_NT_FAULT:
        return f"{'it was killed' if status == -9 else f'it crashed with {_fault_name(status)}'}, perhaps because memory ran out"
    last = next((line.strip() for line in reversed(log) if line.strip()), "")
    if status and not last:
        return f"exit code {status} without a word, perhaps because memory ran out"
    perhaps = ", perhaps because memory ran out" * any(sign in line for line in log[-_LAST_WORDS:] for sign in _PERHAPS_NO_MEMORY)
    return f"{last[:160] or f'exit code {status}'}{perhaps}"


def _tells_of_no_memory(log: list[str]) -> bool:
    return any(sign in line for line in log[-_LAST_WORDS:] for sign in _NO_MEMORY)


def _fault_name(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"code {status:#x}"
