"""What all operators share that run a task: modal with a timer, or in one call in background mode and for scripts."""

from __future__ import annotations

import bpy

from ...core.contract import Cancelled, UnderstudyError
from .. import jobs
from ..feedback import redraw, redraw_anew
from ..tasks import Task
from .answers import complain

TIMER_SECONDS = 0.03


def push_undo_step(name: str) -> None:
    """Blender's own, which copies what changed in the whole file and cannot be cut into slices."""
    bpy.ops.ed.undo_push(message=name)


class TaskOperator:
    """Beside bpy.types.Operator.

    undo_name: what its one undo step is called. place: the panel that it is in. needs_engine: whether a model is asked.
    """

    undo_name = ""
    place = jobs.BODY
    needs_engine = True
    _timer: bpy.types.Timer | None = None
    _shown: tuple[object, ...] | None = None

    def new_task(self, context: bpy.types.Context) -> Task:
        """The animator's settings as a task. Raises UnderstudyError for what cannot be used."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:  # neither timers nor modal operators run there
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(TIMER_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)  # type: ignore[arg-type]
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The same, waiting for the result: background mode, and scripts."""
        if not self._start(context):
            return {"CANCELLED"}
        try:
            assert jobs.state.job is not None
            jobs.state.job.run()
        except UnderstudyError as error:
            return self._failed(context, error)
        return self._finished(context)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            done = jobs.state.job is None or jobs.state.job.advance()
        except UnderstudyError as error:
            self._stop_timer(context)
            return self._failed(context, error)
        if not done:
            self._show_progress(context)
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        return self._finished(context) if jobs.state.job else {"CANCELLED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: a new file is opened, or Blender quits."""
        self._stop_timer(context)
        if jobs.state.job is not None:
            jobs.state.job.cancel()
            jobs.state.job = None

    def _start(self, context: bpy.types.Context) -> bool:
        jobs.state.place = self.place
        try:
            task = self.new_task(context)
            jobs.begin(jobs.Job(jobs.ready_engine() if self.needs_engine else None, task), self.place)
        except UnderstudyError as error:
            self._failed(context, error)
            return False
        return True

    def _finished(self, context: bpy.types.Context) -> set[str]:
        job, jobs.state.job = jobs.state.job, None
        assert isinstance(job, jobs.Job) and job.keyed is not None
        push_undo_step(self.undo_name)
        made = job.keyed.sentence
        jobs.tell(" ".join((made, *job.keyed.notices)), frames=job.keyed.frames)
        for notice in job.keyed.notices:
            self.report({"WARNING"}, notice)  # type: ignore[attr-defined]
        self.report({"INFO"}, made)  # type: ignore[attr-defined]
        redraw_anew(context.window_manager)
        return {"FINISHED"}

    def _failed(self, context: bpy.types.Context, error: UnderstudyError) -> set[str]:
        jobs.state.job = None
        cancelled = isinstance(error, Cancelled)
        jobs.tell(str(error), is_error=not cancelled)
        if cancelled:
            self.report({"INFO"}, str(error))  # type: ignore[attr-defined]
        else:
            complain(self, str(error))  # type: ignore[arg-type]
        redraw_anew(context.window_manager)
        return {"CANCELLED"}

    def _show_progress(self, context: bpy.types.Context) -> None:
        job = jobs.state.job
        shown = job.shown if job else None
        if shown != self._shown:
            self._shown = shown
            redraw(context.window_manager)

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
