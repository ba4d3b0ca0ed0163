"""Binds a mesh to an armature's bones by weights."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np


def bind_to_bones(
    skin: bpy.types.Object, armature: bpy.types.Object, names: Sequence[str], vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray
) -> None:
    """Vertex groups and an Armature modifier. `vertices`, `joints` (indices into `names`), `weights`: (N,), one entry each."""
    groups = [skin.vertex_groups.new(name=name) for name in names]
    # few weights are different: one call for all vertices of a joint that share one
    order = np.lexsort((weights, joints))
    joints, weights, vertices = joints[order], weights[order], vertices[order]
    starts = np.flatnonzero((np.diff(joints, prepend=-1) != 0) | (np.diff(weights, prepend=-1.0) != 0))
    for start, run in zip(starts, np.split(vertices, starts[1:]), strict=True):
        groups[joints[start]].add(run.tolist(), float(weights[start]), "REPLACE")
    modifier = skin.modifiers.new("Armature", "ARMATURE")
    assert isinstance(modifier, bpy.types.ArmatureModifier)
    modifier.object = armature
