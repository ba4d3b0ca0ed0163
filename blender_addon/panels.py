"""The sidebar. Draws, never decides: no disk, no process, nothing that waits."""

from __future__ import annotations

import bpy

from . import jobs, microphones, models, preferences, sequencer, setting_up, settings
from .animation.face_keys import short_name
from .characters import chosen_character, lacks_character
from .engine_panel import draw_engine, draw_set_up, draw_update
from .feedback import draw_message, draw_progress, draw_recording, draw_sentence, is_narrow, take_light
from .operators.face import can_have_map, chosen_face, face_refused, lacks_face
from .operators.generate import hints, refused
from .operators.redo_range import chosen_range, redo_refused
from .operators.speech import line_here, line_refused, speech_refused
from .preferences import DEFAULT_FACE_MODEL
from .speech_settings import AMOUNT_NAMES, AS_CLIP, FROM_CHANNEL, FROM_FILE, UnderstudySpeech

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
        meant = chosen_character(context)
        row.prop(chosen, "character", text="", placeholder=meant.name if meant else "Character")
        row.operator("understudy.add_character", text="", icon="ADD")
        layout.prop(chosen, "prompt", text="", placeholder=settings.EXAMPLE)
        _draw_options(layout, context, chosen)
        if jobs.state.job is not None and jobs.state.place == jobs.BODY:
            draw_progress(layout, jobs.state.job)
        elif setting_up.state.run is None and setting_up.found().state.is_usable:
            _draw_generate(layout, context)
            draw_update(layout, context)
        else:
            draw_set_up(layout, context)
        draw_message(layout, context, jobs.BODY, jobs.ENGINE)


class _ClosedSubpanel(_SidebarPanel):
    bl_parent_id = UNDERSTUDY_PT_text_to_motion.bl_idname
    bl_options = {"DEFAULT_CLOSED"}


class UNDERSTUDY_PT_redo_range(_ClosedSubpanel, bpy.types.Panel):
    """The prompt for some frames of what the character does already"""

    bl_label = "Redo Range"
    bl_idname = "UNDERSTUDY_PT_redo_range"

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = self.layout, settings.of(context.scene)
        layout.row().prop(chosen, "redo_range", expand=True)
        reason = redo_refused(context)
        if chosen.redo_range == settings.FROM_FRAMES:
            row = layout.row(align=True)
            row.prop(chosen, "redo_first")
            row.prop(chosen, "redo_last")
        elif not reason:
            first, last = chosen_range(context)
            layout.label(text=f"Frames {first} to {last}", icon="PREVIEW_RANGE")
        layout.prop(chosen, "redo_upper_body")
        row = layout.row()
        row.active = not chosen.redo_upper_body
        row.prop(chosen, "redo_carries_rest")
        layout.operator("understudy.redo_range", icon="FILE_REFRESH")
        if reason and reason != refused(context):  # the panel above says that
            draw_sentence(layout, context, reason, "INFO")


class UNDERSTUDY_PT_model(_ClosedSubpanel, bpy.types.Panel):
    """Which model is used, and what its licence allows"""

    bl_label = "Model"
    bl_idname = "UNDERSTUDY_PT_model"

    def draw(self, context: bpy.types.Context) -> None:
        layout, prefs = self.layout, preferences.current()
        if prefs:
            preferences.draw_model(layout, prefs, text="")
        _draw_licence(layout, context, models.known().get(models.wanted(prefs.model if prefs else "")))


class UNDERSTUDY_PT_engine(_ClosedSubpanel, bpy.types.Panel):
    """State of the engine"""

    bl_label = "Engine"
    bl_idname = "UNDERSTUDY_PT_engine"

    def draw(self, context: bpy.types.Context) -> None:
        draw_engine(self.layout, context, is_alone=False)
        self.layout.operator("understudy.preferences")


