"""Generate Face, Generate Take, and what is done with lines that a face has spoken: other amounts, other variations."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from ...core.contract import MAX_SEED, BadRequest, FaceRequest, UnderstudyError
from .. import emotion_markers, face_map, jobs, preferences, sequencer, settings, sound_files
from ..animation.body import scene_fps
from ..animation.face import LineEdited, lines_to_key_again, spoken_lines
from ..animation.face_lines import KeptLine
from ..feedback import redraw
from ..speech_settings import AMOUNT_NAMES, AS_CLIP, AS_HEARD, FROM_FILE, FROM_STRIP, UnderstudySpeech, amounts_of
from ..tasks import FaceTask, LinesTask, Spoken, TakeTask, Task
from . import generate
from .answers import allowed
from .face import chosen_face, face_refused
from .task_operator import TaskOperator

# How far the question has come whether hand-made changes may be lost; scripts are not asked
_NOT_ASKED, _LOOK, _ASK, _AGREED = "NOT_ASKED", "LOOK", "ASK", "AGREED"
_QUESTIONS = tuple((name, name.replace("_", " ").title(), "") for name in (_NOT_ASKED, _LOOK, _ASK, _AGREED))


@dataclass(frozen=True)
class _Voice:
    """A sound file and where in it and in the scene a clip begins. lasts_s: its length, where it is known; seconds: where cut off."""

    path: Path
    start_frame: float
    start_s: float = 0.0
    seconds: float | None = None
    lasts_s: float | None = None


def speech_refused(context: bpy.types.Context) -> str:
    """Why no face can be generated now, in words for the tooltip; empty if it can. Looks at no disk."""
    speech = settings.of(context.scene).speech
    if reason := jobs.busy():
        return reason
    try:
        _clips(context, speech)
    except BadRequest as error:
        return str(error)
    if speech.emotion == AS_CLIP and not speech.emotion_file.strip():
        return "No clip to take the emotion from is chosen: choose a sound file, or another emotion."
    return face_refused(context) or jobs.engine_refusal()


def task_from(context: bpy.types.Context) -> FaceTask:
    """The animator's settings as a task. Raises UnderstudyError for what cannot be used."""
    if reason := face_refused(context):
        raise UnderstudyError(reason)
    speech, face = settings.of(context.scene).speech, chosen_face(context)
    assert face is not None
    seed = secrets.randbelow(MAX_SEED + 1) if speech.use_new_seed else speech.seed
    spoken = tuple(Spoken(_request(context, voice, seed), voice.start_frame, voice.lasts_s) for voice in _voices(context, speech))
    for each in spoken:
        each.request.validate()
    speech.seed = seed
    heard_in = sequencer.scene_of(context).name if speech.source == FROM_FILE and speech.add_sound_strip else ""
    return FaceTask(spoken, face.name, scene_fps(context.scene), amounts_of(speech), face_map.of(face), heard_in)


def take_from(context: bpy.types.Context) -> TakeTask:
    """The settings for body and face as one task, both from where the sound starts."""
    face, body = task_from(context), generate.task_from(context)
    if settings.of(context.scene).speech.use_sound_length:
        body = replace(body, request=replace(body.request, seconds=None))
    return TakeTask(replace(body, start_frame=face.spoken[0].start_frame), face)


def line_here(context: bpy.types.Context) -> KeptLine | None:
    """The line that the face speaks at the current frame, or the only one that it has."""
    face = chosen_face(context)
    lines = spoken_lines(face) if face is not None else []
    now = context.scene.frame_current_final
    at_hand = [line for line in lines if line.start_frame <= now <= line.last_frame]
    return at_hand[-1] if at_hand else lines[0] if len(lines) == 1 else None


