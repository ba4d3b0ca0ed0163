"""Redo Range: the prompt for some frames of what the character does already."""

from __future__ import annotations

import bpy

from ...core.contract import UnderstudyError
from .. import settings
from ..animation import curves, key_ranges
from ..animation.body import scene_fps
from ..animation.body_range import KeyRange, body_paths, range_refusal
from ..characters import character_refused, chosen_character
from ..tasks import RedoTask
from .answers import allowed
from .generate import refused, request_from
from .task_operator import TaskOperator


class UNDERSTUDY_OT_redo_range(TaskOperator, bpy.types.Operator):
    """Make a range of the character's keys anew, as the prompt says. All other keys stay, your own changes to them too"""

    bl_idname = "understudy.redo_range"
    bl_label = "Redo Range"
    bl_options = {"REGISTER"}
    undo_name = "Redo Range"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, redo_refused(context))

    def new_task(self, context: bpy.types.Context) -> RedoTask:
        chosen = settings.of(context.scene)
        if reason := character_refused(context) or range_refusal(chosen_character(context)):
            raise UnderstudyError(reason)
        first, last = chosen_range(context)
        character = chosen_character(context)
        assert character is not None
        frames = KeyRange(character.name, first, last, scene_fps(context.scene))
        carries_rest = chosen.redo_carries_rest and not chosen.redo_upper_body
        return RedoTask(request_from(context, None), frames, chosen.redo_upper_body, carries_rest)


def redo_refused(context: bpy.types.Context) -> str:
    """Why no range can be made anew now, in words for the tooltip; empty if one can."""
    if reason := refused(context) or range_refusal(chosen_character(context)):
        return reason
    try:
        chosen_range(context)
    except UnderstudyError as error:
        return str(error)
    return ""


def chosen_range(context: bpy.types.Context) -> tuple[int, int]:
    """First and last frame, both included. Raises UnderstudyError where the animator has chosen none."""
    chosen, scene = settings.of(context.scene), context.scene
    if chosen.redo_range == settings.FROM_PREVIEW:
        if not scene.use_preview_range:
            raise UnderstudyError("There is no preview range: press P over the timeline and drag, or choose Frames.")
        return int(scene.frame_preview_start), int(scene.frame_preview_end)
    if chosen.redo_range == settings.FROM_KEYS:
        return _selected(chosen_character(context))
    if chosen.redo_first > chosen.redo_last:
        raise UnderstudyError(f"The range begins at frame {chosen.redo_first}, after its end at {chosen.redo_last}: swap them.")
    return int(chosen.redo_first), int(chosen.redo_last)


def _selected(armature: bpy.types.Object | None) -> tuple[int, int]:
    assert armature is not None
    slot = curves.playing_slot(armature)
    found = key_ranges.extent(slot, body_paths(armature), selected_only=True) if slot else None
    if found is None:
        raise UnderstudyError(f"No key of “{armature.name}” is selected: select some in the Dope Sheet, or choose Frames.")
    return round(found[0]), round(found[1])


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_OT_redo_range)


def unregister() -> None:
    bpy.utils.unregister_class(UNDERSTUDY_OT_redo_range)
