"""What every journey is made of. Runs inside Blender."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from animator import Animator, NotThere, Steps

EXTENSION = "bl_ext.user_default.understudy"
PROMPT = "a person waves with the right hand"


def arrive(animator: Animator, python: str = os.environ.get("UNDERSTUDY_GUI_PYTHON", "")) -> Steps:
    """The extension installed, its tab opened."""
    yield from install(animator, python)
    yield from animator.open_the_tab()
    yield from animator.picture("tab")


def install(animator: Animator, python: str) -> Steps:
    """The extension as "Install from Disk" does it, and the engine's Python named in its preferences."""
    yield from animator.key("ESC")  # the splash
    bpy.ops.extensions.package_install_files(filepath=os.environ["UNDERSTUDY_GUI_ZIP"], repo="user_default", enable_on_install=True)
    animator.note("installed", zip=Path(os.environ["UNDERSTUDY_GUI_ZIP"]).name)
    bpy.context.preferences.addons[EXTENSION].preferences.engine_python = python
    yield 0.5


def with_a_character(animator: Animator) -> Steps:
    yield from arrive(animator)
    yield from animator.press("understudy.add_character", across=0.93)
    yield from animator.picture("character")


def type_prompt(animator: Animator) -> Steps:
    yield from animator.press("prompt", across=0.4)
    yield from animator.write(PROMPT)
    yield from animator.picture("prompt")


def generate(animator: Animator, stages: list[tuple[str, float]] | None = None) -> Steps:
    """Presses Generate and waits; what the bar said meanwhile goes into `stages`."""
    shown: list[tuple[str, float]] = [] if stages is None else stages

    def watch() -> None:
        job = current_job(animator)
        if job is not None and (not shown or shown[-1] != (job.stage, job.factor)):
            shown.append((job.stage, job.factor))

    before = message(animator)
    yield from animator.press("understudy.generate")
    # A motion may be there before anybody looks
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None or message(animator) != before)
    watch()
    yield from animator.picture("progress")
    yield from animator.wait("the character is keyed", lambda: current_job(animator) is None, watch)
    yield 0.5
    if message(animator)["is_error"]:
        raise NotThere(f"the generation failed: {message(animator)['message']}")


def play(animator: Animator) -> Steps:
    """Space over the view, and again."""
    yield from animator.into_the_view()
    began = bpy.context.scene.frame_current
    yield from animator.key("SPACE")
    yield from animator.wait("frames go by", lambda: bpy.context.scene.frame_current > began + 3)
    animator.seen["played_to"] = bpy.context.scene.frame_current
    yield from animator.picture("playing")
    yield from animator.key("SPACE")


def current_job(animator: Animator) -> Any:
    return animator.module("jobs").state.job


def computes(animator: Animator) -> bool:
    """The engine is in the middle of it: started, the model loaded, and some of the steps done."""
    job = current_job(animator)
    return job is not None and 0.0 < job.factor < 1.0


def message(animator: Animator) -> dict[str, Any]:
    state = animator.module("jobs").state
    return {"message": state.message, "is_error": state.is_error}


def count(animator: Animator, what: str) -> int:
    return sum(entry["what"] == what for entry in animator.log)


def open_preferences(animator: Animator, section: str) -> Steps:
    """In the place of the 3D viewport, because a window of its own has no place on a screen without a window manager."""
    area, _ = animator.region("WINDOW")
    area.type = "PREFERENCES"
    preferences = bpy.context.preferences
    preferences.active_section = section
    bpy.context.window_manager.addon_search = bpy.context.window_manager.extension_search = "understudy"
    animator.place = ("PREFERENCES", "WINDOW")
    yield 1.0


def watched_set_up(animator: Animator, name: str) -> Steps:
    """Waits for a set-up that was begun; notes its steps and its end."""
    setting_up = animator.module("setting_up")
    steps: list[str] = []

    def watch() -> None:
        if setting_up.state.run is not None and setting_up.state.run.step not in steps:
            steps.append(setting_up.state.run.step)

    yield from animator.wait("the set-up has begun", lambda: setting_up.state.run is not None, watch, patience_s=20)
    watch()
    yield from animator.picture("setting-up")
    watch()
    yield from animator.wait("the engine is set up", lambda: setting_up.state.run is None, watch, patience_s=300)
    yield from animator.picture(name)
    animator.seen |= {"steps": steps, "state": setting_up.found().state.name, "said": animator.module("jobs").state.message}
