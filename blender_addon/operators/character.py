"""Add Character."""

from __future__ import annotations

import bpy

from .. import jobs, placing, settings, warming
from ..animation.smpl_armature import add_character
from .answers import can_add, cancelled


class UNDERSTUDY_OT_add_character(bpy.types.Operator):
    """Add Understudy's own body (1.7 m tall, SMPL joints) at the 3D cursor or beside what stands there, and choose it"""

    bl_idname = "understudy.add_character"
    bl_label = "Add Character"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_add(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = add_character(collection=context.collection)
        except (OSError, ValueError, KeyError) as error:
            return cancelled(self, f"The default body cannot be read ({error}): install the extension again.", jobs.BODY)
        settings.of(context.scene).character = armature
        placing.put(context, armature)
        warming.soon()
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_OT_add_character)


def unregister() -> None:
    bpy.utils.unregister_class(UNDERSTUDY_OT_add_character)
