"""The five bones of a head, and the drivers that let its pose correctives follow them.

Every bone points straight up at rest, so its axes are FLAME's own: a pose bone's turn is FLAME's, number by number. The correctives are
driven, not keyed: they also follow a jaw that the animator turns by hand, in any rotation mode. The drivers' formulas are of the simple
kind that Blender computes without Python, so that files from elsewhere need no permission to run scripts.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from mathutils import Vector

from ...core.contract.head import CORRECTIVE_NAMES, FLAME_JOINTS, FLAME_PARENTS, HeadModel
from .axes import TO_BLENDER
from .edit_mode import edit_mode

BONE_METRES = 0.03
# R - I of a unit quaternion, row by row, as the correctives are numbered
_TURN_ENTRIES = (
    "-2*(y*y+z*z)", "2*(x*y-w*z)", "2*(x*z+w*y)",
    "2*(x*y+w*z)", "-2*(x*x+z*z)", "2*(y*z-w*x)",
    "2*(x*z-w*y)", "2*(y*z+w*x)", "-2*(x*x+y*y)",
)  # fmt: skip


def add_armature(head: HeadModel, name: str) -> bpy.types.Object:
    """An armature object with the joints of `head`, in quaternion mode; the caller links it."""
    bones = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, bones)
    armature.show_in_front = True
    with edit_mode(armature):
        for joint, parent, place in zip(FLAME_JOINTS, FLAME_PARENTS, head.joints @ TO_BLENDER.T, strict=True):
            bone = bones.edit_bones.new(joint)
            bone.head, bone.tail = Vector(place), Vector(place) + Vector((0.0, 0.0, BONE_METRES))
            bone.roll = 0.0
            if parent >= 0:
                bone.parent = bones.edit_bones[FLAME_JOINTS[parent]]
    assert armature.pose is not None
    for pose_bone in armature.pose.bones:
        pose_bone.rotation_mode = "QUATERNION"
    return armature


def drive_correctives(keys: bpy.types.Key, armature: bpy.types.Object, names: Sequence[str]) -> None:
    """Lets those of CORRECTIVE_NAMES that are in `names` follow the bones of `armature`."""
    for name in names:
        joint, entry = divmod(CORRECTIVE_NAMES.index(name), len(_TURN_ENTRIES))
        curve = keys.driver_add(f'key_blocks["{name}"].value')
        _follow_turn(curve.driver, armature, FLAME_JOINTS[1 + joint], _TURN_ENTRIES[entry])


def _follow_turn(driver: bpy.types.Driver, armature: bpy.types.Object, bone: str, expression: str) -> None:
    driver.type = "SCRIPTED"
    for part in sorted(set(expression) & set("wxyz")):
        variable = driver.variables.new()
        variable.name, variable.type = part, "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.bone_target = armature, bone
        target.transform_type, target.rotation_mode, target.transform_space = f"ROT_{part.upper()}", "QUATERNION", "LOCAL_SPACE"
    driver.expression = expression
