"""Test Engine, and Copy Report for whoever is asked for help."""

from __future__ import annotations

import bpy

from .. import jobs, models, preferences
from ..report import report
from ..self_test import EngineTest
from .answers import allowed
from .set_up import started


class UNDERSTUDY_OT_test_engine(bpy.types.Operator):
    """Generate one second of motion and look at it; the scene is not touched"""

    bl_idname = "understudy.test_engine"
    bl_label = "Test Engine"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or jobs.engine_refusal())

    def execute(self, _context: bpy.types.Context) -> set[str]:
        chosen = preferences.current()
        model, device = models.wanted(chosen.model if chosen else ""), chosen.device if chosen else "auto"
        return started(self, lambda: EngineTest(jobs.ready_engine(), model, device))


class UNDERSTUDY_OT_copy_report(bpy.types.Operator):
    """Put versions, machine, state and the last lines of the logs into the clipboard, without names and personal folders"""

    bl_idname = "understudy.copy_report"
    bl_label = "Copy Report"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = report()
        self.report({"INFO"}, "The report is in the clipboard")
        return {"FINISHED"}


_CLASSES = (UNDERSTUDY_OT_test_engine, UNDERSTUDY_OT_copy_report)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
