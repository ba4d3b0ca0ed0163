"""A set-up under way: the installer's process, watched by a thread. No bpy, and nothing here waits."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ...core.contract import Cancelled, UnderstudyError
from . import installer
from .environments import REQUIREMENTS, environment_folder
from .torch_builds import TorchBuild

_GRACE_SECONDS = 3.0  # for an installer whose input was closed; then it is killed


@dataclass(frozen=True)
class SetUpRequest:
    """root: where environments lie. python: Blender's own. wheels: instead of the network. is_afresh: even if nothing is wrong."""

    root: Path
    python: str
    build: TorchBuild | None = None
    wheels: Path | None = None
    is_afresh: bool = False

    def command(self) -> list[str]:
        """The installer's command line."""
        command = [self.python, "-E", "-s", "-P", "-u", "-X", "utf8", installer.__file__, str(environment_folder(self.root))]
        command += ["--requirements", str(REQUIREMENTS)]
        if self.wheels is not None:
            command += ["--wheels", str(self.wheels)]
        elif self.build is not None:
            command += [part for each in self.build.tries for part in ("--build", str(each.fetch_mb), str(each.disk_mb), each.pip)]
        return [*command, "--afresh"] if self.is_afresh else command


class SetUp:
    """step, factor (0 to 1) and detail tell how far it is. Call `advance` until it is True."""

    def __init__(self, request: SetUpRequest) -> None:
        """Starts it. Raises UnderstudyError where that fails."""
        self.step, self.factor, self.detail = "Starting", 0.0, ""
        self.began = time.monotonic()
        self._request = request
        self._ready: dict[str, object] | None = None
        self._failed = ""
        self._cancelled_at: float | None = None
        self._told: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process = _started(request)
        threading.Thread(target=self._read, name="understudy set-up", daemon=True).start()

    @property
    def device(self) -> str:
        """The graphics card that the finished environment found; "" for the processor."""
        return str((self._ready or {}).get("device", ""))

    def advance(self) -> bool:
        """Takes what has been told; True when done. Raises UnderstudyError with the reason why it ended otherwise."""
        while True:
            try:
                line = self._told.get_nowait()
            except queue.Empty:
                break
            if line is None:
                return self._ended()
            self._take(line)
        if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > _GRACE_SECONDS:
            self._process.kill()
        return False

    def cancel(self) -> None:
        """Ends it; `advance` then raises Cancelled. What was fetched is kept."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            with contextlib.suppress(OSError):
                self._close_input()

    def stop(self) -> None:
        """At once, as Blender ends; one that is done is left."""
        self.cancel()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self._process.kill()

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(line)
        self._process.wait()
        self._told.put(None)

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line.decode("utf-8", errors="replace"))
        except ValueError:
            return
        if "ready" in told:
            self._ready = told["ready"]
        elif "failed" in told:
            self._failed = str(told["failed"])
        else:
            self.step, self.factor, self.detail = str(told["step"]), float(told["factor"]), str(told["detail"])

    def _ended(self) -> bool:
        if self._ready is not None:
            return True
        if self._cancelled_at is not None:
            raise Cancelled("The set-up was cancelled. What was fetched is kept: it goes on from there.")
        stopped = f"The set-up was stopped (exit code {self._process.returncode}): set the engine up again, and it goes on."
        raise UnderstudyError(self._failed or stopped)


def _started(request: SetUpRequest) -> subprocess.Popen[bytes]:
    if not request.python:
        raise UnderstudyError("This Blender carries no Python that can be started: name another one in the preferences.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        return subprocess.Popen(
            request.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except OSError as error:
        raise UnderstudyError(f"{request.python} cannot be started ({error.strerror}): name another Python in the preferences.") from error