def line_refused(context: bpy.types.Context) -> str:
    """Why no spoken line can be keyed again, in words for the tooltip; empty if one can."""
    if reason := jobs.busy() or face_refused(context):
        return reason
    if line_here(context) is not None:
        return ""
    face = chosen_face(context)
    lines = spoken_lines(face) if face is not None else []
    if not lines:
        return "The face has spoken no line yet: press Generate Face first."
    return f"No line is spoken at this frame: go to {' or '.join(f'{line.start_frame:.0f}-{line.last_frame:.0f}' for line in lines)}."


class UNDERSTUDY_OT_generate_face(TaskOperator, bpy.types.Operator):
    """Turn the voice into keyframes of lips, jaw, emotion, blinks and head on the face, from where the sound starts"""

    bl_idname = "understudy.generate_face"
    bl_label = "Generate Face"
    bl_options = {"REGISTER"}
    undo_name = "Generate Face"
    place = jobs.FACE

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, speech_refused(context))

    def new_task(self, context: bpy.types.Context) -> Task:
        return task_from(context)


class UNDERSTUDY_OT_generate_take(TaskOperator, bpy.types.Operator):
    """Body and face together: the prompt moves the character while the face speaks, both from where the sound starts"""

    bl_idname = "understudy.generate_take"
    bl_label = "Generate Take"
    bl_options = {"REGISTER"}
    undo_name = "Generate Take"
    place = jobs.FACE

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, generate.refused(context) or speech_refused(context))

    def new_task(self, context: bpy.types.Context) -> Task:
        return take_from(context)


