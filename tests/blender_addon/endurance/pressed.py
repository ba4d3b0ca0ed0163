"""A button that was pressed: the modal operator that a window would run, with Blender's timer played by hand, because background mode has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import bpy

from understudy.blender_addon import jobs
from understudy.blender_addon.operators.task_operator import TaskOperator
from understudy.blender_addon.tasks import Task

_NAP_S = 0.002
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Tick:
    """What one call of ours took on Blender's thread: seconds on the clock, and of the processor, which other programs cannot steal."""

    clock: float
    processor: float


class Pressed(TaskOperator):
    """One of the task operators. said: what it reported; ticks: what each of its calls took; undo_step: what Blender's own undo took."""

    def __init__(self, operator: type[TaskOperator], **properties: object) -> None:
        self.undo_name, self.place, self.needs_engine = operator.undo_name, operator.place, operator.needs_engine
        self._operator, self._properties = operator, SimpleNamespace(**properties)
        self.said: list[tuple[str, str]] = []
        self.ticks: list[Tick] = []
        self.is_finished = False
        self.options = SimpleNamespace(is_invoke=True)

    def new_task(self, context: bpy.types.Context) -> Task:
        return self._operator.new_task(self._properties, context)  # type: ignore[arg-type]

    def report(self, kinds: set[str], sentence: str) -> None:
        self.said += [(kind, sentence) for kind in kinds]

    def press(self) -> bool:
        """Whether it is at work now."""
        return bool(self._timed(lambda: self._start(bpy.context)))

    def tick(self) -> bool:
        """Whether it is still at work."""
        result = self._timed(lambda: self.modal(bpy.context, SimpleNamespace(type="TIMER")))  # type: ignore[arg-type]
        self.is_finished = result == {"FINISHED"}
        return result == {"PASS_THROUGH"}

    def to_the_end(self, between: Callable[[jobs.Job], object] = lambda _job: None) -> Pressed:
        """Presses, and ticks until it is done; `between` is called with the job between two ticks."""
        until = time.monotonic() + _PATIENCE_S
        if not self.press():
            return self
        while self.tick():
            assert isinstance(jobs.state.job, jobs.Job)
            between(jobs.state.job)
            assert time.monotonic() < until, f"no end at {jobs.state.job.stage}"
            time.sleep(_NAP_S)
        return self

    def _timed(self, call: Callable[[], object]) -> object:
        clock, processor = time.perf_counter(), time.thread_time()
        result = call()
        self.ticks.append(Tick(time.perf_counter() - clock, time.thread_time() - processor))
        return result
