"""Does a worker that dies, hangs or talks nonsense come as one Failure with one sentence, and does the next request work?"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.blender_addon.engine import client
from understudy.blender_addon.engine.client import Engine
from understudy.core.contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyReply,
    BodyRequest,
    Cancelled,
    Failure,
    Hello,
    Message,
    Progress,
    Quality,
    UnderstudyError,
    WorkerDied,
    encode_frame,
)

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals and programs are those of Unix")

Start = Callable[..., Engine]
Do = Callable[..., list[Message]]
Executable = Callable[[str], Path]
Answers = Callable[..., str]
WALK = BodyRequest(5, "a person walks", seconds=1.0, steps=Quality.DRAFT.value, model="tiny", device="cpu")
WORKING = Progress(5, "Shaping the motion", 1, 2)
STAGES = ("Starting the engine", "Loading the model", "Reading the prompt", "Planning the motion", "Adding detail", "Shaping the motion")


def failure_of(messages: list[Message]) -> Failure:
    """The one Failure, at the end, with one sentence."""
    *before, failure = messages
    assert isinstance(failure, Failure) and failure.id == 5
    assert all(isinstance(message, Progress) for message in before)
    assert "\n" not in failure.text and "Traceback" not in failure.text and len(failure.text) < 300
    return failure


def test_killed_at_any_stage_it_says_so_and_the_next_request_starts_another(
    troubled: Engine, trouble: Path, do: Do, pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool]
) -> None:
    """Each request after a death is also the one that gets as far as the next stage."""
    for stage in STAGES:
        trouble.write_text(f"{stage}: SIGKILL")
        pids: set[int] = set()
        messages = do(troubled, WALK, lambda message, pids=pids: pids.add(pid_of(troubled)) if isinstance(message, Progress) else None)
        assert failure_of(messages) == Failure(
            5, "WorkerDied",
            "The engine stopped in the middle of its work (it was killed, perhaps because memory ran out). Nothing was changed: try again.",
        )  # fmt: skip
        last = messages[-2]
        assert isinstance(last, Progress) and last.stage == stage
        assert not troubled.is_running and len(pids) == 1 and all(map(is_gone, pids))
    trouble.write_text("")
    assert isinstance(do(troubled, WALK)[-1], BodyReply)


def test_stopped_in_the_middle_it_is_given_up_and_the_next_request_starts_another(
    troubled: Engine, trouble: Path, do: Do, pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool]
) -> None:
    assert isinstance(do(troubled, WALK)[-1], BodyReply)
    worker, patient = pid_of(troubled), troubled.settings
    troubled.settings = replace(patient, silence_limit_s=1.0)
    trouble.write_text("Planning the motion: SIGSTOP")
    began = time.monotonic()
    assert failure_of(do(troubled, WALK)) == Failure(
        5, "WorkerHung", "The engine gave no sign of life for 1 s and was stopped: try again."
    )
    assert 1.0 < time.monotonic() - began < 5 and is_gone(worker) and not troubled.is_running
    troubled.settings = patient
    trouble.write_text("")
    assert isinstance(do(troubled, WALK)[-1], BodyReply)


@pytest.mark.parametrize("stage", [None, WORKING], ids=["before a sign", "after one"])
def test_a_silent_worker_is_given_up(
    stage: Progress | None, start: Start, do: Do, executable: Executable, answers: Answers,
    pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool],
) -> None:  # fmt: skip
    engine = start(executable(answers(*filter(None, [stage]))), silence_limit_s=0.5)
    engine.submit(WALK)
    worker = pid_of(engine)
    while not (messages := engine.poll()) or isinstance(messages[-1], Progress):
        time.sleep(0.005)
    assert failure_of(messages[-1:]).error == "WorkerHung"
    assert is_gone(worker) and not engine.is_busy


def test_a_worker_that_hangs_because_memory_ran_out_says_so(start: Start, do: Do, executable: Executable) -> None:
    hanging = "import sys, time; print('MemoryError', file=sys.stderr, flush=True); time.sleep(1000)"
    assert failure_of(do(start(executable(hanging), silence_limit_s=2.0), WALK)) == Failure(
        5, "WorkerHung", "The engine gave no sign of life for 2 s, because memory ran out, and was stopped: try again."
    )


def test_signs_of_life_keep_a_slow_worker(start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    """A second and a half in all, and never half a second without a sign."""
    signs = f"for _ in range(15):\n    sys.stdout.buffer.write({encode_frame(WORKING)!r}); sys.stdout.flush(); time.sleep(0.1)"
    last = f"{signs}\nsys.stdout.buffer.write({encode_frame(Failure(5, 'BadRequest', 'Enough.'))!r}); sys.stdout.flush(); time.sleep(1000)"
    assert failure_of(do(start(executable(answers(last=last)), silence_limit_s=1.0), WALK)).text == "Enough."


def test_a_worker_that_does_not_stop_when_cancelled_is_stopped(
    start: Start, do: Do, executable: Executable, answers: Answers, pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert client.CANCEL_LIMIT_S == 5.0
    monkeypatch.setattr(client, "CANCEL_LIMIT_S", 0.3)
    engine, cancelled = start(executable(answers(WORKING))), []

    def cancel(message: Message) -> None:
        if isinstance(message, Progress):
            cancelled.append((time.monotonic(), pid_of(engine)))
            engine.cancel()

    failure = failure_of(do(engine, WALK, cancel))
    assert (failure.error, failure.text) == ("Cancelled", "Cancelled: the engine was stopped, and nothing was changed.")
    when, worker = cancelled[0]
    assert 0.3 < time.monotonic() - when < 3 and is_gone(worker) and not engine.is_running


@pytest.mark.parametrize("last", ["sys.exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_worker_that_dies_of_a_cancel_cancelled(last: str, start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    engine = start(executable(answers(WORKING, last=f"time.sleep(0.3); {last}")))
    failure = failure_of(do(engine, WALK, lambda message: engine.cancel()))
    assert failure == Failure(5, "Cancelled", "Cancelled: nothing was changed.")
    assert isinstance(failure.raised(), Cancelled)


def test_a_reply_that_was_on_its_way_does_not_undo_a_cancel(start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    late = f"time.sleep(0.3); sys.stdout.buffer.write({encode_frame(BodyReply(5, ()))!r}); sys.stdout.flush(); time.sleep(1000)"
    engine = start(executable(answers(WORKING, last=late)))
    assert failure_of(do(engine, WALK, lambda message: engine.cancel())).error == "Cancelled"
    assert engine.is_running


def test_answers_to_a_job_that_was_given_up_are_left_out(start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    old = (Progress(4, "Planning the motion", 0, 1), BodyReply(4, ()), Failure(0, "BadRequest", "Nobody's."), Failure(4, "Cancelled", "Old."))
    assert do(start(executable(answers(*old, WORKING, BodyReply(5, ())))), WALK) == [WORKING, BodyReply(5, ())]


@pytest.mark.parametrize(("source", "reason"), [
    ("import sys; sys.exit('No module named core')", "No module named core"),
    ("import sys; print('why', file=sys.stderr); print('   the last line  \\n\\n', file=sys.stderr); sys.exit(1)", "the last line"),
    ("raise ModuleNotFoundError('No module named numpy')", "ModuleNotFoundError: No module named numpy"),
    ("import os, sys, time; os.fork() or (os.close(1), time.sleep(0.3), sys.exit('what is read late')); os._exit(1)", "what is read late"),
    ("import sys; sys.stderr.buffer.write(b'caf\\xe9 \\xff'); sys.exit(1)", "caf\ufffd \ufffd"),
    ("import sys; sys.exit('x' * 5000)", "x" * 160),
    ("", "exit code 0"), ("import os; os._exit(3)", "exit code 3 without a word, perhaps because memory ran out"),
    ("import os; os.abort()", "it crashed with signal 6, perhaps because memory ran out"),
    ("raise SystemError('error return without exception set')",
     "SystemError: error return without exception set, perhaps because memory ran out"),
    ("import os, sys; print('what():  std::bad_alloc', file=sys.stderr, flush=True); os.abort()", "memory ran out"),
    ("import sys; sys.exit('MemoryError')", "memory ran out"),
    ("import os; os.close(1); import time; time.sleep(1000)", "it closed its output"),
])  # fmt: skip
def test_a_program_that_ends_at_once_is_reported_with_its_last_words(source: str, reason: str, start: Start, do: Do, executable: Executable) -> None:
    engine = start(executable(source))
    failure = failure_of(do(engine, WALK))
    assert isinstance(failure.raised(), WorkerDied)
    assert failure.text == f"The engine stopped in the middle of its work ({reason}). Nothing was changed: try again."
    assert not engine.is_running and not engine.is_busy


def test_half_a_frame_of_a_killed_worker_is_a_death(start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    half = f"sys.stdout.buffer.write({encode_frame(WORKING)[:-7]!r}); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    failure = failure_of(do(start(executable(answers(WORKING, last=half))), WALK))
    assert failure.error == "WorkerDied" and "killed" in failure.text


@pytest.mark.parametrize("rubbish", [b"Hello from a library\n" * 2, b"USTD" + b"\xff" * 12, b"USTD\x02\0\0\0" + b"\0" * 8 + b"{}", b"\0" * 64])
def test_rubbish_on_the_pipe_ends_the_worker(
    rubbish: bytes, start: Start, do: Do, executable: Executable, answers: Answers, pid_of: Callable[[Engine], int], is_gone: Callable[[int], bool]
) -> None:
    last = f"time.sleep(0.1); sys.stdout.buffer.write({rubbish!r}); sys.stdout.flush(); time.sleep(1000)"
    engine, pids = start(executable(answers(WORKING, last=last))), []
    failure = failure_of(do(engine, WALK, lambda message: pids.append(pid_of(engine)) if message == WORKING else None))
    assert failure.error == "ContractError" and failure.text.endswith("Try again; the engine's log may tell why.")
    assert is_gone(pids[0]) and not engine.is_running


@pytest.mark.parametrize(("contract", "version"), [(CONTRACT_VERSION + 1, "9.9"), (CONTRACT_VERSION - 1, "0.0.1")])
def test_an_engine_of_another_version_is_named(contract: int, version: str, start: Start, do: Do, executable: Executable, answers: Answers) -> None:
    engine = start(executable(answers(WORKING, first=Hello(contract, version))))
    failure = failure_of(do(engine, WALK))
    assert failure.error == "VersionMismatch" and not engine.is_running
    assert f"Add-on {VERSION} and engine {version}" in failure.text and f"{CONTRACT_VERSION} and {contract}" in failure.text
    assert "restart Blender" in failure.text


@pytest.mark.parametrize("wish", ["missing", "folder", "text", "data"])
def test_what_is_no_interpreter_is_refused_with_a_sentence(wish: str, start: Start, do: Do, executable: Executable, answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("print('no permission to run')")
    (tmp_path / "data").write_bytes(b"\x7fNOT")
    (tmp_path / "data").chmod(0o755)
    engine = start(tmp_path / wish)
    with pytest.raises(UnderstudyError, match=r"cannot be started \(.+\): set it up again in the preferences") as error:
        engine.submit(WALK)
    assert str(tmp_path / wish) in str(error.value) and "Errno" not in str(error.value)
    assert not engine.is_busy and not engine.is_running and engine.poll() == []
    engine.settings = replace(engine.settings, python=str(executable(answers(BodyReply(5, ())))))
    assert do(engine, WALK) == [BodyReply(5, ())]


def test_what_it_prints_lands_in_the_log_and_a_full_disk_does_not_matter(start: Start, do: Do, executable: Executable, answers: Answers, tmp_path: Path) -> None:
    program = executable("import sys; sys.stderr.write('one\\n' * 1000); " + answers(BodyReply(5, ()), last="sys.exit('two')"))
    for path in (tmp_path / "engine.log", tmp_path / "no folder" / "engine.log"):
        engine = start(program)
        engine.settings = replace(engine.settings, log_file=path)
        assert do(engine, WALK) == [BodyReply(5, ())]
        until = time.monotonic() + 5
        while "two" not in engine.log and time.monotonic() < until:
            time.sleep(0.005)
        assert engine.log[-1] == "two" and len(engine.log) == client.LOG_LINES
    assert (tmp_path / "engine.log").read_text().splitlines() == ["one"] * 1000 + ["two"]