class _LineOperator(TaskOperator):
    """Keys a line again, and asks before it takes hand-made changes away."""

    place = jobs.FACE
    needs_engine = False

    question: bpy.props.EnumProperty(items=_QUESTIONS, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        line = line_here(context)
        if self.question == _ASK and line is not None:
            return set(
                context.window_manager.invoke_confirm(
                    self, event, title=f"Key “{line.name}” again?", message="Its keys were changed since they were made; that is lost.",
                    confirm_text="Key Again", icon="WARNING",
                )
            )  # fmt: skip
        if self.question == _NOT_ASKED and not bpy.app.background:
            self.question = _LOOK
        return super().invoke(context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        # A window that has asked goes on in it, where execute would hold it until the keys are written
        return self._pressed_again(_AGREED) if self.question == _ASK else super().execute(context)

    def _failed(self, context: bpy.types.Context, error: UnderstudyError) -> set[str]:
        if not isinstance(error, LineEdited):
            return super()._failed(context, error)
        jobs.state.job = None
        redraw(context.window_manager)
        self._pressed_again(_ASK)
        return {"CANCELLED"}

    def _pressed_again(self, question: str) -> set[str]:
        operator: Any = self
        press = getattr(bpy.ops.understudy, type(operator).bl_idname.partition(".")[2])
        return set(press("INVOKE_DEFAULT", **{**operator.as_keywords(), "question": question}))


class UNDERSTUDY_OT_apply_amounts(_LineOperator, bpy.types.Operator):
    """Key the spoken line at the current frame again with the amounts as they are now"""

    bl_idname = "understudy.apply_amounts"
    bl_label = "Apply Amounts"
    bl_options = {"REGISTER"}
    undo_name = "Apply Amounts"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, line_refused(context))

    def new_task(self, context: bpy.types.Context) -> Task:
        amounts = amounts_of(settings.of(context.scene).speech)
        return _line_task(context, lambda line: replace(line, amounts=amounts), self.question)


class UNDERSTUDY_OT_next_variation(_LineOperator, bpy.types.Operator):
    """Key another variation of the spoken line at the current frame"""

    bl_idname = "understudy.next_variation"
    bl_label = "Next Variation"
    bl_options = {"REGISTER"}
    undo_name = "Next Variation"

    step: bpy.props.IntProperty(default=1, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = line_refused(context)
        line = line_here(context)
        if not reason and line is not None and line.variations < 2:
            reason = "The line has no other variation: generate it with more than one."
        return allowed(cls, reason)

    def new_task(self, context: bpy.types.Context) -> Task:
        return _line_task(context, lambda line: replace(line, shown=(line.shown + self.step) % line.variations), self.question)


class UNDERSTUDY_OT_show_amounts(bpy.types.Operator):
    """Set the sliders to the amounts of the spoken line at the current frame"""

    bl_idname = "understudy.show_amounts"
    bl_label = "Amounts of This Line"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, line_refused(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        line = line_here(context)
        assert line is not None
        for name in AMOUNT_NAMES:
            setattr(settings.of(context.scene).speech, name, getattr(line.amounts, name))
        return {"FINISHED"}


def _line_task(context: bpy.types.Context, change: Callable[[KeptLine], KeptLine], question: str) -> LinesTask:
    if reason := line_refused(context):
        raise UnderstudyError(reason)
    face, line = chosen_face(context), line_here(context)
    assert face is not None and line is not None
    return LinesTask(tuple(lines_to_key_again(face, change(line))), face.name, face_map.of(face), line if question == _LOOK else None)


def _clips(context: bpy.types.Context, speech: UnderstudySpeech) -> Sequence[sequencer.Clip]:
    """Those of the sequencer; none where a file is the source. Raises BadRequest where there is no sound."""
    if speech.source == FROM_FILE:
        if not speech.sound_file.strip():
            raise BadRequest("No sound is chosen: choose a sound file, or record your voice.")
        return ()
    if speech.source == FROM_STRIP:
        return (sequencer.chosen_clip(context, speech.strip),)
    return sequencer.clips_of_channel(context, speech.channel)


def _voices(context: bpy.types.Context, speech: UnderstudySpeech) -> list[_Voice]:
    clips = _clips(context, speech)
    if speech.source == FROM_FILE:
        return [_Voice(_path(speech.sound_file), float(context.scene.frame_current_final))]
    return [_Voice(sound_files.file_of(clip.sound), clip.start_frame, clip.start_s, clip.seconds, clip.lasts_s) for clip in clips]


def _path(typed: str) -> Path:
    return Path(bpy.path.abspath(typed.strip()))


def _request(context: bpy.types.Context, voice: _Voice, seed: int) -> FaceRequest:
    speech, prefs = settings.of(context.scene).speech, preferences.current()
    is_named = speech.emotion not in (AS_HEARD, AS_CLIP)
    request = FaceRequest(
        id=jobs.ready_engine().next_id(),
        audio=str(voice.path),
        start_s=round(voice.start_s, 6),
        seconds=voice.seconds,
        emotion=speech.emotion if is_named else "",
        emotion_audio=str(_path(speech.emotion_file)) if speech.emotion == AS_CLIP else "",
        intensity=round(speech.intensity, 3),
        diversity=round(speech.diversity, 3),
        temperature=round(speech.temperature, 3),
        actor=speech.actor,
        seed=seed,
        variations=speech.variations,
        model=prefs.face_model if prefs else preferences.DEFAULT_FACE_MODEL,
        device=prefs.device if prefs else "auto",
    )
    return _with_markers(context.scene, request, voice.start_frame) if speech.use_markers else request


def _with_markers(scene: bpy.types.Scene, request: FaceRequest, start_frame: float) -> FaceRequest:
    markers = [(float(marker.frame), marker.name) for marker in scene.timeline_markers]
    changes = emotion_markers.changes_at(markers, start_frame, scene_fps(scene), request.intensity)
    request = replace(request, changes=changes)
    first = emotion_markers.emotion_at(markers, start_frame, request.intensity)
    return replace(request, emotion=first[0], intensity=first[1], emotion_audio="") if first else request


_CLASSES = (
    UNDERSTUDY_OT_generate_face,
    UNDERSTUDY_OT_generate_take,
    UNDERSTUDY_OT_apply_amounts,
    UNDERSTUDY_OT_next_variation,
    UNDERSTUDY_OT_show_amounts,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
