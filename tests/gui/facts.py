"""What is in the scene. Runs inside Blender."""

from __future__ import annotations

import zlib
from typing import Any

import bpy
import numpy as np
from animator import Animator
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector


def facts() -> dict[str, Any]:
    """Of the character: its keys, what they move, and what lies about in the file."""
    armature = bpy.context.scene.understudy.character
    held = armature.animation_data if armature else None
    action = held.action if held else None
    return {
        "characters": sum(each.type == "ARMATURE" for each in bpy.data.objects),
        "prompt": bpy.context.scene.understudy.prompt,
        "action": action.name if action else "",
        "range": list(action.frame_range) if action else [],
        "moved": _moved(armature) if armature else 0.0,
        "actions": {each.name: each.users for each in bpy.data.actions},
    }


def keys_apart(animator: Animator, first: float, last: float) -> dict[str, Any]:
    """Checksums of the character's keys within two frames and of all others, and how many the others are."""
    curves = animator.module("animation.curves")
    keys = curves.read_curves(curves.playing_slot(bpy.context.scene.understudy.character))
    within = {name: (points[:, 0] > first - 0.5) & (points[:, 0] < last + 0.5) for name, points in keys.items()}
    parts = {"inside": [keys[name][within[name]] for name in sorted(keys)], "outside": [keys[name][~within[name]] for name in sorted(keys)]}
    sums = {name: zlib.crc32(b"".join(np.ascontiguousarray(each).tobytes() for each in part)) for name, part in parts.items()}
    return {**sums, "n_outside": sum(len(each) for each in parts["outside"])}


def presence(animator: Animator) -> dict[str, Any]:
    """Of the character that was just added: whether it is at hand, and where in the view it is seen, in shares of what the sidebar leaves."""
    armature = bpy.context.scene.understudy.character
    _, sidebar = animator.region("UI")
    area, view = animator.region("WINDOW")
    corners = [child.matrix_world @ Vector(corner) for child in armature.children for corner in child.bound_box]
    places = [location_3d_to_region_2d(view, area.spaces.active.region_3d, corner) for corner in corners]
    width = min(sidebar.x, view.x + view.width) - view.x
    return {
        "is_active": bpy.context.view_layer.objects.active == armature and armature.select_get(),
        "across": [min(place.x for place in places) / width, max(place.x for place in places) / width],
        "up": [min(place.y for place in places) / view.height, max(place.y for place in places) / view.height],
        "is_free_of_cube": min(corner.x for corner in corners) > 1.0,
    }


def _moved(armature: bpy.types.Object) -> float:
    """How far the right hand comes from where it is at frame 1, in metres."""
    scene = bpy.context.scene
    began, places = scene.frame_current, []
    for frame in range(1, 98, 8):
        scene.frame_set(frame)
        places.append((armature.matrix_world @ armature.pose.bones["right_wrist"].head).copy())
    scene.frame_set(began)
    return max((place - places[0]).length for place in places)


def face_facts() -> dict[str, Any]:
    """Of the head: how many of its shapes are keyed, and how far they go."""
    face = bpy.context.scene.understudy.face
    keys = face.data.shape_keys
    action = keys.animation_data.action if keys.animation_data else None
    values: list[float] = []
    for frame in range(1, int(action.frame_range[1]) + 1 if action else 1, 3):
        bpy.context.scene.frame_set(frame)
        values += [abs(key.value) for key in keys.key_blocks]
    return {"action": action.name if action else "", "largest": max(values, default=0.0)}
