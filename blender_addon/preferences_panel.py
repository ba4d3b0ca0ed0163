"""The extension's preferences as they are drawn: what is chosen, the engine, and the models on this machine."""

from __future__ import annotations

import bpy

from . import models
from .engine_panel import draw_engine
from .model_list import draw_models
from .preferences import EXTENSION, Preferences, draw_model

_NAMES = (
    "engine_python", "device", "use_early_start", "idle_minutes", "use_free_before_render", "face_model", "models_folder", "microphone",
)  # fmt: skip


class UnderstudyPreferences(Preferences, bpy.types.AddonPreferences):
    """Preferences of the extension"""

    bl_idname = EXTENSION

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        draw_model(layout, self)
        for name in _NAMES:
            layout.prop(self, name)
        for model in (models.known().get(models.wanted(self.model)), models.known_faces().get(self.face_model)):
            if model:
                layout.label(text=f"{model.title}. {model.permission}", icon="INFO")
        draw_engine(layout.box(), context)
        draw_models(layout, context)


def register() -> None:
    bpy.utils.register_class(UnderstudyPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(UnderstudyPreferences)
