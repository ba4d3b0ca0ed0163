"""Real worker processes, and what is said to them and heard from them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from understudy.core.contract import CardMemory, Message, Progress, encode_frame, read_frame

REPO = Path(__file__).resolve().parents[2]
Spawn = Callable[..., subprocess.Popen[bytes]]


@contextlib.contextmanager
def spawned_workers() -> Iterator[Spawn]:
    """Starts workers that do not outlive the block."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, command: list[str] | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command or [sys.executable, "-s", "-u", "-m", "core", "worker", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=REPO,
        )  # fmt: skip
        processes.append(process)
        return process

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()


def send(process: subprocess.Popen[bytes], *messages: Message) -> None:
    assert process.stdin is not None
    for message in messages:
        process.stdin.write(encode_frame(message))
    process.stdin.flush()


def receive(process: subprocess.Popen[bytes]) -> Message | None:
    assert process.stdout is not None
    return read_frame(process.stdout)


def until_done(process: subprocess.Popen[bytes]) -> list[Message]:
    messages: list[Message] = []
    while (message := receive(process)) is not None:
        messages.append(message)
        is_on_the_way = isinstance(message, CardMemory) or (isinstance(message, Progress) and message.stage not in ("unloaded", "warm"))
        if not is_on_the_way:
            break
    return messages


def errors_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()
