"""Generate and Cancel."""

from __future__ import annotations

import secrets
import time

import bpy

from ...core.contract import MAX_SEED, BodyRequest, Cancelled, Quality, UnderstudyError
from .. import jobs, preferences, settings
from ..animation.body import scene_fps
from ..animation.rig import refusal
from ..feedback import redraw
from .answers import allowed

TIMER_SECONDS = 0.03


def task_from(context: bpy.types.Context) -> jobs.Task:
    """The animator's settings as a task. Raises UnderstudyError for a value or a character that cannot be used."""
    chosen, scene = settings.of(context.scene), context.scene
    if reason := refusal(chosen.character):
        raise UnderstudyError(reason)
    prefs = preferences.current()
    request = BodyRequest(
        id=jobs.ready_engine().next_id(),
        text=chosen.prompt,
        seconds=round(chosen.seconds, 3) if chosen.use_seconds else None,
        seed=secrets.randbelow(MAX_SEED + 1) if chosen.use_new_seed else chosen.seed,
        steps=Quality[chosen.quality].value,
        guidance=round(chosen.guidance, 3) if chosen.use_guidance else None,
        variations=chosen.variations,
        model=prefs.model if prefs else "starter",
        device=prefs.device if prefs else "auto",
        lock_feet=chosen.lock_feet,
    )
    request.validate()
    chosen.seed = request.seed
    return jobs.Task(request, chosen.character.name, float(scene.frame_current_final), scene_fps(scene))


class UNDERSTUDY_OT_generate(bpy.types.Operator):
    """Turn the prompt into keyframes on the character, from the current frame on"""

    bl_idname = "understudy.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    _timer: bpy.types.Timer | None = None
    _shown: tuple[str, float, int] | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, refused(context))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:  # neither timers nor modal operators run there
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(TIMER_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
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
        try:
            task = task_from(context)
            jobs.state.job = jobs.Job(jobs.ready_engine(), task)
        except UnderstudyError as error:
            self._failed(context, error)
            return False
        jobs.state.message, jobs.state.is_error = "", False
        return True

    def _finished(self, context: bpy.types.Context) -> set[str]:
        job, jobs.state.job = jobs.state.job, None
        assert isinstance(job, jobs.Job)
        bpy.ops.ed.undo_push(message="Generate Motion")
        more = f" and {len(job.actions) - 1} more Actions" if len(job.actions) > 1 else ""
        jobs.state.message, jobs.state.is_error = f"“{job.actions[0]}”{more}", False
        self.report({"INFO"}, f"Keyed “{job.actions[0]}”{more}")
        redraw(context.window_manager)
        return {"FINISHED"}

    def _failed(self, context: bpy.types.Context, error: UnderstudyError) -> set[str]:
        jobs.state.job = None
        cancelled = isinstance(error, Cancelled)
        jobs.state.message, jobs.state.is_error = str(error), not cancelled
        self.report({"INFO"} if cancelled else {"ERROR"}, str(error))
        redraw(context.window_manager)
        return {"CANCELLED"}

    def _show_progress(self, context: bpy.types.Context) -> None:
        job = jobs.state.job
        shown = (job.stage, job.factor, int(time.monotonic() - job.began)) if job else None
        if shown != self._shown:
            self._shown = shown
            redraw(context.window_manager)

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


class UNDERSTUDY_OT_cancel(bpy.types.Operator):
    """Stop what the engine is doing; nothing is changed"""

    bl_idname = "understudy.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("The engine is doing nothing")
        return jobs.state.job is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        assert jobs.state.job is not None
        jobs.state.job.cancel()
        return {"FINISHED"}


def refused(context: bpy.types.Context) -> str:
    """Why nothing can be generated now, in words for the tooltip; empty if it can."""
    chosen = settings.of(context.scene)
    if reason := jobs.busy():
        return reason
    if not chosen.prompt.strip():
        return "The prompt is empty: type what the character does."
    return refusal(chosen.character) or jobs.engine_refusal()


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_OT_generate)
    bpy.utils.register_class(UNDERSTUDY_OT_cancel)


def unregister() -> None:
    bpy.utils.unregister_class(UNDERSTUDY_OT_cancel)
    bpy.utils.unregister_class(UNDERSTUDY_OT_generate)
