"""What an add-on can leave in a Blender. Knows nothing of Understudy, so that a Blender with the installed zip can be asked as well."""

from __future__ import annotations

import threading
from pathlib import Path

import bpy

_OWNERS = ("Scene", "Object", "WindowManager", "Mesh", "Armature", "Key", "Action", "Preferences", "PropertyGroup", "Text")


def registered() -> dict[str, object]:
    """By kind, as JSON has it: two that are equal were told by Blenders that hold the same."""
    return {
        "types": sorted(dir(bpy.types)),
        "operators": sorted(f"{room}.{name}" for room in dir(bpy.ops) for name in dir(getattr(bpy.ops, room))),
        "properties": {owner: sorted(getattr(bpy.types, owner).bl_rna.properties.keys()) for owner in _OWNERS},
        "handlers": {name: len(found) for name in dir(bpy.app.handlers) if isinstance(found := getattr(bpy.app.handlers, name), list)},
        "menu entries": sum(len(getattr(getattr(bpy.types, name).draw, "_draw_funcs", ())) for name in _drawn()),
        "shortcuts": _shortcuts(),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("Dummy")),
        "processes": sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir()),
    }


def memory_mb(pid: int | str = "self") -> float:
    """What a process, this one if not told, has taken for itself: files that it reads weigh more or less as others read them too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("Anonymous:")).split()[1]) / 1e3


def _drawn() -> list[str]:
    return [name for name in dir(bpy.types) if hasattr(getattr(bpy.types, name), "draw")]


def _shortcuts() -> int:
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    return sum(len(keymap.keymap_items) for keymap in keyconfig.keymaps) if keyconfig else 0
