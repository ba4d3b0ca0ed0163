"""The default character's mesh: skin, eyes and teeth, bound to an armature, with ARKit's 52 face shapes."""

from __future__ import annotations

import bpy
import numpy as np

from .materials import paint
from .skinning import bind_to_bones


def add_body_mesh(armature: bpy.types.Object, body: dict[str, np.ndarray]) -> bpy.types.Object:
    """The mesh object, a child of `armature` that its bones deform; the caller links it.

    `body`: the arrays of default_body.npz, positions in the armature's axes.
    """
    mesh = bpy.data.meshes.new(f"{armature.name} body")
    mesh.from_pydata(body["vertices"], [], body["faces"])
    mesh.shade_smooth()
    paint(mesh, body["material_names"], body["material"])
    skin = bpy.data.objects.new(mesh.name, mesh)
    skin.parent = armature
    vertices, slots = np.nonzero(body["weights"])
    joints, weights = body["weight_joints"][vertices, slots], body["weights"][vertices, slots]
    bind_to_bones(skin, armature, [str(name) for name in body["joint_names"]], vertices, joints, weights)
    _add_face_shapes(skin, body)
    return skin


def _add_face_shapes(skin: bpy.types.Object, body: dict[str, np.ndarray]) -> None:
    skin.shape_key_add(name="Basis", from_mix=False)
    starts = body["shape_starts"]
    for shape, name in enumerate(body["shape_names"]):
        rows = slice(starts[shape], starts[shape + 1])
        positions = body["vertices"].astype(np.float32)
        positions[body["shape_vertices"][rows]] += body["shape_offsets"][rows]
        key = skin.shape_key_add(name=str(name), from_mix=False)
        key.data.foreach_set("co", positions.ravel())
        key.value = 0.0
