"""The models on this machine, in the preferences: what each one's licence allows, and buttons that import and remove."""

from __future__ import annotations

import bpy

from . import jobs, models
from .feedback import draw_message, draw_progress, draw_sentence

_NAME_SHARE, _TEXT_SHARE = 0.25, 0.65  # of the width; the rest is for buttons and margins


def draw_models(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws, never decides: no disk, no process, nothing that waits."""
    box = layout.box()
    box.use_property_split = False
    row = box.row()
    row.label(text="Installed Models")
    row.operator("understudy.import_weights", icon="IMPORT")
    for model in models.installed():
        _draw_model(box, context, model)
    if jobs.state.job is not None:
        draw_progress(box, jobs.state.job)
    else:
        draw_message(box, context, jobs.BODY, jobs.FACE)


def _draw_model(box: bpy.types.UILayout, context: bpy.types.Context, model: models.Model) -> None:
    split = box.split(factor=_NAME_SHARE)
    split.label(text=model.name, icon="IMPORT" if model.is_imported else "FILE_BLEND")
    row = split.row()
    draw_sentence(row, context, f"{model.title}. {model.permission}", "BLANK1", _TEXT_SHARE)
    if model.is_imported:
        row.operator("understudy.remove_model", text="", icon="TRASH").model_name = model.name
