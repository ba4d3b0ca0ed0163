"""What hard use must not leave: data-blocks, keys that nobody wrote, threads, open files, processes, memory."""

from __future__ import annotations

import os
import threading
import time
import zlib
from pathlib import Path

import bpy

from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.datablocks import Reference

_PATIENCE_S = 5.0


def actions() -> dict[str, tuple[int, bool, int]]:
    """Of every Action: how many use it, whether it is kept, and a checksum of all keys in all its slots."""
    return {action.name: (action.users, action.use_fake_user, checksum(action)) for action in bpy.data.actions}


def checksum(action: bpy.types.Action) -> int:
    """Of all keys of all slots."""
    reference, summed = Reference.to(action, "actions"), 0
    slots = [(slot.target_id_type, slot.name_display) for slot in action.slots] if hasattr(action, "slots") else [(action.id_root, "")]
    for id_type, name in slots:
        for key, values in sorted(curves.read_curves(curves.ActionSlot(reference, id_type, name)).items()):
            summed = zlib.crc32(values.tobytes(), zlib.crc32(repr(key).encode(), summed))
    return summed


def playing() -> dict[str, tuple[str, str]]:
    """Which Action and slot every object and every mesh's shape keys play."""
    found = {}
    for owner in (*bpy.data.objects, *bpy.data.shape_keys):
        if owner.animation_data and owner.animation_data.action:
            slot = getattr(owner.animation_data, "action_slot", None)
            found[owner.name] = owner.animation_data.action.name, slot.identifier if slot else ""
    return found


def datablocks() -> dict[str, int]:
    """How many there are of every kind."""
    kinds = (name for name in dir(bpy.data) if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection))
    return {name: len(getattr(bpy.data, name)) for name in kinds}


def scene() -> tuple[object, ...]:
    """All that a generation which failed must leave as it was."""
    modes = [bone.rotation_mode for each in bpy.data.objects if each.type == "ARMATURE" for bone in each.pose.bones]
    now = bpy.context.scene
    return actions(), playing(), datablocks(), modes, now.frame_current, now.render.fps


def own_threads() -> list[str]:
    """Names of ours, once those that are about to end have done so: an engine with its process has three."""
    return _settled(lambda: sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("understudy")))


def open_files() -> int:
    """Of this process, once it is the same for a moment."""
    return len(_settled(lambda: sorted(os.listdir("/proc/self/fd"))))  # noqa: PTH208


def children() -> list[int]:
    """Processes that this one started and that still run or were not asked for their end."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += [int(pid) for pid in (task / "children").read_text().split()]
    return sorted(found)


def _settled(look: object) -> list[str]:
    until, before = time.monotonic() + _PATIENCE_S, look()  # type: ignore[operator]
    while time.monotonic() < until:
        time.sleep(0.1)
        if (now := look()) == before:  # type: ignore[operator]
            return now
        before = now
    return before
