"""What the animator chose for all files: device, folders, and the engine's Python."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from . import models

# The extension's own package, bl_ext.user_default.understudy; its name is the key of its preferences
EXTENSION = (__package__ or "").rpartition(".")[0]
DEFAULT_FACE_MODEL = "starter_face"
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


def _models_folder_changed(chosen: Preferences, _context: bpy.types.Context) -> None:
    models.refresh(chosen.models_folder)


class Preferences:
    """What is chosen; the class that draws it, which Blender registers, stands where what it draws is known."""

    engine_python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine Python", subtype="FILE_PATH", default="",
        description="A Python of your own with torch, or the folder of its environment; empty takes what was set up",
    )  # fmt: skip
    device: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Device", items=DEVICES, default="auto", description="What the engine computes on"
    )
    model: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Body Model", default="", search=_names_of_models, search_options={"SUGGESTION"},
        description="Name of a model, ours, imported or in the models folder, or the path of one. Empty: automatic, the one that"
        " `weights use` chose at a command line, or else the starter",
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

    idle_minutes: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Free Memory After Minutes", default=10, min=0, max=600,
        description="Minutes without work, up to 600, after which the engine gives its memory back; 0 keeps it",
    )  # fmt: skip
    use_early_start: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Start Early", default=True,
        description="The engine starts and loads its model when a character is added or the prompt is edited, before Generate is pressed",
    )  # fmt: skip
    use_free_before_render: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Free Memory Before Rendering", default=False,
        description="The engine gives its memory back when a render begins; the next generation starts it again",
    )  # fmt: skip


def draw_model(layout: bpy.types.UILayout, chosen: Preferences, **options: str) -> None:
    """The field of the body model; while it is empty, it shows which one that means."""
    layout.prop(chosen, "model", placeholder=f"Automatic: {models.wanted('')}", **options)


def current() -> Preferences | None:
    """The preferences; None where the add-on runs without being installed (pip's bpy)."""
    addon = bpy.context.preferences.addons.get(EXTENSION)
    return addon.preferences if addon else None  # type: ignore[return-value]


def _read_models() -> None:
    chosen = current()
    models.refresh(chosen.models_folder if chosen else "")


def register() -> None:
    # Not here and now: enabling an extension must not read the disk
    bpy.app.timers.register(_read_models, first_interval=0.2)


def unregister() -> None:
    if bpy.app.timers.is_registered(_read_models):
        bpy.app.timers.unregister(_read_models)
    models.forget()
