"""Generate and Cancel."""

from __future__ import annotations

import secrets

import bpy

from ...core.contract import MAX_SEED, BodyRequest, Quality, UnderstudyError
from .. import jobs, preferences, settings
from ..animation.body import scene_fps
from ..animation.rig import refusal
from ..tasks import BodyTask
from .answers import allowed
from .task_operator import TaskOperator


def task_from(context: bpy.types.Context) -> BodyTask:
    """The animator's settings as a task. Raises UnderstudyError for a value or a character that cannot be used."""
    chosen, scene = settings.of(context.scene), context.scene
    if reason := refusal(chosen.character):
        raise UnderstudyError(reason)
    request = request_from(context, round(chosen.seconds, 3) if chosen.use_seconds else None)
    return BodyTask(request, chosen.character.name, float(scene.frame_current_final), scene_fps(scene))


def request_from(context: bpy.types.Context, seconds: float | None) -> BodyRequest:
    """The settings as a request of this length; a seed that is thrown is written back. Raises UnderstudyError for what cannot be used."""
    chosen, prefs = settings.of(context.scene), preferences.current()
    request = BodyRequest(
        id=jobs.ready_engine().next_id(),
        text=chosen.prompt,
        seconds=seconds,
        seed=secrets.randbelow(MAX_SEED + 1) if chosen.use_new_seed else chosen.seed,
        steps=Quality[chosen.quality].value,
        guidance=round(chosen.guidance, 3) if chosen.use_guidance else None,
        variations=chosen.variations,
        model=prefs.model if prefs else preferences.DEFAULT_MODEL,
        device=prefs.device if prefs else "auto",
        lock_feet=chosen.lock_feet,
    )
    request.validate()
    chosen.seed = request.seed
    return request


class UNDERSTUDY_OT_generate(TaskOperator, bpy.types.Operator):
    """Turn the prompt into keyframes on the character, from the current frame on"""

    bl_idname = "understudy.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}
    undo_name = "Generate Motion"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, refused(context))

    def new_task(self, context: bpy.types.Context) -> BodyTask:
        return task_from(context)


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
