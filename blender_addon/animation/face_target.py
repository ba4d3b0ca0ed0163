"""Finds what moves a face, shape keys and maybe bones: of our own heads, of FLAME's and SMPL-X's add-ons, of meshes with ARKit's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np

from ...core.contract import ARKIT, FLAME_2020, BadRequest
from ...core.contract.head import LINEAR_JAW_NAMES
from .axes import TO_BLENDER
from .curves import driven_paths, in_tweak_mode
from .datablocks import Reference
from .face_keys import arkit_keys, corrective_keys, flame_keys
from .flame_mesh import SPACE_PROPERTY

HEAD_JOINTS = ("neck", "jaw", "left_eye", "right_eye")
_OTHER_NAMES = {"left_eye_smplhf": "left_eye", "right_eye_smplhf": "right_eye"}  # SMPL-X's
_BODY_BONES = ("pelvis", "hips")
_FACES = "a mesh with ARKit's 52 keys or FLAME's Exp keys, or add Understudy's own head"


class FaceError(BadRequest):
    """The chosen object cannot take the keys of a face."""


@dataclass(frozen=True)
class FaceTarget:
    """A mesh that can be keyed.

    space: the face space of its keys. keys: coefficient to shape key. correctives, linear_jaw: FLAME's name to shape key, where no
    driver decides them. bones: joint to bone; without `neck` where a body turns it. axes: (3, 3) our x, y, z in the armature's space.
    """

    mesh: Reference
    armature: Reference | None
    space: str
    keys: Mapping[str, str]
    correctives: Mapping[str, str]
    linear_jaw: Mapping[str, str]
    bones: Mapping[str, str]
    axes: np.ndarray


def face_mesh(chosen: bpy.types.Object | None) -> bpy.types.Object | None:
    """The mesh that is meant: the chosen object, or of an armature's meshes the one with most keys of a face."""
    if chosen is None or chosen.type != "ARMATURE":
        return chosen
    meshes = [child for child in chosen.children_recursive if child.type == "MESH"]
    return max(meshes, key=lambda mesh: len(_matched(mesh)[1]), default=chosen)


def face_space(mesh: bpy.types.Object, chosen_keys: Mapping[str, str] | None = None) -> str:
    """What the mesh says of itself, or what the names of its keys say; FLAME's without a release are taken as those of 2020."""
    return str(mesh.get(SPACE_PROPERTY, "")) or (ARKIT if chosen_keys else _matched(mesh)[0])


def refusal(chosen: bpy.types.Object | None, chosen_keys: Mapping[str, str] | None = None) -> str:
    """Why this object cannot take a face's keys and what to do about it; empty if it can. Cheap enough for poll()."""
    mesh = face_mesh(chosen)
    if mesh is None or mesh.type != "MESH":
        return f"{'Nothing is chosen' if mesh is None else f'“{mesh.name}” is not a face'}: choose {_FACES}."
    if linked := _linked_sentence(mesh):
        return linked
    if not mesh.users_scene:  # the sidebar still names it
        return f"“{mesh.name}” is in no scene any more: choose {_FACES}."
    keys = mesh.data.shape_keys
    if keys is None or len(keys.key_blocks) < 2:
        return f"“{mesh.name}” has no shape keys: choose {_FACES}."
    if not keys.use_relative:
        return f"The shape keys of “{mesh.name}” are absolute, one after the other: tick Relative under Object Data > Shape Keys."
    sharing = [other.name for other in bpy.data.objects if other.data == mesh.data] if mesh.data.users > 1 else []
    if len(sharing) > 1:
        return (
            f"{len(sharing)} objects share the mesh of “{mesh.name}”, so “{next(name for name in sharing if name != mesh.name)}” would talk"
            " too: use Object > Relations > Make Single User > Object & Data first."
        )
    return _state_refusal(mesh) or _names_refusal(mesh, chosen_keys or {})


def find_face(chosen: bpy.types.Object | None, chosen_keys: Mapping[str, str] | None = None) -> FaceTarget:
    """What can be keyed on the chosen object.

    chosen_keys: ARKit's name to the name of a shape key, where the animator knows better than the names. Raises FaceError.
    """
    if reason := refusal(chosen, chosen_keys):
        raise FaceError(reason)
    mesh = face_mesh(chosen)
    assert mesh is not None
    armature = armature_of(mesh)
    bones = _bones(armature) if armature else {}
    names = mesh.data.shape_keys.key_blocks.keys()
    driven = driven_paths(mesh.data.shape_keys)
    linear = {name: name for name in LINEAR_JAW_NAMES if name in names}
    return FaceTarget(
        mesh=Reference.to(mesh, "objects"),
        armature=Reference.to(armature, "objects") if armature else None,
        space=face_space(mesh, chosen_keys),
        keys=_keys(mesh, chosen_keys or {}),
        correctives={name: key for name, key in corrective_keys(names).items() if value_path(key) not in driven},
        linear_jaw=linear if len(linear) == len(LINEAR_JAW_NAMES) else {},
        bones=bones,
        axes=TO_BLENDER if SPACE_PROPERTY in mesh or not armature else _head_axes(armature, bones),
    )


