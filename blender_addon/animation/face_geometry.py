"""The geometry of a face in Blender, out of its mesh, shape keys and bones: what a conversion between face spaces is fitted from.

It is on the object, whatever made it: Add FLAME Head, FLAME's own add-on or SMPL-X's. No file is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...core.contract.head import CORRECTIVE_NAMES, JAW_CORRECTIVES, FaceGeometry, keys_of_jaw, skin_of
from .face_keys import corrective_keys
from .face_target import FaceError, FaceTarget

_NEEDED_BONES = ("jaw", "left_eye", "right_eye")
_STIFF = 0.5  # weight of an eye's bone from which on a vertex is part of the eyeball


def geometry_of(target: FaceTarget) -> FaceGeometry:
    """The skin at rest in our axes and the armature's units. Raises FaceError for a face without bones for jaw and eyes."""
    mesh, armature = target.mesh.resolve(), target.armature.resolve() if target.armature else None
    missing = [joint for joint in _NEEDED_BONES if joint not in target.bones]
    if armature is None or missing:
        raise FaceError(f"“{mesh.name}” has no bone “{missing[0]}” to measure its face by")
    placed = np.array(armature.matrix_world.inverted() @ mesh.matrix_world)
    to_ours = target.axes.T @ placed[:3, :3]
    neutral = _positions(mesh.data.shape_keys.reference_key) @ to_ours.T + target.axes.T @ placed[:3, 3]
    weights = _weights(mesh, armature, [target.bones[joint] for joint in _NEEDED_BONES])
    jaw, *eyes = (target.axes.T @ np.array(armature.data.bones[target.bones[joint]].head_local) for joint in _NEEDED_BONES)
    correctives = corrective_keys(mesh.data.shape_keys.key_blocks.keys())
    jaw_correctives = [correctives.get(name, "") for name in CORRECTIVE_NAMES[JAW_CORRECTIVES]]
    face = FaceGeometry(
        space=target.space,
        expression_names=tuple(target.keys),
        neutral=neutral.astype(np.float32),
        triangles=_triangles(mesh.data),
        expressions=_offsets(mesh, list(target.keys.values()), to_ours),
        jaw_weights=weights[:, 0],
        jaw_keys=keys_of_jaw(neutral, jaw, weights[:, 0], _offsets(mesh, jaw_correctives, to_ours)).astype(np.float32),
        eyes=np.array(eyes, np.float32),
    )
    return skin_of(face, kept=weights[:, 1:].max(1) < _STIFF)


def _offsets(mesh: bpy.types.Object, keys: Sequence[str], to_ours: np.ndarray) -> np.ndarray:
    """(V, 3, K) of shape keys, zero where a name is empty."""
    blocks = mesh.data.shape_keys.key_blocks
    offsets = np.zeros((len(mesh.data.vertices), 3, len(keys)), np.float32)
    for number, name in enumerate(keys):
        if name:
            offsets[..., number] = (_positions(blocks[name]) - _positions(blocks[name].relative_key)) @ to_ours.T
    return offsets


def _positions(key: bpy.types.ShapeKey) -> np.ndarray:
    positions = np.empty(3 * len(key.data), np.float32)
    key.data.foreach_get("co", positions)
    return positions.reshape(-1, 3)


def _triangles(mesh: bpy.types.Mesh) -> np.ndarray:
    mesh.calc_loop_triangles()
    triangles = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles)
    return triangles.reshape(-1, 3)


def _weights(mesh: bpy.types.Object, armature: bpy.types.Object, bones: Sequence[str]) -> np.ndarray:
    """(V, B) weights of some bones, as shares of those of all the armature's bones."""
    groups = {group.index: group.name for group in mesh.vertex_groups if group.name in armature.data.bones}
    columns = {index: bones.index(name) for index, name in groups.items() if name in bones}
    weights, total = np.zeros((len(mesh.data.vertices), len(bones)), np.float32), np.zeros(len(mesh.data.vertices), np.float32)
    for number, vertex in enumerate(mesh.data.vertices):
        for each in vertex.groups:
            if each.group in groups:
                total[number] += each.weight
            if each.group in columns:
                weights[number, columns[each.group]] = each.weight
    return np.asarray(weights / np.maximum(total, 1e-6)[:, None])
