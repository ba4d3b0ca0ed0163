"""Finds SMPL's 22 body joints on an armature and reads how it stands at rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np

from ...core.contract import BadRequest
from .curves import in_tweak_mode
from .datablocks import Reference
from .listed_names import listed

# First 22 joints of SMPL (Loper et al. 2015), in SMPL's order.
BODY_JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
SHORT_NAMES = tuple(name.replace("left_", "l_").replace("right_", "r_") for name in BODY_JOINTS)


class RigError(BadRequest):
    """The chosen object cannot take the keys of a body."""


@dataclass(frozen=True)
class Rig:
    """An armature that carries SMPL's 22 joints, at rest, in armature space and its units.

    bones: bone names in the order of BODY_JOINTS. heads: (22, 3) joint positions. axes: (22, 3, 3) bone axes as columns.
    parents: the nearest joint whose rotation reaches the bone, -1 where none does.
    location_axes: (3, 3) the axes along which the pelvis bone's location moves it.
    """

    object: Reference
    bones: tuple[str, ...]
    heads: np.ndarray
    axes: np.ndarray
    parents: tuple[int, ...]
    location_axes: np.ndarray

    def head(self, joint: str) -> np.ndarray:
        """Rest position (3,) of a joint."""
        return np.asarray(self.heads[BODY_JOINTS.index(joint)])

    @property
    def from_the_root(self) -> list[int]:
        """Joints (22,) in an order in which each comes after its parent."""

        def depth(joint: int) -> int:
            return 0 if joint < 0 else 1 + depth(self.parents[joint])

        return sorted(range(len(BODY_JOINTS)), key=depth)

    def rests_like(self, other: Rig) -> bool:
        """Whether both have the same bones in the same rest pose."""
        return self.bones == other.bones and np.array_equal(self.heads, other.heads) and np.array_equal(self.axes, other.axes)

    def bone(self, joint: str) -> str:
        """Name of the bone that carries a joint."""
        return self.bones[BODY_JOINTS.index(joint)]


def find_rig(armature: bpy.types.Object) -> Rig:
    """The rig of an armature object. Raises RigError with a sentence for the animator if it cannot take a body's keys."""
    reason = refusal(armature)
    if reason:
        raise RigError(reason)
    bones = [bones_of(armature)[name] for name in _matched(armature)]
    pelvis = bones[0]
    location_parent = pelvis if pelvis.use_local_location else pelvis.parent
    return Rig(
        object=Reference.to(armature, "objects"),
        bones=tuple(bone.name for bone in bones),
        heads=np.array([bone.head_local for bone in bones], np.float64),
        axes=np.array([_axes(bone) for bone in bones]),
        parents=tuple(_nearest_joint(bone, [other.name for other in bones]) for bone in bones),
        location_axes=_axes(location_parent) if location_parent else np.eye(3),
    )


def refusal(armature: bpy.types.Object | None) -> str:
    """Why this object cannot take a body's keys and what to do about it; empty if it can. Cheap enough for poll()."""
    if armature is None or armature.type != "ARMATURE":
        chosen = "Nothing is chosen" if armature is None else f"“{armature.name}” is not an armature"
        return f"{chosen}: choose a character's armature, or add Understudy's own character."
    if not armature.users_scene:  # deleted; the sidebar still names it
        return f"“{armature.name}” is in no scene any more: choose another character's armature, or add Understudy's own character."
    if armature.library is not None:
        return (
            f"“{armature.name}” is linked from {bpy.path.basename(armature.library.filepath)} and cannot take keys here:"
            " use Object > Library Override > Make first."
        )
    if _data(armature).is_editmode:
        return f"“{armature.name}” is in Edit Mode: press Tab to leave it."
    if in_tweak_mode(armature):
        return f"An NLA strip of “{armature.name}” is being tweaked: press Tab over the strip to leave it."
    return _refused_bones(armature)


def has_joints(armature: bpy.types.Object) -> bool:
    """Whether an armature object has a bone for each of the 22 joints. Cheap enough for all armatures of a scene at every redraw."""
    return all(_matched(armature))


def bones_of(armature: bpy.types.Object) -> bpy.types.ArmatureBones:
    """The rest bones of an armature object."""
    return _data(armature).bones


def _data(armature: bpy.types.Object) -> bpy.types.Armature:
    assert isinstance(armature.data, bpy.types.Armature)
    return armature.data


def _refused_bones(armature: bpy.types.Object) -> str:
    found = _matched(armature)
    missing = [joint for joint, bone in zip(BODY_JOINTS, found, strict=True) if not bone]
    if missing:
        return _missing_sentence(armature.name, missing)
    pelvis = bones_of(armature)[found[0]]
    if pelvis.use_connect:
        return (
            f"The bone “{pelvis.name}” of “{armature.name}” is connected to its parent, so it cannot travel:"
            " in Edit Mode, switch off Connected under Bone > Relations."
        )
    astray = [name for name in found[1:] if pelvis not in bones_of(armature)[name].parent_recursive]
    if astray:
        return (
            f"The bone “{astray[0]}” of “{armature.name}” does not hang below “{pelvis.name}”, so the body would come apart:"
            " parent it in Edit Mode, or add Understudy's own character."
        )
    return ""


def _missing_sentence(name: str, missing: list[str]) -> str:
    return (
        f"“{name}” has {len(BODY_JOINTS) - len(missing)} of the {len(BODY_JOINTS)} SMPL joints; missing: {listed(missing)}."
        " Rename its bones to SMPL's names (pelvis, left_hip or L_Hip, ...), or add Understudy's own character."
    )


def _matched(armature: bpy.types.Object) -> tuple[str, ...]:
    return _match(tuple(bones_of(armature).keys()))


@lru_cache(maxsize=64)  # panels ask at every redraw
def _match(bone_names: tuple[str, ...]) -> tuple[str, ...]:
    """The bone of every body joint, "" where there is none: the spelling and the prefix that find most joints count."""
    plain: dict[str, str] = {}
    for name in bone_names:
        plain.setdefault(name.lower().replace("-", "_").replace(".", "_").replace(" ", "_"), name)
    best: list[str] = [""] * len(BODY_JOINTS)
    for spelling in (BODY_JOINTS, SHORT_NAMES):
        prefixes = Counter(name[: -len(joint)] for joint in spelling for name in plain if name.endswith(joint))
        for prefix, _ in prefixes.most_common(1):
            found = [plain.get(prefix + joint, "") for joint in spelling]
            best = max(best, found, key=lambda names: sum(map(bool, names)))
    return tuple(best)


def _axes(bone: bpy.types.Bone) -> np.ndarray:
    return np.array(bone.matrix_local.to_3x3(), np.float64)


def _nearest_joint(bone: bpy.types.Bone, joint_bones: list[str]) -> int:
    while bone.use_inherit_rotation and bone.parent is not None:
        bone = bone.parent
        if bone.name in joint_bones:
            return joint_bones.index(bone.name)
    return -1
