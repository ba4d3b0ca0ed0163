"""Stop the engine, check it, show its log, open the preferences."""

from __future__ import annotations

import bpy

from ...core.contract import UnderstudyError
from .. import jobs, preferences, setting_up
from ..engine.setup import check_engine_python
from .answers import cancelled

LOG_NAME = "Understudy Log"


class UNDERSTUDY_OT_stop_engine(bpy.types.Operator):
    """End the engine's process and give its memory back; the next generation starts it again"""

    bl_idname = "understudy.stop_engine"
    bl_label = "Free Memory"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("The engine is not running, or it is at work")
        return jobs.state.engine is not None and jobs.state.engine.is_running and jobs.state.job is None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        jobs.stop_engine()
        return {"FINISHED"}


class UNDERSTUDY_OT_show_log(bpy.types.Operator):
    """Put the engine's last messages into a text of this file"""

    bl_idname = "understudy.show_log"
    bl_label = "Show Log"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("The engine has not run yet")
        return jobs.state.engine is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        assert jobs.state.engine is not None
        text = bpy.data.texts.get(LOG_NAME) or bpy.data.texts.new(LOG_NAME)
        text.from_string("\n".join(jobs.state.engine.log) or "The engine has said nothing.")
        self.report({"INFO"}, f"See the text “{LOG_NAME}” in a Text Editor")
        return {"FINISHED"}


class UNDERSTUDY_OT_preferences(bpy.types.Operator):
    """Open Understudy's preferences"""

    bl_idname = "understudy.preferences"
    bl_label = "Preferences"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("Understudy runs without being installed")
        return preferences.current() is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=preferences.EXTENSION)
        return {"FINISHED"}


class UNDERSTUDY_OT_check_engine(bpy.types.Operator):
    """Start the engine's Python for a moment and see whether it has torch, numpy and safetensors"""

    bl_idname = "understudy.check_engine"
    bl_label = "Check Engine"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        setting_up.forget()
        found = setting_up.found()
        if not found.state.is_usable:
            return cancelled(self, found.state.value + ".", jobs.ENGINE)
        try:
            lacking = check_engine_python(found.path)
        except UnderstudyError as error:
            return cancelled(self, str(error), jobs.ENGINE)
        if lacking:
            self.report({"WARNING"}, f"{found.path} has what bodies need. {lacking}")
            return {"FINISHED"}
        self.report({"INFO"}, f"{found.path} has what the engine needs")
        return {"FINISHED"}


_CLASSES = (UNDERSTUDY_OT_stop_engine, UNDERSTUDY_OT_check_engine, UNDERSTUDY_OT_show_log, UNDERSTUDY_OT_preferences)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
