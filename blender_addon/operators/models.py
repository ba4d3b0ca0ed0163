"""Import Weights and Remove Model. Blender's timer drives them, because an operator ends when its file browser does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import bpy

from ...core.contract import ImportReply, ImportRequest, RemoveReply, RemoveRequest
from .. import jobs, models, preferences
from .answers import allowed
from .timed_job import started

_SHOWN = 3
_ENDINGS = ("zip", "tar", "pth", "pt", "bin", "ckpt", "safetensors", "npy")


def chosen_paths(directory: str, files: list[str], folders: list[str]) -> tuple[str, ...]:
    """What was marked in a file browser, as full paths; where nothing was, the folder that it shows.

    Without a marked folder Blender names the one that is shown, in full, and without a marked file an empty name.
    """
    shown = Path(directory)
    marked = [shown / os.path.normpath(name) for name in (*files, *folders) if name.strip("./\\")]
    return tuple(str(path) for path in marked if path != shown) or ((str(shown),) if directory else ())


class UNDERSTUDY_OT_import_weights(bpy.types.Operator):
    """Make a model of officially released weights as they were downloaded: mark files, zips or folders, all of one model"""

    bl_idname = "understudy.import_weights"
    bl_label = "Import Weights"
    bl_options = {"INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )
    dirs: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*.{ending}" for ending in _ENDINGS), options={"HIDDEN"}
    )
    model_name: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Name", default="", options={"SKIP_SAVE"}, description="Of the new model; empty takes that of its data set"
    )
    use_replace: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Replace", default=False, options={"SKIP_SAVE"}, description="A model of the same name makes room for this one"
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or jobs.engine_refusal())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        paths = chosen_paths(bpy.path.abspath(self.directory), [each.name for each in self.files], [each.name for each in self.dirs])
        return _started(self, ImportRequest(0, paths, self.model_name.strip(), self.use_replace))


class UNDERSTUDY_OT_remove_model(bpy.types.Operator):
    """Delete this imported model from the disk"""

    bl_idname = "understudy.remove_model"
    bl_label = "Remove Model"
    bl_options = {"INTERNAL"}

    model_name: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or jobs.engine_refusal())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        title, message = f"Remove “{self.model_name}”?", "Its files are deleted from the disk."
        return set(context.window_manager.invoke_confirm(self, event, title=title, message=message, confirm_text="Remove", icon="WARNING"))

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return _started(self, RemoveRequest(0, self.model_name))


def _started(operator: bpy.types.Operator, request: ImportRequest | RemoveRequest) -> set[str]:
    return started(operator, lambda engine: jobs.ModelJob(engine, replace(request, id=engine.next_id())), _finish, jobs.BODY)


def _finish(job: jobs.ModelJob) -> str:
    """The lists are read again, so that the new model can be chosen at once; a removed one is chosen no longer."""
    prefs = preferences.current()
    models.refresh(prefs.models_folder if prefs else "")
    for name in ("model", "face_model"):
        if isinstance(job.reply, RemoveReply) and prefs and getattr(prefs, name) == job.reply.name:
            prefs.property_unset(name)
    return _sentence(job.reply) if job.reply else ""


def _sentence(reply: ImportReply | RemoveReply) -> str:
    if isinstance(reply, RemoveReply):
        return f"“{reply.name}” is removed: {reply.bytes / 1e6:,.0f} MB are free again."
    names = " and ".join(f"“{name}”" for name in reply.names)
    others = f" Not needed: {', '.join(reply.left_out[:_SHOWN])}." if reply.left_out else ""
    return f"Imported {names}.{others}"


_CLASSES = (UNDERSTUDY_OT_import_weights, UNDERSTUDY_OT_remove_model)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
