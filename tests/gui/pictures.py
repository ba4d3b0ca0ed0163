"""Pictures for the README: the engine's set-up, a character that moves, a face that speaks. Runs inside Blender."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import bpy
from animator import Animator, Steps
from habits import EXTENSION, current_job, generate, install, type_prompt

_VIEW, _HEIGHT = 560, 780  # pixels of the view beside the sidebar, and of both
_QUALITY = "82"


def pictures(animator: Animator) -> Steps:
    yield from install(animator, "")
    yield from animator.open_the_tab()
    yield from animator.wait("what would be fetched", lambda: animator.module("setting_up").look().offer)
    yield 1.0
    _keep(animator, "set_up", view=0, height=500)
    bpy.context.preferences.addons[EXTENSION].preferences.engine_python = os.environ["UNDERSTUDY_GUI_PYTHON"]
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    yield 1.0
    yield from animator.press("understudy.add_character", across=0.93)
    yield from type_prompt(animator)
    yield from generate(animator)
    bpy.context.scene.frame_set(40)
    yield from _seen_whole(animator)
    _keep(animator, "body")
    yield from _face(animator)


def _face(animator: Animator) -> Steps:
    for each in animator.window.view_layer.objects:
        each.hide_set(True)
    bpy.ops.understudy.add_head()
    bpy.context.scene.frame_set(1)
    speech = bpy.context.scene.understudy.speech
    voice = shutil.copy(os.environ["UNDERSTUDY_GUI_VOICE"], Path(tempfile.gettempdir(), "voice.flac"))
    speech.sound_file, speech.emotion = str(voice), "happy"
    yield 1.0
    yield from animator.press("understudy.generate_face")
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None)
    yield from animator.wait("the face is keyed", lambda: current_job(animator) is None)
    bpy.context.scene.frame_set(24)
    yield from _seen_whole(animator)
    _keep(animator, "face")


def _seen_whole(animator: Animator) -> Steps:
    """From the front, as large as the view."""
    area, region = animator.region("WINDOW")
    with bpy.context.temp_override(window=animator.window, area=area, region=region):
        bpy.ops.object.select_all(action="DESELECT")
        for each in animator.window.view_layer.objects:
            each.select_set(each.type in ("ARMATURE", "MESH") and each.visible_get())
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected(use_all_regions=False)
        bpy.ops.object.select_all(action="DESELECT")
    area.spaces.active.overlay.show_floor = False
    yield 2.0


def _keep(animator: Animator, name: str, view: int = _VIEW, height: int = _HEIGHT) -> None:
    """The sidebar and what is left of it."""
    _, region = animator.region("UI")
    left, top = region.x - view, animator.window.height - region.y - region.height
    part = f"{view + region.width}x{height}+{left}+{top}"
    subprocess.run(
        ["import", "-window", "root", "-crop", part, "+repage", "-quality", _QUALITY, animator.folder / f"{name}.jpg"], check=True, timeout=60
    )
    animator.note("picture", file=f"{name}.jpg")
