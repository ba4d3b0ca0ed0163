"""What the animator chose for faces that speak, stored in the scene beside what was chosen for bodies."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import bpy

from ..core.contract import (
    EMOTIONS,
    MAX_AMOUNT,
    MAX_DIVERSITY,
    MAX_INTENSITY,
    MAX_SEED,
    MAX_TEMPERATURE,
    MAX_VARIATIONS,
    FaceAmounts,
)

FROM_FILE, FROM_STRIP, FROM_CHANNEL = "FILE", "STRIP", "CHANNEL"
SOURCES = (
    (FROM_FILE, "File", "A sound file, or what you record: wav, flac, ogg or mp3; the face speaks from the current frame on"),
    (FROM_STRIP, "Strip", "A sound strip of the video sequencer; the face speaks where it is heard"),
    (FROM_CHANNEL, "Channel", "All sound strips of a channel of the video sequencer"),
)
AS_HEARD, AS_CLIP, NEUTRAL = "HEARD", "CLIP", EMOTIONS[0]
EMOTION_CHOICES = (
    (AS_HEARD, "As the Voice Sounds", "The emotion that is heard in the voice"),
    (AS_CLIP, "As in Another Clip", "The emotion that is heard in another sound file"),
    *((emotion, emotion.title(), f"A face that is {emotion}" if emotion != "contempt" else "A face of contempt") for emotion in EMOTIONS),
)
# What earlier versions allow without being asked
_RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
_AMOUNTS = {
    "lips": "How far lips and tongue move",
    "jaw": "How far the mouth opens",
    "upper_face": "How far brows, lids, cheeks and nose move, but for blinks",
    "blinks": "How far blinks close the lids",
    "head": "How far the head turns",
    "gaze": "How far the eyes turn",
}


def _amount(name: str) -> Any:
    """A property, as Blender declares them."""
    return bpy.props.FloatProperty(
        name=name.replace("_", " ").title(), default=1.0, min=0.0, max=MAX_AMOUNT, step=5, precision=2, subtype="FACTOR",
        description=f"{_AMOUNTS[name]}: 0 to {MAX_AMOUNT:g}, 1 is as the model made it. Lines spoken already follow with Apply Amounts",
    )  # fmt: skip


class UnderstudySpeech(bpy.types.PropertyGroup):
    """Scene.understudy.speech"""

    source: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Sound", items=SOURCES, default=FROM_FILE, description="Where the voice comes from"
    )
    sound_file: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Sound File", subtype="FILE_PATH", default="", options=_RELATIVE, description="The voice: a wav, flac, ogg or mp3 file"
    )
    strip: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Strip", default="", description="A sound strip of the video sequencer; empty takes the active one"
    )
    channel: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Channel", default=1, min=1, max=128,
        description="All sound strips of this channel, 1 to 128, are spoken, each where it is heard"
    )
    add_sound_strip: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Add Sound Strip", default=True, description="Put the sound file into the video sequencer too, so that it is heard"
    )
    emotion: bpy.props.EnumProperty(  # type: ignore[valid-type]
        # Not as heard: our own weights hear emotions surely in acted German alone
        name="Emotion", items=EMOTION_CHOICES, default=NEUTRAL, description="What the face expresses",
    )  # fmt: skip
    emotion_file: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Emotion Clip", subtype="FILE_PATH", default="", options=_RELATIVE,
        description="A sound file that sounds as the face shall look",
    )  # fmt: skip
    intensity: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Intensity", default=1.0, min=0.0, max=MAX_INTENSITY, step=5, precision=2, subtype="FACTOR",
        description=f"How strong the emotion is, 0 to {MAX_INTENSITY:g}: 0 is neutral, 1 as strong as in what the model was trained on",
    )  # fmt: skip
    use_markers: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Emotions at Markers", default=False,
        description='Timeline markers change the emotion from their frame on: "angry", or "sad 0.5" with an intensity',
    )  # fmt: skip
    diversity: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Diversity", default=0.0, min=0.0, max=MAX_DIVERSITY, step=5, precision=2,
        description=f"How differently the emotion is shown from seed to seed, 0 to {MAX_DIVERSITY:g}: 0 is always its mean",
    )  # fmt: skip
    temperature: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Temperature", default=0.0, min=0.0, max=MAX_TEMPERATURE, step=5, precision=2,
        description=f"How differently words are articulated from seed to seed, 0 to {MAX_TEMPERATURE:g}: 0 takes the likeliest movements",
    )  # fmt: skip
    actor: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Speaking Style", default=0, min=0, soft_max=32, description="Number of one of the speakers that the model was trained on"
    )
    seed: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Seed", default=0, min=0, max=MAX_SEED,
        description="Decides what is left to chance: the same seed and settings give the same face"
    )
    use_new_seed: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="New Seed", default=True,
        description="Another seed for each generation, so that each differs; the one used is written into the field"
    )
    variations: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Variations", default=1, min=1, max=MAX_VARIATIONS, soft_max=8,
        description=f"How many faces are made at once, 1 to {MAX_VARIATIONS}; the first is keyed, the others are kept with it, see Amounts",
    )  # fmt: skip
    use_sound_length: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Length of the Sound", default=True, description="The body moves as long as the sound lasts; off: as long as set for it"
    )
    lips: _amount("lips")  # type: ignore[valid-type]
    jaw: _amount("jaw")  # type: ignore[valid-type]
    upper_face: _amount("upper_face")  # type: ignore[valid-type]
    blinks: _amount("blinks")  # type: ignore[valid-type]
    head: _amount("head")  # type: ignore[valid-type]
    gaze: _amount("gaze")  # type: ignore[valid-type]


AMOUNT_NAMES = tuple(each.name for each in fields(FaceAmounts))


def amounts_of(speech: UnderstudySpeech) -> FaceAmounts:
    """The sliders, rounded to what they show."""
    return FaceAmounts(**{name: round(float(getattr(speech, name)), 4) for name in AMOUNT_NAMES})


def register() -> None:
    bpy.utils.register_class(UnderstudySpeech)


def unregister() -> None:
    bpy.utils.unregister_class(UnderstudySpeech)
