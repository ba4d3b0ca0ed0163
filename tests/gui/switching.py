"""The extension is switched off and on many times, in the preferences' way. Runs inside Blender.

Without a window: `blender -b --python switching.py -- ZIP`, which prints what it saw.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "blender_addon" / "endurance"))
from registered import memory_mb, registered

EXTENSION = "bl_ext.user_default.understudy"
TIMES = 20


def switched() -> Generator[float, None, dict[str, Any]]:
    """Of an extension that is on. left: what is not as it was when it was off for the first time."""
    bpy.ops.preferences.addon_disable(module=EXTENSION)
    yield 2.0
    before, memory = registered(), []
    for _ in range(TIMES):
        bpy.ops.preferences.addon_enable(module=EXTENSION)
        yield 0.5
        bpy.ops.preferences.addon_disable(module=EXTENSION)
        yield 0.1
        memory.append(round(memory_mb(), 1))
    yield 3.0
    after = registered()
    return {"left": {kind: (before[kind], after[kind]) for kind in before if before[kind] != after[kind]}, "memory_mb": memory}


def without_a_window(package: str) -> None:
    bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=True)
    steps = switched()
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            print("SEEN " + json.dumps(finished.value), flush=True)
            return


if __name__ == "__main__":
    without_a_window(sys.argv[-1])
