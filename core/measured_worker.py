"""A fresh worker whose memory is looked at while it works."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from .contract import CONTRACT_VERSION, VERSION, Failure, Hello, Job, Message, Progress, Reply, WorkerDied, encode_frame, read_frame

_ROOT = Path(__file__).resolve().parents[1]
_PROCESSES = Path("/proc")


def resident_megabytes(name: str, process: int | str = "self") -> float:
    """VmRSS or VmHWM of Linux' process table; not a number elsewhere."""
    status = _PROCESSES / str(process) / "status"
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1e3


@contextlib.contextmanager
def started_worker(models: Path, threads: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Ends with the block."""
    environment = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    command = [sys.executable, "-s", "-u", "-m", "core", "worker", "--models", str(models)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=environment)
    try:
        send(process, Hello(CONTRACT_VERSION, VERSION))
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def send(process: subprocess.Popen[bytes], message: Message) -> None:
    assert process.stdin is not None
    process.stdin.write(encode_frame(message))
    process.stdin.flush()


def answered(process: subprocess.Popen[bytes], job: Job, on_progress: Callable[[Progress], None] = lambda _: None) -> None:
    """Waits for the end of a job. Raises its UnderstudyError."""
    send(process, job)
    while (message := read_frame(cast(BinaryIO, process.stdout))) is not None:
        if isinstance(message, Failure):
            raise message.raised()
        if isinstance(message, Reply) or message == Progress(job.id, "unloaded", 1, 1):
            return
        if isinstance(message, Progress):
            on_progress(message)
    raise WorkerDied("The worker ended without an answer: see above what it said.")
