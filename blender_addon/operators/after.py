"""What the panel offers once something was made, or went wrong: play it, let the scene last as long, put the sentence away."""

from __future__ import annotations

import math

import bpy

from .. import jobs
from .answers import allowed


class UNDERSTUDY_OT_play(bpy.types.Operator):
    """Play the animation from the first frame that was keyed, or pause it"""

    bl_idname = "understudy.play"
    bl_label = "Play"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if jobs.state.frames else "Nothing was keyed just now")

    def execute(self, context: bpy.types.Context) -> set[str]:
        assert jobs.state.frames is not None
        if not context.screen.is_animation_playing:
            context.scene.frame_set(math.ceil(jobs.state.frames[0]))
        bpy.ops.screen.animation_play()
        return {"FINISHED"}


class UNDERSTUDY_OT_extend_scene(bpy.types.Operator):
    """Move the end of the scene to the last frame that was keyed, so that all of it is played and rendered"""

    bl_idname = "understudy.extend_scene"
    bl_label = "Extend Scene"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        frames = jobs.state.frames
        return allowed(cls, "" if frames and frames[1] > context.scene.frame_end else "The scene lasts long enough")

    def execute(self, context: bpy.types.Context) -> set[str]:
        assert jobs.state.frames is not None
        context.scene.frame_end = math.floor(jobs.state.frames[1])
        return {"FINISHED"}


class UNDERSTUDY_OT_dismiss_message(bpy.types.Operator):
    """Put this message away"""

    bl_idname = "understudy.dismiss_message"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        jobs.tell("")
        return {"FINISHED"}


_CLASSES = (UNDERSTUDY_OT_play, UNDERSTUDY_OT_extend_scene, UNDERSTUDY_OT_dismiss_message)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
