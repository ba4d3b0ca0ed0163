"""Generate and Cancel."""

from __future__ import annotations

import secrets

import bpy

from ...core.contract import MAX_SEED, BodyRequest, Quality, UnderstudyError
from .. import jobs, models, preferences, settings
from ..animation.body import scene_fps
from ..characters import character_refused, chosen_character
from ..tasks import BodyTask
from .answers import allowed
from .task_operator import TaskOperator


def task_from(context: bpy.types.Context) -> BodyTask:
    """The animator's settings as a task. Raises UnderstudyError for a value or a character that cannot be used."""
    chosen, scene = settings.of(context.scene), context.scene
    if reason := character_refused(context):
        raise UnderstudyError(reason)
    character = chosen_character(context)
    assert character is not None
    request = request_from(context, round(chosen.seconds, 3) if chosen.use_seconds else None)
    return BodyTask(request, character.name, float(scene.frame_current_final), scene_fps(scene))


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
        model=_model(prefs),
        device=prefs.device if prefs else "auto",
        lock_feet=chosen.lock_feet,
    )
    request.validate()
    chosen.seed = request.seed
    return request


def _model(prefs: preferences.Preferences | None) -> str:
    """`weights use` may have chosen another one a moment ago."""
    models.read_choice()
    return models.wanted(prefs.model if prefs else "")


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
    return character_refused(context) or jobs.engine_refusal()


def hints(context: bpy.types.Context) -> list[str]:
    """What speaks for another frame or character than is set, though nothing against generating."""
    scene, character = context.scene, chosen_character(context)
    last = scene.frame_preview_end if scene.use_preview_range else scene.frame_end
    found = []
    if scene.frame_current > last:
        found.append(f"The keys begin at frame {scene.frame_current}, behind the end of playback ({last}): go to an earlier frame first.")
    if character is not None and not character.visible_get():
        found.append(f"“{character.name}” is hidden, so that its motion will not be seen.")
    return found


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_OT_generate)
    bpy.utils.register_class(UNDERSTUDY_OT_cancel)


def unregister() -> None:
    bpy.utils.unregister_class(UNDERSTUDY_OT_cancel)
    bpy.utils.unregister_class(UNDERSTUDY_OT_generate)
