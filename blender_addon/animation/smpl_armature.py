"""Understudy's own character: an armature with SMPL-H's 52 joints, its skinned mesh and its face shapes.

Every bone points straight up at rest, so its axes are SMPL's own axes: a pose bone's rotation is SMPL's local rotation, number by
number. Custom shapes draw the limbs in their place.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from .axes import TO_BLENDER
from .default_body_mesh import add_body_mesh
from .default_skeleton import DEFAULT_BODY
from .edit_mode import edit_mode

BODY_PROPERTY = "understudy_body"  # on the armature object: which body it is
TAIL_LENGTH = 0.3  # of the limb that the bone stands for
TIP_LENGTH = 0.5  # of the bone before, for joints without a child
# The child that a bone points at, where it has several.
LIMB_CHILDREN = {"pelvis": "spine1", "spine3": "neck", "left_wrist": "left_middle1", "right_wrist": "right_middle1"}
LIMB_SHAPE = "Understudy limb"


def add_character(name: str = "Understudy", collection: bpy.types.Collection | None = None) -> bpy.types.Object:
    """The default character in its T-pose, standing on the grid and facing -Y; returns its armature object.

    It is linked into `collection`, by default the active one. Mode, active object and selection stay as they are.
    """
    with np.load(DEFAULT_BODY, allow_pickle=False) as arrays:
        body = dict(arrays)
    for positions in ("vertices", "joints", "shape_offsets"):
        body[positions] = body[positions] @ TO_BLENDER.T
    bones = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, bones)
    armature.show_in_front = True
    armature[BODY_PROPERTY] = DEFAULT_BODY.stem
    limbs = _limbs(body)
    with edit_mode(armature):
        _add_bones(bones.edit_bones, body, limbs)
    home = collection or bpy.context.collection
    assert home is not None
    for item in (armature, add_body_mesh(armature, body)):
        home.objects.link(item)
    _draw_limbs(armature, body, limbs)
    return armature


def _limbs(body: dict[str, np.ndarray]) -> np.ndarray:
    """(52, 3) from every joint to the end of the limb that its bone turns."""
    names, parents, joints = list(body["joint_names"]), body["parents"], body["joints"]
    limbs = np.empty_like(joints)
    for joint, name in enumerate(names):
        children = np.flatnonzero(parents == joint)
        if name in LIMB_CHILDREN:
            limbs[joint] = joints[names.index(LIMB_CHILDREN[name])] - joints[joint]
        elif len(children):
            limbs[joint] = joints[children[0]] - joints[joint]
        else:
            limbs[joint] = TIP_LENGTH * (joints[joint] - joints[parents[joint]])
    return limbs


def _add_bones(edit_bones: bpy.types.ArmatureEditBones, body: dict[str, np.ndarray], limbs: np.ndarray) -> None:
    lengths = TAIL_LENGTH * np.linalg.norm(limbs, axis=1)
    for name, parent, joint, length in zip(body["joint_names"], body["parents"], body["joints"], lengths, strict=True):
        bone = edit_bones.new(str(name))
        bone.head = joint
        bone.tail = Vector(joint) + Vector((0.0, 0.0, length))
        bone.roll = 0.0
        if parent >= 0:
            bone.parent = edit_bones[str(body["joint_names"][parent])]


def _draw_limbs(armature: bpy.types.Object, body: dict[str, np.ndarray], limbs: np.ndarray) -> None:
    """Custom shapes from joint to joint, because the bones themselves all point up."""
    shape, pose = _limb_shape(), armature.pose
    assert pose is not None
    for name, limb in zip(body["joint_names"], limbs @ TO_BLENDER, strict=True):
        bone = pose.bones[str(name)]
        bone.rotation_mode = "QUATERNION"
        bone.custom_shape = shape
        bone.use_custom_shape_bone_size = False
        bone.custom_shape_scale_xyz = [float(np.linalg.norm(limb))] * 3
        bone.custom_shape_rotation_euler = Vector((0.0, 1.0, 0.0)).rotation_difference(Vector(limb)).to_euler()
        bone.bone.show_wire = True


def _limb_shape() -> bpy.types.Object:
    """A slim octahedron from the origin to (0, 1, 0), shared by all characters and in no scene."""
    shape = bpy.data.objects.get((LIMB_SHAPE, None))
    if shape is None:
        mesh = bpy.data.meshes.new(LIMB_SHAPE)
        ring = [(0.08, 0.12, 0.0), (0.0, 0.12, 0.08), (-0.08, 0.12, 0.0), (0.0, 0.12, -0.08)]
        around = [(0, 1), (1, 2), (2, 3), (3, 0)]
        mesh.from_pydata([*ring, (0, 0, 0), (0, 1, 0)], [*around, *((i, end) for i in range(4) for end in (4, 5))], [])
        shape = bpy.data.objects.new(LIMB_SHAPE, mesh)
    return shape
