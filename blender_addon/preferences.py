"""Device, folders, and the engine's Python."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from . import models
from .engine.setup import EngineState, find_engine_python

# The extension's own package, bl_ext.user_default.understudy; its name is the key of its preferences
EXTENSION = (__package__ or "").rpartition(".")[0]
DEFAULT_MODEL, DEFAULT_FACE_MODEL = "starter", "starter_face"
DEVICES = (
    ("auto", "Automatic", "The graphics card where the engine can use it, else the processor"),
    ("cpu", "Processor", "Always the processor"),
    ("cuda", "CUDA", "Always the NVIDIA graphics card"),
)


def _names_of_models(_preferences: bpy.types.AddonPreferences, _context: bpy.types.Context, typed: str) -> list[tuple[str, str]]:
    """Suggestions while a name is typed: the model, and what its licence allows."""
    return _suggested(models.known(), typed)


def _names_of_face_models(_preferences: bpy.types.AddonPreferences, _context: bpy.types.Context, typed: str) -> list[tuple[str, str]]:
    return _suggested(models.known_faces(), typed)


def _suggested(known: Mapping[str, models.Model], typed: str) -> list[tuple[str, str]]:
    return [(model.name, model.permission) for model in known.values() if typed.lower() in model.name.lower()]


def _models_folder_changed(chosen: UnderstudyPreferences, _context: bpy.types.Context) -> None:
    models.refresh(chosen.models_folder)


class UnderstudyPreferences(bpy.types.AddonPreferences):
    """Preferences of the extension"""

    bl_idname = EXTENSION

    engine_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine Python", subtype="FILE_PATH", default="",
        description="A Python with torch, numpy and safetensors, or the folder of such an environment; empty looks for one",
    )  # fmt: skip
    device: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Device", items=DEVICES, default="auto", description="What the engine computes on"
    )
    model: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Body Model", default=DEFAULT_MODEL, search=_names_of_models, search_options={"SUGGESTION"},
        description="Name of a model, ours, imported or in the models folder, or the path of one",
    )  # fmt: skip
    face_model: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Face Model", default=DEFAULT_FACE_MODEL, search=_names_of_face_models, search_options={"SUGGESTION"},
        description="Name of a model that makes faces of voices, ours, imported or in the models folder, or the path of one",
    )  # fmt: skip
    models_folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Models Folder", subtype="DIR_PATH", default="", update=_models_folder_changed,
        description="A folder with models of your own, one folder each",
    )  # fmt: skip
    microphone: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Microphone", default="", description="Name of the input that voices are recorded from; empty takes the system's own"
    )

    def draw(self, context: bpy.types.Context) -> None:
        from .model_list import draw_models  # which draws jobs, which read these preferences

        layout = self.layout
        layout.use_property_split = True
        for name in ("engine_python", "device", "model", "face_model", "models_folder", "microphone"):
            layout.prop(self, name)
        for model in (models.known().get(self.model), models.known_faces().get(self.face_model)):
            if model:
                layout.label(text=f"{model.title}. {model.permission}", icon="INFO")
        state = find_engine_python(self.engine_python).state
        row = layout.row()
        row.label(text=state.value, icon="CHECKMARK" if state is EngineState.READY else "ERROR")
        row.operator("understudy.check_engine")
        draw_models(layout, context)


def current() -> UnderstudyPreferences | None:
    """The preferences; None where the add-on runs without being installed (pip's bpy)."""
    addon = bpy.context.preferences.addons.get(EXTENSION)
    return addon.preferences if addon else None  # type: ignore[return-value]


def register() -> None:
    bpy.utils.register_class(UnderstudyPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(UnderstudyPreferences)
