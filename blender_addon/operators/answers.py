"""What an operator answers when it cannot work: why its button is grey, and an error's sentence."""

from __future__ import annotations

import bpy


def allowed(operator: type[bpy.types.Operator], reason: str) -> bool:
    """For poll(): whether there is no reason against it. One that there is becomes the tooltip."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def can_add(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For poll(): whether objects can be added now."""
    return allowed(operator, "" if context.mode in ("OBJECT", "POSE") else "Leave Edit Mode first (Tab)")


def cancelled(operator: bpy.types.Operator, sentence: str) -> set[str]:
    """Shows the error; for execute() to return."""
    operator.report({"ERROR"}, sentence)
    return {"CANCELLED"}
