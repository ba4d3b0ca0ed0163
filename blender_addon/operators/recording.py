"""Record, Stop and Discard, and from which microphone; what the engine heard becomes the chosen sound file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import bpy

from ...core.contract import MAX_RECORDING_SECONDS, BadRequest, RecordRequest
from .. import jobs, microphones, preferences, settings
from ..speech_settings import FROM_FILE
from .answers import allowed, cancelled
from .timed_job import started

FOLDER_NAME, FILE_NAME = "recordings", "recording"


class UNDERSTUDY_OT_record(bpy.types.Operator):
    """Record your voice from the microphone; it becomes the sound file that the face speaks"""

    bl_idname = "understudy.record"
    bl_label = "Record"
    bl_options = {"INTERNAL"}

    seconds: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="At Most", default=600.0, min=0.1, max=MAX_RECORDING_SECONDS, options={"SKIP_SAVE"},
        description=f"The recording ends by itself after this long, in seconds, up to {MAX_RECORDING_SECONDS:g}",
    )  # fmt: skip

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or jobs.engine_refusal())

    def execute(self, context: bpy.types.Context) -> set[str]:
        prefs = preferences.current()
        try:
            path = next_recording()
        except BadRequest as error:
            return cancelled(self, str(error), jobs.FACE)
        request = RecordRequest(0, str(path), prefs.microphone.strip() if prefs else "", self.seconds)
        return started(self, lambda engine: jobs.RecordJob(engine, request), partial(_choose, context.scene.name), jobs.FACE)


class UNDERSTUDY_OT_find_microphones(bpy.types.Operator):
    """Look which microphones are plugged in now"""

    bl_idname = "understudy.find_microphones"
    bl_label = "Find Microphones"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or jobs.engine_refusal())

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return started(self, jobs.MicrophonesJob, lambda job: microphones.keep(job.found), jobs.FACE)


class UNDERSTUDY_OT_choose_microphone(bpy.types.Operator):
    """Record from this microphone, in all files"""

    bl_idname = "understudy.choose_microphone"
    bl_label = "Choose Microphone"
    bl_options = {"INTERNAL"}

    microphone: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Microphone", default="", options={"SKIP_SAVE"}, description="Its name; empty takes the system's own"
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if preferences.current() else "The add-on is not installed, so that it has no preferences")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        prefs = preferences.current()
        assert prefs is not None
        prefs.microphone = self.microphone
        return {"FINISHED"}


class UNDERSTUDY_MT_microphones(bpy.types.Menu):
    """Which microphone your voice is recorded from"""

    bl_idname = "UNDERSTUDY_MT_microphones"
    bl_label = "Microphone"

    def draw(self, _context: bpy.types.Context) -> None:
        prefs = preferences.current()
        chosen = prefs.microphone.strip() if prefs else ""
        for name in dict.fromkeys(("", *microphones.names(), chosen)):
            icon = "CHECKMARK" if name == chosen else "BLANK1"
            self.layout.operator("understudy.choose_microphone", text=microphones.shown(name), icon=icon).microphone = name
        self.layout.separator()
        self.layout.operator("understudy.find_microphones", icon="FILE_REFRESH")


class _OfRecording:
    """Can be pressed while something is recorded."""

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if isinstance(jobs.state.job, jobs.RecordJob) else "Nothing is being recorded")


class UNDERSTUDY_OT_stop_recording(_OfRecording, bpy.types.Operator):
    """End the recording and choose it"""

    bl_idname = "understudy.stop_recording"
    bl_label = "Stop"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        assert isinstance(jobs.state.job, jobs.RecordJob)
        jobs.state.job.stop()
        return {"FINISHED"}


class UNDERSTUDY_OT_discard_recording(_OfRecording, bpy.types.Operator):
    """End the recording and throw it away"""

    bl_idname = "understudy.discard_recording"
    bl_label = "Discard"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        assert isinstance(jobs.state.job, jobs.RecordJob)
        jobs.state.job.cancel()
        return {"FINISHED"}


def next_recording() -> Path:
    """A name that no file has yet: beside the .blend, or in the extension's own folder as long as that is not saved. Raises BadRequest."""
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f"The folder {folder} cannot be made ({error.strerror}): save this file where you may write.") from error
    number = 1
    while (path := folder / f"{FILE_NAME}_{number:03}.wav").exists():
        number += 1
    return path


def _folder() -> Path:
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / FOLDER_NAME
    try:
        return Path(bpy.utils.extension_path_user(preferences.EXTENSION, path=FOLDER_NAME, create=True))
    except (ValueError, OSError):  # the add-on is not installed
        return Path(bpy.app.tempdir) / FOLDER_NAME


def _choose(scene_name: str, job: jobs.RecordJob) -> str:
    assert job.reply is not None
    path = job.reply.path
    scene = bpy.data.scenes.get((scene_name, None)) or bpy.context.scene
    speech = settings.of(scene).speech
    speech.source, speech.sound_file = FROM_FILE, bpy.path.relpath(path) if bpy.data.filepath else path
    return f"Recorded {job.reply.seconds:.1f} s: {Path(path).name}"


_CLASSES = (
    UNDERSTUDY_OT_record,
    UNDERSTUDY_OT_stop_recording,
    UNDERSTUDY_OT_discard_recording,
    UNDERSTUDY_OT_find_microphones,
    UNDERSTUDY_OT_choose_microphone,
    UNDERSTUDY_MT_microphones,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
