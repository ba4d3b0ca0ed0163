"""Faces as animators have them, and motions for them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from understudy.blender_addon.animation.face_keys import ARKIT_NAMES
from understudy.core.contract import ARKIT, FLAME_2020, FaceMotion, FaceRecipe, flame_expression_names


def arkit_motion(frames: int = 11, fps: float = 25.0, seed: int = 0) -> FaceMotion:
    """Shapes in 0..1 and a head that turns; the jaw rests, as in its space."""
    dice = np.random.default_rng(seed)
    return FaceMotion(
        expression=dice.random((frames, 52)).astype(np.float32),
        jaw=np.zeros((frames, 3), np.float32),
        head=dice.normal(0, 0.1, (frames, 3)).astype(np.float32),
        eyes=dice.normal(0, 0.1, (frames, 2, 3)).astype(np.float32),
        expression_names=ARKIT_NAMES,
        space=ARKIT,
        fps=fps,
        recipe=FaceRecipe(audio="hello.wav", emotion="happy", seed=seed),
    )


def flame_motion(frames: int = 11, fps: float = 25.0, space: str = FLAME_2020, seed: int = 0, largest: float = 4.0) -> FaceMotion:
    """Fifty coefficients and a turning jaw, as DEEPTalk makes them."""
    dice = np.random.default_rng(seed)
    return FaceMotion(
        expression=dice.uniform(-largest, largest, (frames, 50)).astype(np.float32),
        jaw=dice.normal(0, 0.15, (frames, 3)).astype(np.float32),
        expression_names=flame_expression_names(50),
        space=space,
        fps=fps,
    )


def keyed_mesh(names: Sequence[str], name: str = "Face") -> bpy.types.Object:
    """Three vertices; key number n (from one) moves the first of them by n metres along X."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    face = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(face)
    for number, key in enumerate(("Basis", *names) if names else ()):
        face.shape_key_add(name=key, from_mix=False).data[0].co.x = number
    return face


def with_bones(face: bpy.types.Object, names: Sequence[str]) -> bpy.types.Object:
    """The armature that `face` now hangs from, with bones of random rolls; Z up and facing -Y."""
    places = {"neck": (0, 0, 0), "jaw": (0, -0.02, 0.05), "left_eye": (0.03, -0.08, 0.1), "right_eye": (-0.03, -0.08, 0.1)}
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for number, name in enumerate(names):
        bone = armature.data.edit_bones.new(name)
        x, y, z = places.get(name.replace("_smplhf", ""), (0, 0, -0.5))
        bone.head, bone.tail, bone.roll = (x, y, z), (x + 0.01 * number, y - 0.1, z + 0.02), 0.7 * number
    bpy.ops.object.mode_set(mode="OBJECT")
    face.parent = armature
    return armature
