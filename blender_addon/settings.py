"""What the animator chose, stored in the scene."""

from __future__ import annotations

import bpy

from ..core.contract import MAX_PROMPT_CHARACTERS, MAX_SECONDS, MAX_SEED, MAX_VARIATIONS, MIN_SECONDS, Quality
from . import speech_settings, warming

EXAMPLE = "a person walks forward"
QUALITIES = (
    (Quality.DRAFT.name, "Draft", "Fastest: to see whether the prompt is understood"),
    (Quality.NORMAL.name, "Normal", "As the model was measured"),
    (Quality.HIGH.name, "High", "Twice the steps of Normal: a little smoother"),
)

FROM_FRAMES, FROM_PREVIEW, FROM_KEYS = "FRAMES", "PREVIEW", "KEYS"
REDO_RANGES = (
    (FROM_FRAMES, "Frames", "From one frame to another"),
    (FROM_PREVIEW, "Preview", "The preview range of the timeline (P)"),
    (FROM_KEYS, "Keys", "From the first to the last key of the body that is selected"),
)


def _is_armature(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


def _is_face(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "MESH" and candidate.data.shape_keys is not None


def _prompt_edited(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    warming.soon()


class UnderstudySettings(bpy.types.PropertyGroup):
    """Scene.understudy"""

    character: bpy.props.PointerProperty(  # type: ignore[valid-type]
        type=bpy.types.Object, poll=_is_armature, name="Character",
        description="The armature that is keyed: Understudy's own character, or one with SMPL, SMPL-H or SMPL-X joint names",
    )  # fmt: skip
    face: bpy.props.PointerProperty(  # type: ignore[valid-type]
        type=bpy.types.Object, poll=_is_face, name="Face",
        description="The mesh that talks: Understudy's own head, one with FLAME's or SMPL-X's expressions, or one with ARKit's shape keys."
        " Empty: the active object",
    )  # fmt: skip
    prompt: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Prompt", default=EXAMPLE, maxlen=MAX_PROMPT_CHARACTERS, options={"TEXTEDIT_UPDATE"}, update=_prompt_edited,
        description='What the character does, in English. Several steps are joined by "then": walks forward, then waves',
    )  # fmt: skip
    use_seconds: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Set Length", default=True, description="Off: the model estimates how long the motion takes"
    )
    seconds: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Length", default=4.0, min=MIN_SECONDS, max=MAX_SECONDS, soft_max=20.0, step=50, precision=1, unit="TIME_ABSOLUTE",
        description=f"Length of the motion, {MIN_SECONDS:g} to {MAX_SECONDS:g} s, keyed at the scene's rate from the current frame on",
    )  # fmt: skip
    seed: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Seed", default=0, min=0, max=MAX_SEED,
        description="Decides what is left to chance: the same seed and settings give the same motion"
    )
    use_new_seed: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="New Seed", default=True,
        description="Another seed for each generation, so that each differs; the one used is written into the field"
    )
    quality: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Quality", items=QUALITIES, default=Quality.NORMAL.name, description="In how many steps the motion is shaped; more take longer"
    )
    use_guidance: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Set Guidance", default=False, description="Off: as closely as the model was measured with"
    )
    guidance: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Guidance", default=2.0, min=1.0, max=20.0, soft_max=8.0, step=50, precision=1,
        description="How closely the words are followed, 1 to 20: low is freer, high is stricter and stiffer",
    )  # fmt: skip
    lock_feet: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Lock Feet", default=True, description="Keep planted feet from sliding and from sinking into the floor"
    )
    variations: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Variations", default=1, min=1, max=MAX_VARIATIONS, soft_max=8,
        description=f"How many motions are made at once, 1 to {MAX_VARIATIONS}; the first is played, the others are kept as Actions",
    )  # fmt: skip
    redo_range: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Range", items=REDO_RANGES, default=FROM_FRAMES, description="Which frames are made anew"
    )
    redo_first: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="First", default=25, description="First frame that is made anew"
    )
    redo_last: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Last", default=48, description="Last frame that is made anew"
    )
    redo_upper_body: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Upper Body Only", default=False, description="Legs and path keep their keys: somebody who walks waves and walks on"
    )
    redo_carries_rest: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Carry the Rest", default=False,
        description="Move and turn what comes after the range so that it goes on from where the new part leads. Off: all other keys stay as"
        " they are, and the new part is bent to meet them",
    )  # fmt: skip
    speech: bpy.props.PointerProperty(type=speech_settings.UnderstudySpeech)  # type: ignore[valid-type]


def of(scene: bpy.types.Scene) -> UnderstudySettings:
    """The settings of a scene."""
    return scene.understudy  # type: ignore[attr-defined, no-any-return]


def register() -> None:
    speech_settings.register()
    bpy.utils.register_class(UnderstudySettings)
    bpy.types.Scene.understudy = bpy.props.PointerProperty(type=UnderstudySettings)  # type: ignore[attr-defined]


def unregister() -> None:
    del bpy.types.Scene.understudy  # type: ignore[attr-defined]
    bpy.utils.unregister_class(UnderstudySettings)
    speech_settings.unregister()
