"""The worker: one process beside Blender that takes requests from stdin and answers on stdout, one job at a time.

It ends when its stdin does, because then Blender is gone. Anything that libraries print goes to stderr, never between frames.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyRequest,
    Cancel,
    Cancelled,
    ContractError,
    FaceRequest,
    Failure,
    Hello,
    ImportRequest,
    Job,
    Level,
    Message,
    MicrophonesRequest,
    Progress,
    RecordRequest,
    RemoveRequest,
    Reply,
    StopRecording,
    UnderstudyError,
    Unload,
    VersionMismatch,
    WarmUp,
    encode_frame,
    read_frame,
)
from .given_back import give_memory_back
from .out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from .service import Service

_LAST_WORDS_BYTES = 4 << 20


class Worker:
    """Reads `requests` in a thread, so that a cancel arrives while a job runs; answers on `replies`."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO, model_folders: tuple[Path, ...]) -> None:
        self._requests, self._replies = requests, replies
        self._folders = model_folders
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._stopped: set[int] = set()
        self._service: Service | None = None
        self._kept_for_last_words = b""

    def run(self) -> None:
        """Works until the other side is gone; never returns."""
        self._send(Hello(CONTRACT_VERSION, VERSION))
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        while True:
            job = self._jobs.get()
            self._answer(job)

    def _read(self) -> None:
        status = 1
        try:
            while (message := read_frame(self._requests)) is not None:
                self._receive(message)
            status = 0
        except UnderstudyError as error:
            print(f"understudy worker: {error}", file=sys.stderr, flush=True)
        except Exception:
            traceback.print_exc()
        finally:
            # Nobody is left to answer, and a job in torch's hands cannot be stopped otherwise
            os._exit(status)

    def _receive(self, message: Message) -> None:
        if isinstance(message, Hello):
            check_versions(message)
        elif isinstance(message, Cancel):
            self._cancelled.add(message.id)
        elif isinstance(message, StopRecording):
            self._stopped.add(message.id)
        elif isinstance(message, Job):
            self._jobs.put(message)
        else:
            raise ContractError(f"A worker does not take a {type(message).__name__}.")

    def _answer(self, job: Job) -> None:
        try:
            answer = self._done(job)
            self._tell_card_memory(job)
            self._send(answer)
        except UnderstudyError as error:
            self._send(Failure(job.id, type(error).__name__, str(error)))
        except Exception as error:
            self._kept_for_last_words = b""
            self._send(_unforeseen(job, error))
            traceback.print_exc()
            if self._service is None and not isinstance(job, RecordRequest | MicrophonesRequest):
                os._exit(1)  # torch was imported by half, and cannot be imported again in this process
        finally:
            self._cancelled.discard(job.id)
            self._stopped.discard(job.id)
            if isinstance(job, ImportRequest):
                give_memory_back()  # only now: the error of an import that failed holds all that was read

    def _done(self, job: Job) -> Progress | Reply:
        if isinstance(job, Unload):
            self._unload()
            return Progress(job.id, "unloaded", 1, 1)
        if isinstance(job, RecordRequest):
            return self._recorded(job)
        if isinstance(job, MicrophonesRequest):
            from .microphones import found_microphones

            return found_microphones(job.id)
        self._report(job.id, "Starting the engine", 0, 1)
        if isinstance(job, BodyRequest):
            return self._loaded_service().body(job, self._reporter(job))
        if isinstance(job, WarmUp):
            self._loaded_service().warm_up(job, self._reporter(job))
            return Progress(job.id, "warm", 1, 1)
        if isinstance(job, FaceRequest):
            return self._loaded_service().face(job, self._reporter(job))
        return self._changed_models(job)

    def _recorded(self, job: RecordRequest) -> Reply:
        from .microphone import RecordingSigns, record

        def level(peak: float) -> None:
            self._send(Level(job.id, peak))

        return record(job, RecordingSigns(self._reporter(job), level, lambda: job.id in self._stopped))

    def _changed_models(self, job: ImportRequest | RemoveRequest) -> Reply:
        self._unload()  # an import needs the memory, and a loaded model's file cannot be removed everywhere
        from .model_jobs import import_model, remove_model

        return import_model(job, self._reporter(job)) if isinstance(job, ImportRequest) else remove_model(job)

    def _reporter(self, job: Job) -> Callable[[str, int, int], None]:
        return lambda stage, step, total: self._report(job.id, stage, step, total)

    def _report(self, job: int, stage: str, step: int, total: int) -> None:
        """Called between all steps of a job: tells the other side, and stops here if it wished so."""
        if job in self._cancelled:
            raise Cancelled("Cancelled: nothing was changed.")
        self._send(Progress(job, stage, step, total))

    def _tell_card_memory(self, job: Job) -> None:
        if self._service is None:
            return  # nothing has imported torch yet
        from .card_memory import card_memory

        if (memory := card_memory(job.id)) is not None:
            self._send(memory)

    def _unload(self) -> None:
        if self._service is not None:
            self._service.unload()

    def _loaded_service(self) -> Service:
        if self._service is None:
            self._kept_for_last_words = bytes(_LAST_WORDS_BYTES)  # given back when the start finds no memory, so that it can say so
            from .service import Service  # torch takes a second: the greeting must not wait for it

            self._service = Service(self._folders)
            self._kept_for_last_words = b""
        return self._service

    def _send(self, message: Message) -> None:
        try:
            self._replies.write(encode_frame(message))
            self._replies.flush()
        except (BrokenPipeError, OSError):
            os._exit(0)


def _unforeseen(job: Job, error: Exception) -> Failure:
    if is_out_of_memory(error):
        return Failure(job.id, "OutOfMemory", "There was not enough memory for the engine: close other programs, and try again.")
    sentence = f"The engine met an error that it does not know ({type(error).__name__}: {error}). Its log tells more."
    return Failure(job.id, "UnderstudyError", sentence)


def check_versions(hello: Hello) -> None:
    """Raises VersionMismatch unless both sides speak the same contract."""
    if hello.contract != CONTRACT_VERSION:
        raise VersionMismatch(
            f"Add-on and engine do not fit together (contract {hello.contract} and {CONTRACT_VERSION}): restart Blender,"
            " and if that does not help, install the extension again."
        )


def main(model_folders: tuple[Path, ...], niceness: int) -> None:
    """Takes over stdin and stdout of this process."""
    replies = _private_stdout()
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    Worker(sys.stdin.buffer, replies, model_folders).run()


def _private_stdout() -> BinaryIO:
    """The real stdout for frames alone; whatever prints from now on, prints to stderr."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")
