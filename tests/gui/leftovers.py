"""What of the extension is in this Blender. Runs inside Blender."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from habits import EXTENSION

_NAME = "understudy"


def hooked_functions() -> dict[str, Callable[[], object]]:
    """The extension's functions that Blender's timers call."""
    modules = {name: module for name, module in sys.modules.items() if name.startswith(EXTENSION)}
    found = {f"{name}.{key}": value for name, module in modules.items() for key, value in vars(module).items() if _is_function(value)}
    return {name: function for name, function in found.items() if bpy.app.timers.is_registered(function)}


def leftovers(hooked: dict[str, Callable[[], object]], pid: int, environment: Path) -> dict[str, Any]:
    """By kind, what is there; `hooked` and `pid` are those of before, and `environment` is the engine's folder."""
    return {
        "classes": [name for name in dir(bpy.types) if _NAME in name.lower()],
        "properties": [f"{name}.{key}" for name in dir(bpy.types) for key in _properties(name) if _NAME in key],
        "timers": [name for name, function in hooked.items() if bpy.app.timers.is_registered(function)],
        "handlers": [function.__name__ for function in _handlers() if str(getattr(function, "__module__", "")).startswith(EXTENSION)],
        "threads": [thread.name for thread in threading.enumerate() if _NAME in thread.name.lower()],
        "processes": [pid] if _runs(pid) else [],
        "preferences": [each.module for each in bpy.context.preferences.addons if _NAME in each.module],
        "files": [str(path) for path in (Path(bpy.utils.user_resource("EXTENSIONS"), "user_default", _NAME),) if path.exists()],
        "environment": [path.name for path in environment.glob("py*")],
    }


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _properties(name: str) -> list[str]:
    described = getattr(getattr(bpy.types, name), "bl_rna", None)
    return list(described.properties.keys()) if described is not None else []


def _handlers() -> list[Callable[..., object]]:
    lists = (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers))
    return [function for each in lists if isinstance(each, list) for function in each]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
