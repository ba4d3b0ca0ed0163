"""Engines with the tiny model, and patience that ends."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from understudy.core.contract import CONTRACT_VERSION, VERSION, BodyRequest, Hello, Message, Unload, encode_frame

REPO = Path(__file__).resolve().parents[3]
# The engine needs no Blender: without one, its room is opened without the add-on's own __init__
if importlib.util.find_spec("bpy") is None and "understudy.blender_addon" not in sys.modules:
    _room = types.ModuleType("understudy.blender_addon")
    _room.__path__ = [str(REPO / "blender_addon")]
    sys.modules["understudy.blender_addon"] = _room

if TYPE_CHECKING:
    from understudy.blender_addon.engine.client import Engine

    Job = BodyRequest | Unload
    Start = Callable[..., Engine]
    Do = Callable[..., list[Message]]

PATIENCE_S = 60.0
MOMENT_S = 2.0

# Stands where the engine's Python is expected: the real worker, which looks into a file at each stage for the trouble to get into
# (with every array of 64 KiB asked of the system, so that none finds room in memory that was freed before the trouble)
TROUBLED = """import os, sys
os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
os.execv({python!r}, [{python!r}, "-s", "-u", {script!r}, *sys.argv[sys.argv.index("core") + 1 :]])
"""
TROUBLE = """
import os, resource, runpy, signal, sys
sys.path.insert(0, os.getcwd())
from core import worker
report = worker.Worker._report
everything = resource.getrlimit(resource.RLIMIT_AS)

def take_memory():
    with open("/proc/self/statm") as sizes:
        used = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, everything[1]))

def troubled(self, job, stage, step, total):
    if stage == "Starting the engine":
        resource.setrlimit(resource.RLIMIT_AS, everything)
    report(self, job, stage, step, total)
    with open({wish!r}) as file:
        where, _, trouble = file.read().partition(": ")
    if where not in (stage, stage + " done" * (step == total)):
        return
    if trouble == "no memory":
        take_memory()
    else:
        os.kill(os.getpid(), getattr(signal, trouble))

worker.Worker._report = troubled
runpy.run_module("core", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="session")
def start(engine_python: str, models: Path) -> Iterator[Start]:
    """Engines that never outlive the tests."""
    from understudy.blender_addon.engine.client import Engine, EngineSettings

    engines: list[Engine] = []

    def start_one(python: str | Path = engine_python, silence_limit_s: float = PATIENCE_S) -> Engine:
        engines.append(Engine(EngineSettings(str(python), (str(models),), silence_limit_s=silence_limit_s)))
        return engines[-1]

    yield start_one
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def engine(start: Start) -> Engine:
    """One for all tests that leave it idle, because starting torch takes its time."""
    return start()


@pytest.fixture
def do() -> Do:
    """Submits a job and gives all its messages; `on_message` sees each of them when it comes."""

    def do_one(engine: Engine, job: Job, on_message: Callable[[Message], None] | None = None) -> list[Message]:
        messages: list[Message] = []
        until = time.monotonic() + PATIENCE_S
        engine.submit(job)
        while engine.is_busy:
            assert time.monotonic() < until, f"no end after {messages[-1:]}, {list(engine.log)}"
            for message in engine.poll():
                messages.append(message)
                if on_message is not None:
                    on_message(message)
            time.sleep(0.002)
        return messages

    return do_one


@pytest.fixture
def answers() -> Callable[..., str]:
    """The source of a worker that says these messages at once, whatever it is asked, and then does `last`."""

    def source(*messages: Message, first: Message | None = None, last: str = "time.sleep(1000)") -> str:
        greeting = first or Hello(CONTRACT_VERSION, VERSION)
        frames = b"".join(map(encode_frame, (greeting, *messages)))
        return f"import os, signal, sys, time\nsys.stdout.buffer.write({frames!r})\nsys.stdout.flush()\n{last}\n"

    return source


@pytest.fixture
def pid_of() -> Callable[[Engine], int]:
    def pid(engine: Engine) -> int:
        assert engine._process is not None
        return engine._process.pid

    return pid


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Whether there is no such process any more, or only what is left of it until its parent asks. One that was killed has a moment."""

    def gone(pid: int) -> bool:
        until = time.monotonic() + MOMENT_S
        while _runs(pid):
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    return gone


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="session")
def trouble_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trouble")


@pytest.fixture
def trouble(trouble_folder: Path) -> Path:
    """A file that takes "STAGE: SIGNAL", "STAGE: no memory" or "STAGE done: ..." for the worker of `troubled`; empty for none."""
    path = trouble_folder / "trouble"
    path.write_text("")
    return path


@pytest.fixture(scope="session")
def troubled(start: Start, engine_python: str, trouble_folder: Path) -> Engine:
    """One for all tests that use `trouble`."""
    script, program = trouble_folder / "troubled_worker.py", trouble_folder / "program"
    script.write_text(TROUBLE.format(wish=str(trouble_folder / "trouble")))
    program.write_text(f"#!{sys.executable}\n" + TROUBLED.format(python=engine_python, script=str(script)))
    program.chmod(0o755)
    return start(program)