class UNDERSTUDY_PT_face(_SidebarPanel, bpy.types.Panel):
    """A voice to keyframes"""

    bl_label = "Voice to Face"
    bl_idname = "UNDERSTUDY_PT_face"

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = self.layout, settings.of(context.scene)
        row = layout.row(align=True)
        meant = chosen_face(context)
        row.prop(chosen, "face", text="", placeholder=meant.name if meant and not face_refused(context) else "Face")
        row.operator("understudy.add_head", text="", icon="ADD")
        row.operator("understudy.add_flame_head", text="", icon="FILE_FOLDER")
        _draw_sound(layout, context, chosen.speech)
        _draw_emotion(layout, chosen.speech)
        if isinstance(jobs.state.job, jobs.RecordJob):
            draw_recording(layout, jobs.state.job)
        elif jobs.state.job is not None and jobs.state.place == jobs.FACE:
            draw_progress(layout, jobs.state.job)
        else:
            _draw_speak(layout, context)
        draw_message(layout, context, jobs.FACE)


class _ClosedFacePanel(_SidebarPanel):
    bl_parent_id = UNDERSTUDY_PT_face.bl_idname
    bl_options = {"DEFAULT_CLOSED"}


class UNDERSTUDY_PT_face_amounts(_ClosedFacePanel, bpy.types.Panel):
    """How strongly each part of the face moves, and lines that were spoken"""

    bl_label = "Amounts"
    bl_idname = "UNDERSTUDY_PT_face_amounts"

    def draw(self, context: bpy.types.Context) -> None:
        layout, speech = self.layout, settings.of(context.scene).speech
        column = layout.column(align=True)
        for name in AMOUNT_NAMES:
            column.prop(speech, name, slider=True)
        if line := line_here(context):
            row = layout.row(align=True)
            row.label(text=f"{line.name}, {line.start_frame:.0f}-{line.last_frame:.0f}", icon="SPEAKER")
            row.operator("understudy.show_amounts", text="", icon="EYEDROPPER")
            if line.variations > 1:
                row = layout.row(align=True)
                row.operator("understudy.next_variation", text="", icon="TRIA_LEFT").step = -1
                row.label(text=f"Variation {line.shown + 1} of {line.variations}")
                row.operator("understudy.next_variation", text="", icon="TRIA_RIGHT").step = 1
        layout.operator("understudy.apply_amounts", icon="FILE_REFRESH")
        if reason := line_refused(context):
            draw_sentence(layout, context, reason, "INFO")


class UNDERSTUDY_PT_face_variation(_ClosedFacePanel, bpy.types.Panel):
    """What makes one face differ from the next"""

    bl_label = "Variation"
    bl_idname = "UNDERSTUDY_PT_face_variation"

    def draw(self, context: bpy.types.Context) -> None:
        speech, prefs = settings.of(context.scene).speech, preferences.current()
        column = self.layout.column()
        column.use_property_split = not is_narrow(context)
        column.use_property_decorate = False
        row = column.row(align=True)
        row.prop(speech, "seed")
        row.prop(speech, "use_new_seed", text="", icon="FILE_REFRESH")
        for name in ("variations", "diversity", "temperature"):
            column.prop(speech, name)
        model = models.known_faces().get(prefs.face_model if prefs else DEFAULT_FACE_MODEL)
        if model and len(model.actors) > 1:
            column.prop(speech, "actor")
            column.label(text=model.actors[speech.actor] if speech.actor < len(model.actors) else f"There are only {len(model.actors)}.")


class UNDERSTUDY_PT_face_model(_ClosedFacePanel, bpy.types.Panel):
    """Which model is used, and what its licence allows"""

    bl_label = "Model"
    bl_idname = "UNDERSTUDY_PT_face_model"

    def draw(self, context: bpy.types.Context) -> None:
        prefs = preferences.current()
        if prefs:
            self.layout.prop(prefs, "face_model", text="")
        _draw_licence(self.layout, context, models.known_faces().get(prefs.face_model if prefs else DEFAULT_FACE_MODEL))
        self.layout.operator("understudy.apply_face", icon="SHAPEKEY_DATA")


