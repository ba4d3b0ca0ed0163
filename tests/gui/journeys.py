"""What animators do, step by step, in a Blender with a GUI. Runs inside Blender; what each journey saw is judged by test_journeys.py."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import bpy
from animator import Animator, NotThere, Steps

PROMPT = "a person waves with the right hand"


def first_keys(animator: Animator) -> Steps:
    """From the factory settings to keys."""
    yield from _with_a_character(animator)
    yield from _type_prompt(animator)
    stages: list[tuple[str, float]] = []
    yield from _generate(animator, stages)
    yield from animator.picture("keys")
    animator.seen |= {"stages": stages, "clicks": _count(animator, "click"), "typed": _count(animator, "typed"), "first": facts()}


def newcomer(animator: Animator) -> Steps:
    """The same, then back, and on."""
    yield from first_keys(animator)
    yield from animator.into_the_view()
    yield from animator.key("Z", ctrl=True)
    yield from animator.picture("undone")
    animator.seen["undone"] = facts()
    yield from animator.key("Z", ctrl=True, shift=True)
    yield from animator.picture("redone")
    animator.seen["redone"] = facts()
    yield from _generate(animator)
    yield from animator.picture("again")
    animator.seen["again"] = facts()
    yield from _play(animator)


def cancelled(animator: Animator) -> Steps:
    """The cross beside the bar, in the middle of a generation; then Generate once more."""
    yield from _with_a_character(animator)
    yield from animator.press("understudy.generate")
    yield from animator.wait("the engine works", lambda: _job(animator) is not None)
    x, y = yield from animator.find("understudy.cancel", across=0.93)
    yield from animator.wait("the engine computes", lambda: _computes(animator))
    animator.seen["stage"] = _job(animator).stage
    yield from animator.click("understudy.cancel", x, y)
    yield from animator.wait("the job has ended", lambda: _job(animator) is None)
    yield from animator.picture("cancelled")
    animator.seen["after"] = {**_message(animator), **facts()}
    yield from _generate(animator)
    animator.seen["again"] = facts()


def worker_killed(animator: Animator) -> Steps:
    """The engine's process dies in the middle of a generation; then Generate once more."""
    yield from _with_a_character(animator)
    yield from animator.press("understudy.generate")
    jobs = animator.module("jobs")
    yield from animator.wait("the engine computes", lambda: _computes(animator))
    animator.seen["stage"] = jobs.state.job.stage
    os.kill(jobs.state.engine.pid, signal.SIGKILL)
    yield from animator.wait("the job has ended", lambda: _job(animator) is None)
    yield from animator.picture("worker-killed")
    yield from animator.key("ESC")  # Blender's own window with the error
    animator.seen["after"] = {**_message(animator), **facts()}
    yield from _generate(animator)
    yield from animator.picture("again")
    animator.seen["again"] = {**_message(animator), **facts()}


def voice_to_face(animator: Animator) -> Steps:
    """A sound file that is typed into the field, and Generate Face."""
    yield from arrive(animator)
    yield from animator.press("understudy.add_head", across=0.86)
    yield from animator.press("sound_file", across=0.3)
    yield from animator.write(os.environ["UNDERSTUDY_GUI_VOICE"])
    yield from animator.picture("voice-chosen")
    yield from animator.press("understudy.generate_face")
    yield from animator.wait("the engine works", lambda: _job(animator) is not None)
    yield from animator.picture("speaking")
    yield from animator.wait("the face is keyed", lambda: _job(animator) is None)
    yield from animator.picture("spoken")
    animator.seen["face"] = {**_message(animator), **face_facts()}


def saved_and_loaded(animator: Animator) -> Steps:
    """Keys, a file, the file again: they still play."""
    yield from _with_a_character(animator)
    yield from _generate(animator)
    before = facts()
    path = animator.folder / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    bpy.ops.wm.open_mainfile(filepath=str(path))
    yield 1.0
    yield from animator.picture("loaded")
    animator.seen |= {"before": before, "loaded": facts()}
    yield from _play(animator)


def quit_at_work(animator: Animator) -> Steps:
    """Ctrl-Q in the middle of a generation."""
    bpy.context.preferences.view.use_save_prompt = False
    yield from _with_a_character(animator)
    yield from animator.press("understudy.generate")
    jobs = animator.module("jobs")
    yield from animator.wait("the engine's process", lambda: jobs.state.engine is not None and jobs.state.engine.pid)
    animator.seen |= {"pid": jobs.state.engine.pid, "was_at_work": jobs.state.job is not None}
    yield from animator.into_the_view()
    animator.note("quits")  # before it does, because nothing is written afterwards
    yield from animator.key("Q", ctrl=True)
    yield 20.0
    raise NotThere("Blender does not quit")


