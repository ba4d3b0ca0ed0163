"""The sidebar. Draws, never decides: no disk, no process, nothing that waits."""

from __future__ import annotations

import bpy

from . import jobs, models, preferences, setting_up, settings
from .animation.face_keys import short_name
from .engine_panel import draw_engine, draw_set_up, draw_update
from .feedback import draw_message, draw_progress, draw_sentence
from .operators.face import can_have_map, chosen_face, face_refused
from .operators.generate import refused

TAB = "Understudy"
_NAME_SHARE = 0.48  # of the width, for the names of shapes


class _SidebarPanel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB


class UNDERSTUDY_PT_text_to_motion(_SidebarPanel, bpy.types.Panel):
    """Prompt to keyframes"""

    bl_label = "Text to Motion"
    bl_idname = "UNDERSTUDY_PT_text_to_motion"

    def draw(self, context: bpy.types.Context) -> None:
        chosen, layout = settings.of(context.scene), self.layout
        row = layout.row(align=True)
        row.prop(chosen, "character", text="")
        row.operator("understudy.add_character", text="", icon="ADD")
        layout.prop(chosen, "prompt", text="")
        _draw_options(layout, chosen)
        if jobs.state.job is not None:
            draw_progress(layout, jobs.state.job)
        elif setting_up.found().state.is_usable:
            _draw_generate(layout, context)
            draw_update(layout, context)
        else:
            draw_set_up(layout, context)
        draw_message(layout, context)


class _ClosedSubpanel(_SidebarPanel):
    bl_parent_id = UNDERSTUDY_PT_text_to_motion.bl_idname
    bl_options = {"DEFAULT_CLOSED"}


class UNDERSTUDY_PT_model(_ClosedSubpanel, bpy.types.Panel):
    """Which model is used, and what its licence allows"""

    bl_label = "Model"
    bl_idname = "UNDERSTUDY_PT_model"

    def draw(self, context: bpy.types.Context) -> None:
        layout, prefs = self.layout, preferences.current()
        if prefs:
            layout.prop(prefs, "model", text="")
        model = models.known().get(prefs.model if prefs else "starter")
        if model:
            draw_sentence(layout, context, f"{model.title}. {model.permission}.", "INFO")
            for credit in model.attribution:
                draw_sentence(layout, context, credit, "BLANK1")


class UNDERSTUDY_PT_engine(_ClosedSubpanel, bpy.types.Panel):
    """State of the engine"""

    bl_label = "Engine"
    bl_idname = "UNDERSTUDY_PT_engine"

    def draw(self, context: bpy.types.Context) -> None:
        draw_engine(self.layout, context, is_alone=setting_up.found().state.is_usable)
        self.layout.operator("understudy.preferences")


class UNDERSTUDY_PT_face(_SidebarPanel, bpy.types.Panel):
    """Face motion to keyframes"""

    bl_label = "Face"
    bl_idname = "UNDERSTUDY_PT_face"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row(align=True)
        row.prop(settings.of(context.scene), "face", text="")
        row.operator("understudy.add_head", text="", icon="ADD")
        row.operator("understudy.add_flame_head", text="", icon="FILE_FOLDER")
        row = layout.row()
        row.scale_y = 1.6
        row.operator("understudy.apply_face", icon="SHAPEKEY_DATA")
        if reason := face_refused(context):
            draw_sentence(layout, context, reason, "INFO")


class UNDERSTUDY_PT_face_map(_SidebarPanel, bpy.types.Panel):
    """Which shape key shows which of ARKit's shapes"""

    bl_label = "Shape Keys"
    bl_idname = "UNDERSTUDY_PT_face_map"
    bl_parent_id = UNDERSTUDY_PT_face.bl_idname
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_have_map(chosen_face(context))

    def draw(self, context: bpy.types.Context) -> None:
        layout, face = self.layout, chosen_face(context)
        assert face is not None
        row = layout.row(align=True)
        row.operator("understudy.match_face_keys", icon="FILE_REFRESH")
        row.operator("understudy.clear_face_map", text="", icon="X")
        column = layout.column(align=True)
        for line in face.understudy_face_map:
            split = column.split(factor=_NAME_SHARE, align=True)
            split.label(text=short_name(line.name))
            split.prop_search(line, "key", face.data.shape_keys, "key_blocks", text="")


def _draw_options(layout: bpy.types.UILayout, chosen: settings.UnderstudySettings) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    _draw_choice(column, chosen, "Length", "seconds")
    row = column.row(align=True)
    row.prop(chosen, "seed")
    row.prop(chosen, "use_new_seed", text="", icon="FILE_REFRESH")
    column.prop(chosen, "quality")
    _draw_choice(column, chosen, "Guidance", "guidance")
    column.prop(chosen, "lock_feet")
    column.prop(chosen, "variations")


def _draw_choice(column: bpy.types.UILayout, chosen: settings.UnderstudySettings, heading: str, name: str) -> None:
    """A value that the model decides unless its box is ticked."""
    row = column.row(heading=heading, align=True)
    row.prop(chosen, f"use_{name}", text="")
    field = row.row(align=True)
    field.active = getattr(chosen, f"use_{name}")
    field.prop(chosen, name, text="")


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    row = layout.row()
    row.scale_y = 1.6
    row.operator("understudy.generate", icon="ARMATURE_DATA")
    if reason := refused(context):
        draw_sentence(layout, context, reason, "INFO")


_PANELS = (UNDERSTUDY_PT_text_to_motion, UNDERSTUDY_PT_model, UNDERSTUDY_PT_engine, UNDERSTUDY_PT_face, UNDERSTUDY_PT_face_map)


def register() -> None:
    for panel in _PANELS:
        bpy.utils.register_class(panel)


def unregister() -> None:
    for panel in reversed(_PANELS):
        bpy.utils.unregister_class(panel)
