"""Does memory that runs out, at whatever stage, come as one sentence, and does the next request work when there is enough again?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.blender_addon.engine.client import Engine
from understudy.core.contract import BodyReply, BodyRequest, Failure, Message, OutOfMemory, Progress, Quality, Unload

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")

Start = Callable[..., Engine]
Do = Callable[..., list[Message]]
# Long enough that every stage asks the system for memory
BIG = BodyRequest(
    5, "a person walks slowly forward and " * 25, seconds=9.0, steps=Quality.DRAFT.value, variations=4, model="tiny", device="cpu"
)
SMALL = replace(BIG, text="a person walks", seconds=1.0, variations=1)
LIMITED = """
import os, resource, sys
limit = {megabytes} << 20
resource.setrlimit(resource.RLIMIT_{what}, (limit, limit))
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


def test_a_job_that_is_too_large_says_so_and_the_same_worker_goes_on(
    troubled: Engine, trouble: Path, do: Do, pid_of: Callable[[Engine], int]
) -> None:
    assert isinstance(do(troubled, SMALL)[-1], BodyReply)
    worker = pid_of(troubled)
    do(troubled, Unload(9))
    for stage in ("Loading the model", "Reading the prompt", "Planning the motion", "Adding detail", "Shaping the motion"):
        trouble.write_text(f"{stage}: no memory")
        *progress, failure = do(troubled, BIG)
        stages = [message.stage for message in progress if isinstance(message, Progress)]
        assert stages[1] == "Loading the model"  # the one before gave its memory back
        # Tried once more, one by one, where there is no more room than before
        assert stage in stages and stages[-1] in (stage, "Loading the model") and len(stages) == len(progress)
        assert failure == Failure(
            5, "OutOfMemory", "There was not enough memory on this machine for 4 motion(s) of 9 s: make fewer variations or a shorter motion,"
            " or close other programs.",
        )  # fmt: skip
    trouble.write_text("")
    assert isinstance(do(troubled, SMALL)[-1], BodyReply)
    assert pid_of(troubled) == worker


def test_a_start_without_memory_says_so_and_the_next_request_starts_another(troubled: Engine, trouble: Path, do: Do) -> None:
    """Torch that was imported by half cannot be used again, so that worker ends; nobody has to wait until it has."""
    troubled.close()
    for _ in range(2):
        trouble.write_text("Starting the engine: no memory")
        *progress, failure = do(troubled, SMALL)
        assert progress == [Progress(5, "Starting the engine", 0, 1)]
        assert isinstance(failure, Failure) and isinstance(failure.raised(), OutOfMemory)
        assert failure.text == "There was not enough memory for the engine: close other programs, and try again."
    trouble.write_text("")
    assert isinstance(do(troubled, SMALL)[-1], BodyReply)


@pytest.mark.parametrize(("what", "megabytes"), [
    ("AS", 60), ("AS", 400), ("DATA", 2), ("DATA", 8), ("DATA", 10), ("DATA", 18), ("DATA", 30), ("DATA", 60),
])  # fmt: skip
def test_a_real_limit_gives_one_sentence_wherever_it_strikes(
    what: str, megabytes: int, start: Start, do: Do, executable: Callable[[str], Path], engine_python: str
) -> None:
    """Where that is, depends on the machine and on torch: before the greeting, while torch is imported, or in its threads."""
    engine = start(executable(LIMITED.format(what=what, megabytes=megabytes, python=engine_python)))
    *progress, failure = do(engine, SMALL)
    assert all(isinstance(message, Progress) for message in progress)
    assert isinstance(failure, Failure) and failure.error in ("OutOfMemory", "WorkerDied"), failure
    assert "memory" in failure.text and "Traceback" not in failure.text and "\n" not in failure.text