def set_up_from_wheels(animator: Animator) -> Steps:
    """The engine set up inside Blender, without a network, from a folder of wheels."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    yield from arrive(animator, python="")
    setting_up = animator.module("setting_up")
    animator.seen["state_before"] = setting_up.found().state.name
    yield from animator.unfold("understudy.set_up_from_wheels", below="extensions.userpref_allow_online")
    yield from animator.press("understudy.set_up_from_wheels")
    yield from animator.choose_folder(Path(os.environ["UNDERSTUDY_GUI_WHEELS"]))
    steps: list[str] = []

    def watch() -> None:
        if setting_up.state.run is not None and setting_up.state.run.step not in steps:
            steps.append(setting_up.state.run.step)

    yield from animator.wait("the set-up has begun", lambda: setting_up.state.run is not None, patience_s=20)
    yield from animator.picture("setting-up")
    yield from animator.wait("the engine is set up", lambda: setting_up.state.run is None, watch, patience_s=300)
    yield from animator.picture("set-up")
    animator.seen |= {"steps": steps, "state": setting_up.found().state.name, "said": setting_up.state.message}


_ALL = (set_up_from_wheels, first_keys, newcomer, cancelled, worker_killed, voice_to_face, saved_and_loaded, quit_at_work)
JOURNEYS = {each.__name__: each for each in _ALL}


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


def arrive(animator: Animator, python: str = os.environ.get("UNDERSTUDY_GUI_PYTHON", "")) -> Steps:
    """The extension installed as "Install from Disk" does, the engine's Python named in its preferences, the tab opened."""
    yield from animator.key("ESC")  # the splash
    bpy.ops.extensions.package_install_files(filepath=os.environ["UNDERSTUDY_GUI_ZIP"], repo="user_default", enable_on_install=True)
    animator.note("installed", zip=Path(os.environ["UNDERSTUDY_GUI_ZIP"]).name)
    bpy.context.preferences.addons["bl_ext.user_default.understudy"].preferences.engine_python = python
    yield 0.5
    yield from animator.open_the_tab()
    yield from animator.picture("tab")


def _with_a_character(animator: Animator) -> Steps:
    yield from arrive(animator)
    yield from animator.press("understudy.add_character", across=0.93)
    yield from animator.picture("character")


def _type_prompt(animator: Animator) -> Steps:
    yield from animator.press("prompt", across=0.4)
    yield from animator.write(PROMPT)
    yield from animator.picture("prompt")


def _generate(animator: Animator, stages: list[tuple[str, float]] | None = None) -> Steps:
    """Presses Generate and waits; what the bar said meanwhile goes into `stages`."""
    shown: list[tuple[str, float]] = [] if stages is None else stages

    def watch() -> None:
        job = _job(animator)
        if job is not None and (not shown or shown[-1] != (job.stage, job.factor)):
            shown.append((job.stage, job.factor))

    before = _message(animator)
    yield from animator.press("understudy.generate")
    # A motion may be there before anybody looks
    yield from animator.wait("the engine works", lambda: _job(animator) is not None or _message(animator) != before)
    watch()
    yield from animator.picture("progress")
    yield from animator.wait("the character is keyed", lambda: _job(animator) is None, watch)
    yield 0.5
    if _message(animator)["is_error"]:
        raise NotThere(f"the generation failed: {_message(animator)['message']}")


def _play(animator: Animator) -> Steps:
    """Space over the view, and again."""
    yield from animator.into_the_view()
    began = bpy.context.scene.frame_current
    yield from animator.key("SPACE")
    yield from animator.wait("frames go by", lambda: bpy.context.scene.frame_current > began + 3)
    animator.seen["played_to"] = bpy.context.scene.frame_current
    yield from animator.picture("playing")
    yield from animator.key("SPACE")


def _job(animator: Animator) -> Any:
    return animator.module("jobs").state.job


def _computes(animator: Animator) -> bool:
    """The engine is in the middle of it: started, the model loaded, and some of the steps done."""
    job = _job(animator)
    return job is not None and 0.0 < job.factor < 1.0


def _message(animator: Animator) -> dict[str, Any]:
    state = animator.module("jobs").state
    return {"message": state.message, "is_error": state.is_error}


def _count(animator: Animator, what: str) -> int:
    return sum(entry["what"] == what for entry in animator.log)
