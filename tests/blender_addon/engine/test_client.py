"""Does the engine do what Blender asks of it: one job at a time, the same motion for the same seed, and an end when told so?"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.blender_addon.engine.client import Engine
from understudy.core.contract import (
    BadRequest,
    BodyMotion,
    BodyReply,
    BodyRequest,
    Failure,
    Message,
    Progress,
    Quality,
    UnderstudyError,
    Unload,
)

Start = Callable[..., Engine]
Do = Callable[..., list[Message]]
TESTS = Path(__file__).resolve().parents[2]
WALK = BodyRequest(5, "a person walks", seconds=1.0, seed=7, steps=Quality.DRAFT.value, model="tiny", device="cpu")
LONG = BodyRequest(6, "a person walks", seconds=9.0, steps=200, variations=16, model="tiny", device="cpu")


def motion_of(messages: list[Message]) -> BodyMotion:
    reply = messages[-1]
    assert isinstance(reply, BodyReply), reply
    return reply.motions[0]


def bytes_of(motion: BodyMotion) -> bytes:
    return b"".join(array.tobytes() for array in (motion.translation, motion.rotations, motion.contacts))


def test_an_engine_that_nobody_asked_has_no_process(start: Start) -> None:
    engine = start()
    engine.cancel()
    engine.close()
    assert not engine.is_running and not engine.is_busy and engine.poll() == []


def test_one_worker_does_one_job_after_another(engine: Engine, do: Do, pid_of: Callable[[Engine], int]) -> None:
    first = do(engine, WALK)
    worker = pid_of(engine)
    assert [message.id for message in first] == [5] * len(first)  # type: ignore[union-attr]
    assert all(isinstance(message, Progress) for message in first[:-1]) and len(first) > 6
    assert len(motion_of(first).translation) == 21 and motion_of(first).recipe.seed == 7
    assert engine.is_running and not engine.is_busy and engine.poll() == []

    again = do(engine, replace(WALK, id=engine.next_id()))
    assert bytes_of(motion_of(again)) == bytes_of(motion_of(first))
    assert bytes_of(motion_of(do(engine, replace(WALK, seed=8)))) != bytes_of(motion_of(first))

    assert do(engine, replace(WALK, text=" ")) == [
        Progress(5, "Starting the engine", 0, 1),
        Failure(5, "BadRequest", 'The prompt is empty: type what the character does, such as "a person walks forward".'),
    ]
    assert do(engine, Unload(11)) == [Progress(11, "unloaded", 1, 1)]
    assert bytes_of(motion_of(do(engine, WALK))) == bytes_of(motion_of(first))
    assert pid_of(engine) == worker


def test_a_job_is_refused_while_another_is_under_way_and_can_be_cancelled(
    engine: Engine, do: Do, pid_of: Callable[[Engine], int]
) -> None:
    cancelled: list[float] = []

    def cancel_in_the_middle(message: Message) -> None:
        if isinstance(message, Progress) and message.stage == "Shaping the motion" and message.step > 2 and not cancelled:
            with pytest.raises(UnderstudyError, match="still at work"):
                engine.submit(WALK)
            cancelled.append(time.monotonic())
            engine.cancel()
            engine.cancel()

    messages = do(engine, LONG, cancel_in_the_middle)
    assert messages[-1] == Failure(LONG.id, "Cancelled", "Cancelled: nothing was changed.")
    assert time.monotonic() - cancelled[0] < 5
    last = messages[-2]
    assert isinstance(last, Progress) and last.step < last.total
    worker = pid_of(engine)
    assert engine.is_running
    assert len(motion_of(do(engine, WALK)).translation) == 21
    engine.cancel()  # nothing is under way: the next job must not notice
    assert motion_of(do(engine, WALK)) is not None
    assert pid_of(engine) == worker


def test_a_request_that_waits_raises_what_the_job_failed_with(engine: Engine) -> None:
    with pytest.raises(BadRequest, match="prompt is empty"):
        engine.request(replace(WALK, text=""))
    assert engine.is_running and not engine.is_busy


def test_a_fresh_worker_makes_the_same_motion_and_no_process_is_left(
    engine: Engine, pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool]
) -> None:
    seen: list[Progress] = []
    motion = engine.request(WALK).motions[0]
    worker = pid_of(engine)
    engine.close(patience_s=10.0)
    engine.close()
    assert not engine.is_running and is_gone(worker)
    again = engine.request(WALK, seen.append).motions[0]
    assert {progress.stage for progress in seen} >= {"Starting the engine", "Loading the model", "Shaping the motion"}
    assert pid_of(engine) != worker and bytes_of(motion) == bytes_of(again)


def test_ending_a_worker_waits_only_as_long_as_it_is_told(start: Start, executable: Callable[[str], Path], answers: Callable[..., str]) -> None:
    """A system may take its time to clear a large process away, and a window must not stand still for that."""
    engine = start(executable(answers()))
    engine.submit(WALK)
    process, is_gone = engine._process, threading.Event()
    assert process is not None
    wait, process.wait = process.wait, lambda timeout=None: (is_gone.wait(10.0), wait(timeout))[1]  # type: ignore[method-assign]
    began = time.monotonic()
    engine.close()
    assert time.monotonic() - began < 5.0 and not engine.is_running
    is_gone.set()


def test_a_request_that_is_interrupted_leaves_no_process(
    start: Start, executable: Callable[[str], Path], answers: Callable[..., str], is_gone: Callable[[int], bool],
    pid_of: Callable[[Engine], int],
) -> None:  # fmt: skip
    engine, pids = start(executable(answers(Progress(5, "Shaping the motion", 1, 2)))), []

    def interrupt(progress: Progress) -> None:
        pids.append(pid_of(engine))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.request(WALK, interrupt)
    assert not engine.is_running and not engine.is_busy and is_gone(pids[0])


def test_a_worker_that_ended_while_idle_is_started_again_unnoticed(
    start: Start, do: Do, executable: Callable[[str], Path], answers: Callable[..., str]
) -> None:
    """After the first job it ends without a word, just as the second comes."""
    engine = start(executable(answers(Progress(5, "unloaded", 1, 1), last="sys.exit('gone')")))
    for _ in range(20):
        assert do(engine, Unload(5)) == [Progress(5, "unloaded", 1, 1)]


ORPHAN = """
import importlib, os, signal, sys, types
sys.path.insert(0, {tests!r})
from tiny_model import REPO, make_package_importable
make_package_importable()
room = sys.modules["understudy.blender_addon"] = types.ModuleType("understudy.blender_addon")
room.__path__ = [str(REPO / "blender_addon")]
client = importlib.import_module("understudy.blender_addon.engine.client")
contract = importlib.import_module("understudy.core.contract")
engine = client.Engine(client.EngineSettings({python!r}, ({models!r},)))
def die(progress):
    print(engine._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
engine.request(contract.{job!r}, die)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are those of Unix")
def test_the_worker_ends_when_blender_is_killed(engine_python: str, models: Path, is_gone: Callable[[int], bool]) -> None:
    program = ORPHAN.format(tests=str(TESTS), python=engine_python, models=str(models), job=LONG)
    blender = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=None, timeout=60, check=False)
    assert blender.returncode == -signal.SIGKILL
    worker, until = int(blender.stdout), time.monotonic() + 5
    while not is_gone(worker) and time.monotonic() < until:
        time.sleep(0.01)
    assert is_gone(worker)


def test_what_was_set_for_another_python_does_not_reach_the_engine(start: Start, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "PYTHONSAFEPATH": "1"}.items():
        monkeypatch.setenv(name, value)
    assert do(start(), Unload(5))[-1] == Progress(5, "unloaded", 1, 1)
