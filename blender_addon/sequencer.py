"""The video sequencer: the only file that knows its strips, whose collection is called `sequences` up to 4.3 and `strips` from 4.4 on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.contract import BadRequest
from .animation.body import scene_fps

_SAME_FRAME = 1e-3


@dataclass(frozen=True)
class Clip:
    """A part of a sound and where in the scene it is heard: `start_frame` may lie between frames.

    lasts_s: how long it is heard, to the frame. start_s: where in the sound it begins. seconds: where it is cut off; None: nowhere.
    """

    sound: bpy.types.Sound
    start_frame: float
    lasts_s: float
    start_s: float = 0.0
    seconds: float | None = None


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows; from 5.0 on it can be another than the window's."""
    scene: bpy.types.Scene | None = getattr(context, "sequencer_scene", None) or context.scene
    assert scene is not None
    return scene


def collection_names(editor: bpy.types.SequenceEditor) -> tuple[str, str]:
    """Of its own strips, and of those that lie in meta strips too."""
    return ("strips", "strips_all") if hasattr(editor, "strips") else ("sequences", "sequences_all")


def chosen_clip(context: bpy.types.Context, name: str) -> Clip:
    """Of the strip called `name`, or of the active one if that is empty. Raises BadRequest where there is no sound."""
    scene = scene_of(context)
    editor = scene.sequence_editor
    strip = None
    if editor is not None:
        strip = getattr(editor, collection_names(editor)[1]).get(name) if name else editor.active_strip
    if strip is None:
        what = f"has no strip “{name}”" if name else "has no active strip"
        raise BadRequest(f"The video sequencer {what}: choose a sound strip there, or a sound file here.")
    if strip.type != "SOUND":
        raise BadRequest(f"“{strip.name}” is no sound strip: choose the sound that belongs to it, or a sound file.")
    return _clip(strip, scene_fps(scene))


def clips_of_channel(context: bpy.types.Context, channel: int) -> list[Clip]:
    """Of all sound strips of a channel that are not muted, in the order in which they are heard. Raises BadRequest where there are none."""
    editor = scene_of(context).sequence_editor
    strips = getattr(editor, collection_names(editor)[0]) if editor is not None else ()
    heard = [strip for strip in strips if strip.channel == channel and strip.type == "SOUND" and not strip.mute]
    if not heard:
        raise BadRequest(f"Channel {channel} of the video sequencer has no sound that is heard: choose another channel.")
    return sorted((_clip(strip, scene_fps(scene_of(context))) for strip in heard), key=lambda clip: clip.start_frame)


def add_sound(scene_name: str, path: Path, start_frame: float) -> str:
    """Lets a sound be heard in a scene from this frame on, unless it is already. A sentence if it cannot be; empty if all is well."""
    scene = bpy.data.scenes.get((scene_name, None))
    if scene is None:
        return f"No sound strip was added: the scene “{scene_name}” is gone."
    editor = scene.sequence_editor or scene.sequence_editor_create()
    assert editor is not None
    strips = getattr(editor, collection_names(editor)[0])
    if any(_is_heard(strip, path, start_frame, scene_fps(scene)) for strip in strips):
        return ""
    taken = {strip.channel for strip in strips}
    channel = next(number for number in range(1, len(taken) + 2) if number not in taken)
    try:
        strip = strips.new_sound(path.stem, str(path), channel, math.floor(start_frame))
    except RuntimeError as error:  # a Blender that was built without sound
        return f"No sound strip was added ({str(error).strip()})."
    if hasattr(strip, "sound_offset"):  # from 4.4 on a sound can begin between two frames
        strip.sound_offset = (start_frame - math.floor(start_frame)) / scene_fps(scene)
    return ""


def _is_heard(strip: Any, path: Path, start_frame: float, fps: float) -> bool:
    if strip.type != "SOUND" or strip.mute or Path(bpy.path.abspath(strip.sound.filepath)) != path:
        return False
    return abs(_zero_frame(strip, fps) - start_frame) < max(_SAME_FRAME, 0.0 if hasattr(strip, "sound_offset") else 1.0)


def _zero_frame(strip: Any, fps: float) -> float:
    """The frame at which the sound itself begins, cut off or not."""
    return float(strip.frame_start - strip.animation_offset_start + getattr(strip, "sound_offset", 0.0) * fps)


def _clip(strip: Any, fps: float) -> Clip:
    if len(strip.retiming_keys):
        raise BadRequest(f"“{strip.name}” is retimed, so that its sound is not that of its file: render it into a new file first.")
    zero = _zero_frame(strip, fps)
    first = max(float(strip.frame_final_start), zero)
    end = zero + strip.animation_offset_start + strip.frame_duration + strip.animation_offset_end
    is_cut = strip.frame_final_end < end - _SAME_FRAME
    lasts_s = (strip.frame_final_end - first) / fps
    return Clip(strip.sound, first, lasts_s, (first - zero) / fps, lasts_s if is_cut else None)
