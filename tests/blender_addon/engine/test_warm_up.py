"""Is a worker that is made ready early never in the way of a job? A fake one writes down what it is told."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.blender_addon.engine.client import Engine
from understudy.core.contract import BodyReply, BodyRequest, CardMemory, Failure, Message, UnderstudyError

Start = Callable[..., Engine]
Do = Callable[..., list[Message]]
WALK = BodyRequest(5, "a person walks", seconds=1.0, model="tiny", device="cpu")
LISTENER = """#!{python} -s
import os, sys
sys.path.insert(0, os.getcwd())
from core.contract import *
from core.contract.progress import Progress
def send(*messages):
    for message in messages:
        sys.stdout.buffer.write(encode_frame(message))
    sys.stdout.flush()
send(Hello(CONTRACT_VERSION, VERSION))
while (message := read_frame(sys.stdin.buffer)) is not None:
    with open({heard!r}, "a") as file:
        print(message, file=file)
    if isinstance(message, WarmUp):
        send(Progress(message.id, "Loading the model", 0, 1))
    elif isinstance(message, Cancel):
        send(Failure(message.id, "Cancelled", "Cancelled: nothing was changed."))
    elif isinstance(message, BodyRequest) and message.text != "never answered":
        send(CardMemory(message.id, 512.0, 6000.0, 8188.0), BodyReply(message.id, ()))
"""


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    return tmp_path / "heard"


@pytest.fixture
def listener(tmp_path: Path, heard: Path, start: Start) -> Engine:
    """An engine whose worker only listens and answers."""
    program = tmp_path / "listener"
    program.write_text(LISTENER.format(python=sys.executable, heard=str(heard)))
    program.chmod(0o755)
    return start(program)


def kinds(heard: Path) -> list[str]:
    return [line.partition("(")[0] for line in heard.read_text().splitlines()]


def test_a_job_cancels_the_warm_up_and_has_its_answer(listener: Engine, heard: Path, do: Do) -> None:
    listener.warm_up("tiny", "cpu")
    assert listener.is_running and not listener.is_busy and listener.card_memory is None
    time.sleep(0.3)
    assert listener.poll() == [] and 0.2 < listener.idle_seconds < 30.0
    assert do(listener, WALK) == [BodyReply(5, ())]
    assert kinds(heard) == ["Hello", "WarmUp", "Cancel", "BodyRequest"]
    assert "model='tiny', device='cpu'" in heard.read_text()
    assert listener.card_memory == CardMemory(5, 512.0, 6000.0, 8188.0)
    assert do(listener, WALK) == [BodyReply(5, ())] and kinds(heard)[4:] == ["BodyRequest"]


def test_who_runs_is_not_warmed(listener: Engine, heard: Path, do: Do) -> None:
    do(listener, WALK)
    listener.warm_up("tiny", "cpu")
    do(listener, WALK)
    assert kinds(heard) == ["Hello", "BodyRequest", "BodyRequest"]


def test_a_job_whose_worker_died_is_not_lost_by_it(listener: Engine) -> None:
    listener.submit(replace(WALK, text="never answered"))
    assert listener._process is not None
    listener._process.kill()
    listener._process.wait()
    listener.warm_up("tiny", "cpu")
    assert not listener.is_running and listener.is_busy
    until = time.monotonic() + 30.0
    while not (messages := listener.poll()) and time.monotonic() < until:
        time.sleep(0.01)
    assert isinstance(messages[0], Failure)


def test_a_worker_that_died_while_it_warmed_up_is_started_again(listener: Engine, heard: Path, do: Do, pid_of: Callable[[Engine], int]) -> None:
    listener.warm_up("tiny", "cpu")
    first = pid_of(listener)
    assert listener._process is not None
    listener._process.kill()
    listener._process.wait()
    assert do(listener, WALK) == [BodyReply(5, ())] and pid_of(listener) != first
    listener.close()
    assert listener.card_memory is not None


def test_a_python_that_cannot_start_is_told(start: Start, tmp_path: Path) -> None:
    with pytest.raises(UnderstudyError, match="cannot be started"):
        start(tmp_path / "none").warm_up("tiny", "cpu")


def test_the_real_worker_has_the_model_loaded_when_the_job_comes(start: Start, do: Do) -> None:
    engine, told = start(), [""]
    engine.warm_up("tiny", "cpu")
    while told[-1] != "warm":
        told.append(getattr(engine._inbox.get(timeout=60.0), "stage", ""))
    assert "Loading the model" in told
    stages = [getattr(message, "stage", "") for message in do(engine, WALK)]
    assert "Shaping the motion" in stages and "Loading the model" not in stages
    engine.close()
