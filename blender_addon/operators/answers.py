"""What an operator answers when it cannot work: why its button is grey, and an error's sentence."""

from __future__ import annotations

import bpy

from .. import jobs
from ..feedback import redraw_anew


def allowed(operator: type[bpy.types.Operator], reason: str) -> bool:
    """For poll(): whether there is no reason against it. One that there is becomes the tooltip."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def can_add(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For poll(): whether objects can be added now."""
    way_out = "Leave Edit Mode first (Tab)" if context.mode.startswith("EDIT") else "Switch to Object Mode first"
    return allowed(operator, "" if context.mode in ("OBJECT", "POSE") else way_out)


def cancelled(operator: bpy.types.Operator, sentence: str, about: str) -> set[str]:
    """Shows the error in the panel of what it is about; for execute() to return."""
    jobs.tell(sentence, is_error=True, about=about)
    complain(operator, sentence)
    redraw_anew(bpy.context.window_manager)
    return {"CANCELLED"}


def complain(operator: bpy.types.Operator, sentence: str) -> None:
    """An error that the panel shows goes into Blender's log too; a script gets it as its exception."""
    # To the press of a button, Blender answers an error with a window that lies over the panel until it is closed
    is_pressed = operator.options.is_invoke and not bpy.app.background
    operator.report({"WARNING" if is_pressed else "ERROR"}, sentence)
