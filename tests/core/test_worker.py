"""Does the worker keep its side of the pipe: greet, answer, end with Blender, and let nothing else onto it?"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from understudy.core.contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyReply,
    BodyRequest,
    Cancel,
    Failure,
    Hello,
    Progress,
    Unload,
    encode_frame,
)
from understudy.tests.core.worker_processes import Spawn, errors_of, receive, send, until_done

REPO = Path(__file__).resolve().parents[2]
WALK = BodyRequest(5, "a person walks", seconds=1.0, steps=2, model="tiny", device="cpu")
LONG = BodyRequest(6, "a person walks", seconds=9.0, steps=200, variations=16, model="tiny", device="cpu")


def test_the_worker_greets_first_and_ends_when_nobody_listens_any_more(spawn: Spawn) -> None:
    began = time.monotonic()
    process = spawn()
    assert receive(process) == Hello(CONTRACT_VERSION, VERSION)
    assert time.monotonic() - began < 3
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=2) == 0
    assert receive(process) is None and errors_of(process) == ""


def test_a_whole_conversation(spawn: Spawn, tiny_bundle: Path) -> None:
    """One process, because starting torch takes its time: jobs, a bad one, a cancel, an unload, and the end in the middle of a job."""
    process = spawn("--models", str(tiny_bundle.parent))
    send(process, Hello(CONTRACT_VERSION, VERSION), WALK)
    assert isinstance(receive(process), Hello)
    *progress, reply = until_done(process)
    assert isinstance(reply, BodyReply) and reply.id == 5 and len(reply.motions[0].translation) == 21
    stages = list(dict.fromkeys(message.stage for message in progress if isinstance(message, Progress)))
    assert stages == [
        "Starting the engine",
        "Loading the model",
        "Reading the prompt",
        "Planning the motion",
        "Adding detail",
        "Shaping the motion",
    ]

    send(process, BodyRequest(8, "", model="tiny"))
    assert until_done(process)[-1] == Failure(
        8, "BadRequest", 'The prompt is empty: type what the character does, such as "a person walks forward".'
    )

    send(process, BodyRequest(9, "walks", model="missing"))
    failure = until_done(process)[-1]
    assert isinstance(failure, Failure) and (failure.id, failure.error) == (9, "WeightsError") and "tiny" in failure.text

    send(process, Cancel(12345), LONG)
    while not isinstance(message := receive(process), Progress) or message.stage != "Shaping the motion":
        assert not isinstance(message, Failure)
    cancelled = time.monotonic()
    send(process, Cancel(LONG.id), WALK)
    assert until_done(process)[-1] == Failure(LONG.id, "Cancelled", "Cancelled: nothing was changed.")
    assert time.monotonic() - cancelled < 1
    again = until_done(process)[-1]
    assert isinstance(again, BodyReply) and again.motions[0].rotations.tobytes() == reply.motions[0].rotations.tobytes()

    send(process, Unload(10))
    assert until_done(process) == [Progress(10, "unloaded", 1, 1)]

    send(process, LONG)
    while not isinstance(message := receive(process), Progress) or message.stage != "Shaping the motion":
        pass
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=2) == 0


@pytest.mark.parametrize(("sent", "sentence"), [
    (encode_frame(Hello(CONTRACT_VERSION + 1, "9.9")), "do not fit together"), (encode_frame(Hello(0, "0.0")), "restart Blender"),
    (b"GET / HTTP/1.1\r\n\r\n", "where a frame should begin"), (b"USTD" + b"\xff" * 12, "too much"), (b"USTD\x02\0\0\0" + b"\0" * 8 + b"{}", "cannot be read"),
    (encode_frame(Progress(1, "a", 0, 1)), "does not take a Progress"), (encode_frame(Failure(1, "a", "b")), "does not take a Failure"),
    (b"UST", "in the middle of a frame"),
])  # fmt: skip
def test_what_it_cannot_understand_ends_it_with_a_sentence(sent: bytes, sentence: str, spawn: Spawn) -> None:
    process = spawn()
    assert isinstance(receive(process), Hello)
    assert process.stdin is not None
    process.stdin.write(sent)
    process.stdin.close()
    assert process.wait(timeout=3) == 1
    errors = errors_of(process)
    assert sentence in errors and "Traceback" not in errors and len(errors.splitlines()) == 1
    assert receive(process) is None


NOISY = """
import ctypes, os, subprocess, sys
sys.path.insert(0, {repo!r})

from core import service, worker
from pathlib import Path
generate = service.BodyPipeline.generate
def noisy(*arguments):
    print("a library prints", flush=True)
    os.write(1, b"and writes to descriptor one\\n")
    ctypes.CDLL(None).puts(b"and from C")
    ctypes.CDLL(None).fflush(None)
    subprocess.run(["echo", "and from a process of its own"])
    return generate(*arguments)
service.BodyPipeline.generate = noisy
worker.main((Path({models!r}),), 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="calls the C library of Linux and macOS")
def test_nothing_that_a_library_prints_gets_between_the_frames(spawn: Spawn, tiny_bundle: Path, tmp_path: Path) -> None:
    script = tmp_path / "noisy.py"
    script.write_text(NOISY.format(repo=str(REPO), models=str(tiny_bundle.parent)))
    process = spawn(command=[sys.executable, "-s", "-u", str(script)])
    send(process, Hello(CONTRACT_VERSION, VERSION), WALK)
    assert isinstance(receive(process), Hello)
    assert isinstance(until_done(process)[-1], BodyReply)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=2)
    printed = errors_of(process)
    for line in ("a library prints", "and writes to descriptor one", "and from C", "and from a process of its own"):
        assert line in printed


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="priorities are those of Unix")
def test_it_steps_back_as_far_as_it_was_told(spawn: Spawn) -> None:
    process = spawn("--nice", "3")
    receive(process)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 3


def test_it_ends_when_the_reading_side_is_gone(spawn: Spawn, tiny_bundle: Path) -> None:
    process = spawn("--models", str(tiny_bundle.parent))
    receive(process)
    assert process.stdout is not None
    process.stdout.close()
    send(process, WALK)
    assert process.wait(timeout=20) == 0
