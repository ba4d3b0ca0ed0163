"""One session of a Blender with a clean profile: installs the zip, generates from the installed copy, prints what it saw as JSON.

`PYTHON installed_session.py ZIP` with BLENDER_USER_RESOURCES set to an empty folder.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import bpy

import addon_utils  # isort: skip (there is no such module before bpy puts its scripts on the path)

MODULE = "bl_ext.user_default.understudy"


def main(package: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if not addon_utils.check("bl_pkg")[1]:
        addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=True)
    contract = sys.modules[f"{MODULE}.core.contract"]
    bpy.ops.understudy.add_character()
    settings = bpy.context.scene.understudy
    settings.prompt, settings.seconds, settings.quality = "a person waves with the right hand", 2.0, "DRAFT"
    settings.use_new_seed, settings.seed = False, 7
    finished = bpy.ops.understudy.generate()
    armature = settings.character
    bone = armature.pose.bones["right_elbow"]
    poses = []
    for frame in (1, 25):
        bpy.context.scene.frame_set(frame)
        poses.append(bone.matrix.copy())
    moved = max(abs(a - b) for row, other in zip(*poses, strict=True) for a, b in zip(row, other, strict=True))
    seen = {
        "version": bpy.app.version_string,
        "contract": str(Path(contract.__file__).resolve()),
        "finished": sorted(finished),
        "action": armature.animation_data.action.name,
        "range": list(armature.animation_data.action.frame_range),
        "moved": moved,
        "leaked": sorted(name for name in sys.modules if name in ("core", "blender_addon", "torch")),
    }
    addon_utils.disable(MODULE, default_set=True)
    seen["left_behind"] = [name for name in dir(bpy.types) if name.startswith("UNDERSTUDY")]
    print("SEEN " + json.dumps(seen), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # see blender_addon/process_end.py, which is not installed any more
