"""Rigs as animators have them: other names, axes, rolls, units, extra bones and rest poses."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
from mathutils import Matrix, Vector

from understudy.tests.blender_addon.animation.sample_motions import JOINTS, PARENTS, REST

TO_BLENDER = np.array(((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)))

Bone = tuple[str, np.ndarray, str]  # name, head, name of the parent or ""


def smpl_name(joint: str) -> str:
    """The joint as Meshcapade's SMPL add-on names it, such as m_avg_L_Hip."""
    return "m_avg_" + joint.replace("left_", "L_").replace("right_", "R_").title()


def smpl_bones(positions: np.ndarray, name: Callable[[str], str] = str) -> list[Bone]:
    """22 bones at `positions` (22, 3) in armature space."""
    return [
        (name(joint), position, name(JOINTS[parent]) if parent >= 0 else "")
        for joint, parent, position in zip(JOINTS, PARENTS, positions, strict=True)
    ]


def build_rig(bones: list[Bone], name: str = "Rig", seed: int = 0) -> bpy.types.Object:
    """An armature whose bones point at their first child, with random rolls."""
    random = np.random.default_rng(seed)
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    heads = {bone: head for bone, head, _ in bones}
    size = np.ptp(np.array(list(heads.values())), axis=0).max()
    for bone, head, _ in bones:
        edit = armature.data.edit_bones.new(bone)
        child = next((heads[other] for other, _, above in bones if above == bone), None)
        direction = child - head if child is not None and np.linalg.norm(child - head) > 1e-3 * size else random.normal(size=3)
        edit.head, edit.tail = head, Vector(head) + Vector(direction).normalized() * 0.05 * size
        edit.roll = random.uniform(-np.pi, np.pi)
    for bone, _, parent in bones:
        armature.data.edit_bones[bone].parent = armature.data.edit_bones[parent] if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def rig_with_extra_bones(positions: np.ndarray) -> bpy.types.Object:
    """A root bone above the pelvis, twist bones between shoulder and elbow, and a spare helper between spine and neck."""
    bones = [("root", np.zeros(3), "")]
    for bone, head, parent in smpl_bones(positions):
        if bone.endswith("_elbow"):
            bones.append((f"{parent}_twist", (positions[JOINTS.index(parent)] + head) / 2, parent))
            parent = f"{parent}_twist"
        if bone == "neck":
            bones.append(("chest_helper", head * 0.99, parent))
            parent = "chest_helper"
        bones.append((bone, head, parent or "root"))
    return build_rig(bones)


def turned_limb(positions: np.ndarray, limb: tuple[str, ...], angle: float, joints: tuple[str, ...] = JOINTS) -> np.ndarray:
    """`positions` with the joints after the first of `limb` turned by `angle` radians about SMPL's forward axis."""
    turn = np.array(Matrix.Rotation(angle, 3, "Z"))
    pivot = positions[joints.index(limb[0])]
    turned = positions.copy()
    for joint in limb[1:]:
        turned[joints.index(joint)] = pivot + turn @ (positions[joints.index(joint)] - pivot)
    return turned


def blender_rest() -> np.ndarray:
    """The default body's joints (22, 3) in Blender's axes."""
    return REST @ TO_BLENDER.T


def joint_heads(armature: bpy.types.Object, bones: tuple[str, ...] = JOINTS) -> np.ndarray:
    """Where the bones' heads are in the world at the current frame."""
    return np.array([armature.matrix_world @ armature.pose.bones[bone].head for bone in bones])
