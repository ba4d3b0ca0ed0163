"""A head in Blender, from the user's FLAME file or from our own: its skin with a shape key for every expression, on five bones."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...core.contract import ARKIT
from ...core.contract.head import CORRECTIVE_NAMES, FLAME_JOINTS, HeadModel
from .axes import TO_BLENDER
from .flame_armature import add_armature, drive_correctives
from .materials import paint
from .skinning import bind_to_bones

SPACE_PROPERTY = "understudy_face_space"  # on the mesh object: the face space of its expression keys
JOINT_MOVES_PROPERTY = "understudy_joint_moves"  # on the mesh object: the 15 metres of each expression that moves joints
# Sliders cut values off, also those of F-curves; Blender itself allows no more than 10 on either side
FLAME_SLIDER, ARKIT_SLIDER, CORRECTIVE_SLIDER = (-10.0, 10.0), (-1.0, 2.0), (-2.0, 2.0)
_STILL_METRES = 1e-6  # what moves less does not move


def add_head(head: HeadModel, name: str = "Understudy Head", collection: bpy.types.Collection | None = None) -> bpy.types.Object:
    """The head at rest, its joint `root` where FLAME's lies, facing -Y; returns the mesh object, whose parent is the armature.

    It is linked into `collection`, by default the active one. Mode, active object and selection stay as they are.
    """
    armature = add_armature(head, name)
    skin = _add_skin(head, f"{name} face")
    skin.parent = armature
    vertices, joints = np.nonzero(head.weights)
    bind_to_bones(skin, armature, FLAME_JOINTS, vertices, joints, head.weights[vertices, joints])
    _add_keys(skin, armature, head)
    skin[SPACE_PROPERTY] = head.space
    if moves := _joint_moves(head):
        skin[JOINT_MOVES_PROPERTY] = moves
    home = collection or bpy.context.collection
    assert home is not None
    for item in (armature, skin):
        home.objects.link(item)
    return skin


def _joint_moves(head: HeadModel) -> dict[str, list[float]]:
    """Expression to the metres that a coefficient of one moves the five joints by, x, y, z of each; only those that move any."""
    moves = np.einsum("jv,vae->eja", head.joint_regressor, head.expressions)
    return {
        name: move.ravel().tolist() for name, move in zip(head.expression_names, moves, strict=True) if np.abs(move).max() > _STILL_METRES
    }


def _add_skin(head: HeadModel, name: str) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata((head.template @ TO_BLENDER.T).tolist(), [], head.faces.tolist())
    paint(mesh, head.material_names, head.material)
    mesh.shade_smooth()
    mesh.validate()  # Blender can crash on faces that name a vertex twice, and a file may hold them
    return bpy.data.objects.new(name, mesh)


def _add_keys(skin: bpy.types.Object, armature: bpy.types.Object, head: HeadModel) -> None:
    skin.shape_key_add(name="Basis", from_mix=False)
    slider = ARKIT_SLIDER if head.space == ARKIT else FLAME_SLIDER
    _add_directions(skin, head, head.expression_names, head.expressions, slider)
    moving = [number for number in range(len(CORRECTIVE_NAMES)) if np.abs(head.correctives[..., number]).max() > _STILL_METRES]
    names = [CORRECTIVE_NAMES[number] for number in moving]
    _add_directions(skin, head, names, head.correctives[..., moving], CORRECTIVE_SLIDER)
    drive_correctives(skin.data.shape_keys, armature, names)


def _add_directions(
    skin: bpy.types.Object, head: HeadModel, names: Sequence[str], directions: np.ndarray, slider: tuple[float, float]
) -> None:
    """One shape key a name, for directions (V, 3, K) in FLAME's axes."""
    for number, name in enumerate(names):
        key = skin.shape_key_add(name=name, from_mix=False)
        key.slider_min, key.slider_max = slider
        positions = (head.template + directions[..., number]) @ TO_BLENDER.T
        key.data.foreach_set("co", np.ascontiguousarray(positions, np.float32).ravel())
        key.value = 0.0
