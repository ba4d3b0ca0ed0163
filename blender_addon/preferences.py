"""Device, folders, and the engine's Python."""

from __future__ import annotations

import bpy

from .engine.setup import EngineState, find_engine_python

# The extension's own package, bl_ext.user_default.understudy; its name is the key of its preferences
EXTENSION = (__package__ or "").rpartition(".")[0]
DEVICES = (
    ("auto", "Automatic", "The graphics card where the engine can use it, else the processor"),
    ("cpu", "Processor", "Always the processor"),
    ("cuda", "CUDA", "Always the NVIDIA graphics card"),
)


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
        name="Model", default="starter", description="Name of a model in the models folder, or the path of one"
    )
    models_folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Models Folder", subtype="DIR_PATH", default="", description="A folder with models of your own, one folder each"
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("engine_python", "device", "model", "models_folder"):
            layout.prop(self, name)
        state = find_engine_python(self.engine_python).state
        row = layout.row()
        row.label(text=state.value, icon="CHECKMARK" if state is EngineState.READY else "ERROR")
        row.operator("understudy.check_engine")


def current() -> UnderstudyPreferences | None:
    """The preferences; None where the add-on runs without being installed (pip's bpy)."""
    addon = bpy.context.preferences.addons.get(EXTENSION)
    return addon.preferences if addon else None  # type: ignore[return-value]


def register() -> None:
    bpy.utils.register_class(UnderstudyPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(UnderstudyPreferences)
