"""The worker is killed, or hangs, at random moments: each time a clear message or whole keys, and the next generation works."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import bpy
import pytest

from understudy.blender_addon import jobs, settings
from understudy.blender_addon.engine import client
from understudy.blender_addon.operators import generate, speech
from understudy.blender_addon.operators.task_operator import TaskOperator
from understudy.tests.blender_addon.endurance import traces
from understudy.tests.blender_addon.endurance.conftest import Scale
from understudy.tests.blender_addon.endurance.pressed import Pressed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
BUTTONS: tuple[type[TaskOperator], ...] = (
    generate.UNDERSTUDY_OT_generate, speech.UNDERSTUDY_OT_generate_face, speech.UNDERSTUDY_OT_generate_take,
)  # fmt: skip
MOMENTS = ("generate", "keying", "idle", "answer", "load", "start")
START_S, LOAD_S, ANSWER_S = 2.5, 1.0, 0.03  # over which the moments are spread
TOLD = ("Nothing was changed: try again.", "stopped in the middle of its work")
HELD_S = 0.030
TOO_LATE = "done before the kill"


def kill() -> None:
    engine = jobs.state.engine
    if engine is not None and engine.pid:
        os.kill(engine.pid, signal.SIGKILL)


class Killer:
    """Kills once at a moment of a job; called between two ticks. before: what is to be done before the button is pressed."""

    def __init__(self, moment: str, dice: random.Random, usual_s: float) -> None:
        self.moment, self.was_there = moment, False
        span = {"start": START_S, "load": LOAD_S, "generate": usual_s, "answer": ANSWER_S}.get(moment, 0.0)
        self._delay, self._ticks = dice.uniform(0.0, span), dice.randrange(4)
        self._since: float | None = None

    def before(self) -> None:
        if self.moment in ("start", "load"):
            jobs.stop_engine()
        elif self.moment == "idle":
            kill()
            time.sleep(self._delay)
            self.was_there = True

    def between(self, job: jobs.Job) -> None:
        if self.was_there or not self._has_come(job):
            return
        if self.moment == "keying" and self._ticks > 0:
            self._ticks -= 1
            return
        self._since = self._since or time.monotonic()
        if self.moment == "answer":  # nothing is looked at meanwhile, so that the reply lies in the pipe or is being read
            time.sleep(self._delay)
        elif time.monotonic() - self._since < self._delay:
            return
        kill()
        self.was_there = True

    def _has_come(self, job: jobs.Job) -> bool:
        if self.moment in ("start", "keying"):
            return self.moment == "start" or job.is_writing
        is_loading = job.stage.startswith(("Starting", "Loading"))
        if self.moment == "load":
            return job.stage.startswith("Loading")
        return not is_loading and not job.is_writing and (self.moment == "generate" or job.factor > 0.5)


def whole_keys(buttons: tuple[type[TaskOperator], ...] = BUTTONS) -> Iterator[tuple[type[TaskOperator], tuple[object, ...], float]]:
    """What each button makes of the stage, and how long that takes; the stage is as before."""
    for button in buttons:
        Pressed(button).to_the_end()  # everything is loaded
        bpy.ops.ed.undo()
        began = time.monotonic()
        assert Pressed(button).to_the_end().is_finished
        yield button, traces.scene(), time.monotonic() - began
        bpy.ops.ed.undo()


def test_killed_at_random_moments_it_is_told_and_the_next_generation_works(
    stage: settings.UnderstudySettings, scale: Scale, dice: random.Random
) -> None:
    whole = {button: (made, seconds) for button, made, seconds in whole_keys()}
    ended: Counter[str] = Counter()
    while ended.total() - ended[TOO_LATE] < scale.kills:
        button, moment = dice.choice(BUTTONS), MOMENTS[ended.total() % len(MOMENTS)]
        made, seconds = whole[button]
        killer, before = Killer(moment, dice, seconds), traces.scene()
        killer.before()
        pressed = Pressed(button).to_the_end(killer.between)
        if pressed.is_finished:
            assert traces.scene() == made, f"half of the keys after a kill at {moment}"
            bpy.ops.ed.undo()
        else:
            assert jobs.state.is_error and all(part in jobs.state.message for part in TOLD), jobs.state.message
            assert pressed.said == [("ERROR", jobs.state.message)]
        assert traces.scene() == before and jobs.state.job is None
        assert Pressed(button).to_the_end().is_finished and traces.scene() == made, f"after a kill at {moment}"
        bpy.ops.ed.undo()
        ended[f"{moment}: {'keyed' if pressed.is_finished else 'told'}" if killer.was_there else TOO_LATE] += 1
        assert ended[TOO_LATE] < 4 * scale.kills, ended
    print(f"{scale.kills} kills: {dict(sorted(ended.items()))}")
    assert sum(count for how, count in ended.items() if how.endswith("told")) >= max(1, scale.kills // 4)
    assert jobs.state.engine is not None and traces.children() == [jobs.state.engine.pid]


@pytest.mark.parametrize("moment", ["generate", "idle"])
def test_a_hung_worker_can_be_cancelled_and_the_next_generation_works(
    stage: settings.UnderstudySettings, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by SIGSTOP it says nothing more. The panel goes on counting seconds; Cancel ends it within its limit."""
    monkeypatch.setattr(client, "CANCEL_LIMIT_S", 1.0)
    ((button, made, _),) = whole_keys(BUTTONS[:1])
    before, stopped, cancelled_at, shown = traces.scene(), [], [], []

    def hang() -> None:
        assert jobs.state.engine is not None
        stopped.append(jobs.state.engine.pid)
        os.kill(stopped[0], signal.SIGSTOP)
        threading.Timer(0.5, lambda: cancelled_at.append(time.monotonic())).start()

    def between(job: jobs.Job) -> None:
        if moment == "generate" and not stopped and not job.stage.startswith(("Starting", "Loading")):
            hang()
        shown.append((job.stage, job.factor))
        if len(cancelled_at) == 1:
            job.cancel()
            cancelled_at.append(time.monotonic())

    if moment == "idle":
        hang()
    pressed = Pressed(button).to_the_end(between)
    waited = time.monotonic() - cancelled_at[0]
    assert pressed.said == [("INFO", "Cancelled: the engine was stopped, and nothing was changed.")] and not jobs.state.is_error
    assert waited < 2.0 and len(shown) > 20, "the panel stood still"
    assert max(tick.processor for tick in pressed.ticks) < HELD_S
    assert traces.scene() == before and not _runs(stopped[0])
    assert Pressed(button).to_the_end().is_finished and traces.scene() == made


def _runs(pid: int) -> bool:
    until: Callable[[], bool] = lambda: pid not in traces.children()  # noqa: E731
    end = time.monotonic() + 2.0
    while not until() and time.monotonic() < end:
        time.sleep(0.01)
    return not until()
