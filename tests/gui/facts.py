"""What is in the scene. Runs inside Blender."""

from __future__ import annotations

from typing import Any

import bpy


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
