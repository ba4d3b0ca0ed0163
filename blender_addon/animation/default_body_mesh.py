"""The default character's mesh: skin, eyes and teeth, bound to an armature, with ARKit's 52 face shapes."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

# Base colour and roughness of each material of the baked body.
MATERIALS = {
    "skin": ((0.66, 0.56, 0.50), 0.6),
    "eye": ((0.85, 0.85, 0.83), 0.2),
    "teeth": ((0.80, 0.77, 0.70), 0.3),
    "tongue": ((0.50, 0.19, 0.18), 0.5),
    "iris": ((0.10, 0.18, 0.24), 0.2),
    "pupil": ((0.01, 0.01, 0.01), 0.1),
}


def add_body_mesh(armature: bpy.types.Object, body: dict[str, np.ndarray]) -> bpy.types.Object:
    """The mesh object, a child of `armature` that its bones deform; the caller links it.

    `body`: the arrays of default_body.npz, positions in the armature's axes.
    """
    mesh = bpy.data.meshes.new(f"{armature.name} body")
    mesh.from_pydata(body["vertices"], [], body["faces"])
    mesh.shade_smooth()
    for name in body["material_names"]:
        mesh.materials.append(_material(str(name)))
    mesh.polygons.foreach_set("material_index", body["material"].astype(np.int32))
    skin = bpy.data.objects.new(mesh.name, mesh)
    skin.parent = armature
    _bind_to_bones(skin, armature, body)
    _add_face_shapes(skin, body)
    return skin


def _bind_to_bones(skin: bpy.types.Object, armature: bpy.types.Object, body: dict[str, np.ndarray]) -> None:
    groups = [skin.vertex_groups.new(name=str(name)) for name in body["joint_names"]]
    vertices, slots = np.nonzero(body["weights"])
    joints, weights = body["weight_joints"][vertices, slots], body["weights"][vertices, slots]
    # few weights are different: one call for all vertices of a joint that share one
    order = np.lexsort((weights, joints))
    joints, weights, vertices = joints[order], weights[order], vertices[order]
    starts = np.flatnonzero((np.diff(joints, prepend=-1) != 0) | (np.diff(weights, prepend=-1.0) != 0))
    for start, run in zip(starts, np.split(vertices, starts[1:]), strict=True):
        groups[joints[start]].add(run.tolist(), float(weights[start]), "REPLACE")
    modifier = skin.modifiers.new("Armature", "ARMATURE")
    assert isinstance(modifier, bpy.types.ArmatureModifier)
    modifier.object = armature


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


def _material(name: str) -> bpy.types.Material:
    """The material of this part, shared by all characters."""
    full_name = f"Understudy {name}"
    material = bpy.data.materials.get((full_name, None))
    if material is None:
        material = bpy.data.materials.new(full_name)
        colour, roughness = MATERIALS[name]
        material.diffuse_color, material.roughness = (*colour, 1.0), roughness
        _shade(material, colour, roughness)
    return material


def _shade(material: bpy.types.Material, colour: tuple[float, float, float], roughness: float) -> None:
    if material.node_tree is None:  # from 5.0 on a material has its nodes from the start
        material.use_nodes = True
    assert material.node_tree is not None
    inputs: Any = material.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value = (*colour, 1.0)
    inputs["Roughness"].default_value = roughness