class UNDERSTUDY_PT_face_map(_ClosedFacePanel, bpy.types.Panel):
    """Which shape key shows which of ARKit's shapes"""

    bl_label = "Shape Keys"
    bl_idname = "UNDERSTUDY_PT_face_map"

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


def _draw_options(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: settings.UnderstudySettings) -> None:
    column = layout.column()
    column.use_property_split = not is_narrow(context)
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


def _draw_sound(layout: bpy.types.UILayout, context: bpy.types.Context, speech: UnderstudySpeech) -> None:
    layout.row().prop(speech, "source", expand=True)
    row = layout.row(align=True)
    if speech.source == FROM_FILE:
        row.prop(speech, "sound_file", text="")
        row.operator("understudy.record", text="", icon="REC")
        _draw_microphone(layout)
        layout.prop(speech, "add_sound_strip")
    elif speech.source == FROM_CHANNEL:
        row.prop(speech, "channel")
    elif (editor := sequencer.scene_of(context).sequence_editor) is not None:
        row.prop_search(speech, "strip", editor, sequencer.collection_names(editor)[1], text="", icon="SEQ_SEQUENCER")


def _draw_microphone(layout: bpy.types.UILayout) -> None:
    if prefs := preferences.current():
        row = layout.row(align=True)
        row.menu("UNDERSTUDY_MT_microphones", text=microphones.shown(prefs.microphone), icon="OUTLINER_DATA_SPEAKER")
        row.operator("understudy.find_microphones", text="", icon="FILE_REFRESH")


def _draw_emotion(layout: bpy.types.UILayout, speech: UnderstudySpeech) -> None:
    column = layout.column()
    column.prop(speech, "emotion", text="")
    if speech.emotion == AS_CLIP:
        column.prop(speech, "emotion_file", text="")
    column.prop(speech, "intensity", slider=True)
    column.prop(speech, "use_markers")


def _draw_speak(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    row = layout.row()
    row.scale_y = 1.6
    row.operator("understudy.generate_face", icon="SHAPEKEY_DATA")
    take_light(layout)
    reason = speech_refused(context)
    if reason:
        draw_sentence(layout, context, reason, "INFO")
    if lacks_face(context):
        layout.operator("understudy.add_head", icon="ADD")
    row = layout.row(align=True)
    row.operator("understudy.generate_take", icon="OUTLINER_OB_ARMATURE")
    row.prop(settings.of(context.scene).speech, "use_sound_length", text="", icon="TIME")


def _draw_licence(layout: bpy.types.UILayout, context: bpy.types.Context, model: models.Model | None) -> None:
    if model:
        draw_sentence(layout, context, f"{model.title}. {model.permission}.", "INFO")
        for credit in model.attribution:
            draw_sentence(layout, context, credit, "BLANK1")


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    row = layout.row()
    row.scale_y = 1.6
    row.operator("understudy.generate", icon="ARMATURE_DATA")
    take_light(layout)
    reason = refused(context)
    for sentence in [reason] if reason else hints(context):
        draw_sentence(layout, context, sentence, "INFO")
    if lacks_character(context):
        layout.operator("understudy.add_character", icon="ADD")


_PANELS = (
    UNDERSTUDY_PT_text_to_motion,
    UNDERSTUDY_PT_redo_range,
    UNDERSTUDY_PT_model,
    UNDERSTUDY_PT_engine,
    UNDERSTUDY_PT_face,
    UNDERSTUDY_PT_face_amounts,
    UNDERSTUDY_PT_face_variation,
    UNDERSTUDY_PT_face_map,
    UNDERSTUDY_PT_face_model,
)
register, unregister = bpy.utils.register_classes_factory(_PANELS)
