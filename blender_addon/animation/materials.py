"""The materials of bodies and heads, one for each part, shared by all characters."""

from __future__ import annotations

from collections.abc import Iterable
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


def material(name: str) -> bpy.types.Material:
    """The material of this part; one without a colour of its own looks like skin."""
    full_name = f"Understudy {name}"
    found = bpy.data.materials.get((full_name, None))
    if found is None:
        found = bpy.data.materials.new(full_name)
        colour, roughness = MATERIALS.get(name, MATERIALS["skin"])
        found.diffuse_color, found.roughness = (*colour, 1.0), roughness
        _shade(found, colour, roughness)
    return found


def paint(mesh: bpy.types.Mesh, names: Iterable[str], parts: np.ndarray) -> None:
    """Gives a mesh the materials of its parts; parts: (F,) indices into `names`."""
    for name in names:
        mesh.materials.append(material(str(name)))
    mesh.polygons.foreach_set("material_index", parts.astype(np.int32))


def _shade(material: bpy.types.Material, colour: tuple[float, float, float], roughness: float) -> None:
    if material.node_tree is None:  # from 5.0 on a material has its nodes from the start
        material.use_nodes = True
    assert material.node_tree is not None
    inputs: Any = material.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value = (*colour, 1.0)
    inputs["Roughness"].default_value = roughness