def value_path(key: str) -> str:
    """Data path of a shape key's value, from the mesh's shape keys."""
    return f'key_blocks["{bpy.utils.escape_identifier(key)}"].value'


def armature_of(mesh: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that deforms the mesh, or that it hangs from."""
    deforming = [modifier.object for modifier in mesh.modifiers if modifier.type == "ARMATURE" and modifier.object]
    parent = mesh.parent if mesh.parent and mesh.parent.type == "ARMATURE" else None
    return deforming[0] if deforming else parent


def _linked_sentence(mesh: bpy.types.Object) -> str:
    armature = armature_of(mesh)
    linked = next((each for each in (mesh, armature) if each and each.library), None)
    if linked is not None:
        return (
            f"“{linked.name}” is linked from {bpy.path.basename(linked.library.filepath)} and cannot take keys here:"
            " use Object > Library Override > Make first."
        )
    if mesh.data.library:  # an override of the object alone, which is what Blender makes where nothing drives its shapes
        return (
            f"The mesh of “{mesh.name}” is still linked from {bpy.path.basename(mesh.data.library.filepath)}, and with it its shape keys:"
            " in the Outliner, right-click the mesh and choose Library Override > Make."
        )
    return ""


def _state_refusal(mesh: bpy.types.Object) -> str:
    if mesh.data.is_editmode:
        return f"“{mesh.name}” is in Edit Mode: press Tab to leave it."
    armature = armature_of(mesh)
    if armature and armature.data.is_editmode:
        return f"“{armature.name}” is in Edit Mode: press Tab to leave it."
    tweaked = next((owner.name for owner in (mesh.data.shape_keys, armature) if owner and in_tweak_mode(owner)), "")
    return f"An NLA strip of “{tweaked}” is being tweaked: press Tab over the strip to leave it." if tweaked else ""


def _names_refusal(mesh: bpy.types.Object, chosen_keys: Mapping[str, str]) -> str:
    gone = [key for key in chosen_keys.values() if key not in mesh.data.shape_keys.key_blocks]
    if gone:
        return f"The map of “{mesh.name}” names the shape key “{gone[0]}”, which it does not have: choose another, or match the keys again."
    keys = _keys(mesh, chosen_keys)
    if not keys:
        count = len(mesh.data.shape_keys.key_blocks) - 1
        return f"None of the {count} shape keys of “{mesh.name}” is a face's by name: name them in its map, or choose {_FACES}."
    driven = driven_paths(mesh.data.shape_keys)
    if all(value_path(key) in driven for key in keys.values()):
        return f"Drivers decide all face keys of “{mesh.name}”, so that keyframes would do nothing: remove them, or choose another mesh."
    return ""


def _keys(mesh: bpy.types.Object, chosen_keys: Mapping[str, str]) -> Mapping[str, str]:
    if mesh.get(SPACE_PROPERTY, ARKIT) != ARKIT:
        return _matched(mesh)[1]
    return chosen_keys or _matched(mesh)[1]


def _matched(mesh: bpy.types.Object) -> tuple[str, Mapping[str, str]]:
    """Space and keys of the naming that finds most of them."""
    return _matched_names(tuple(mesh.data.shape_keys.key_blocks.keys()) if mesh.data.shape_keys else ())


@lru_cache(maxsize=8)  # panels ask at every redraw, and FLAME's add-on has 436 keys
def _matched_names(names: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    arkit, flame = arkit_keys(names), flame_keys(names)
    return (FLAME_2020, flame) if len(flame) > len(arkit) else (ARKIT, arkit)


def _bones(armature: bpy.types.Object) -> dict[str, str]:
    plain = {_OTHER_NAMES.get(bone.name.lower(), bone.name.lower()): bone.name for bone in armature.data.bones}
    has_body = any(name.endswith(_BODY_BONES) for name in plain)
    return {joint: plain[joint] for joint in HEAD_JOINTS if joint in plain and not (has_body and joint == "neck")}


def _head_axes(armature: bpy.types.Object, bones: Mapping[str, str]) -> np.ndarray:
    """Our x, y, z as columns (3, 3): the armature's axes nearest to where the joints at rest lie."""
    heads = {bone.name.lower(): np.array(bone.head_local) for bone in armature.data.bones}
    eyes = [heads[bones[eye].lower()] for eye in ("left_eye", "right_eye") if eye in bones]
    if len(eyes) < 2 or "neck" not in heads:
        return TO_BLENDER
    left = _nearest_axis(eyes[0] - eyes[1])
    up = _nearest_axis(((eyes[0] + eyes[1]) / 2 - heads["neck"]) * (left == 0))
    return np.column_stack((left, up, np.cross(left, up)))


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    longest = np.abs(direction).argmax()
    return np.sign(direction[longest]) * np.eye(3)[longest]
