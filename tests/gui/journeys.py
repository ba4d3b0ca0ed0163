"""What animators do, step by step, in a Blender with a GUI. Runs inside Blender; what each journey saw is judged by test_journeys.py."""

from __future__ import annotations

import os
import signal

import bpy
from animator import Animator, NotThere, Steps
from facts import face_facts, facts, keys_apart, presence
from habits import arrive, computes, count, current_job, generate, message, play, type_prompt, with_a_character


def first_keys(animator: Animator) -> Steps:
    """From the factory settings to keys."""
    yield from with_a_character(animator)
    animator.seen["presence"] = presence(animator)
    yield from type_prompt(animator)
    stages: list[tuple[str, float]] = []
    yield from generate(animator, stages)
    yield from animator.picture("keys")
    animator.seen |= {"stages": stages, "clicks": count(animator, "click"), "typed": count(animator, "typed"), "first": facts()}


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
    yield from generate(animator)
    yield from animator.picture("again")
    animator.seen["again"] = facts()
    yield from play(animator)


def cancelled(animator: Animator) -> Steps:
    """The cross beside the bar, in the middle of a generation; then Generate once more."""
    yield from with_a_character(animator)
    yield from animator.press("understudy.generate")
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None)
    x, y = yield from animator.find("understudy.cancel", across=0.93)
    yield from animator.wait("the engine computes", lambda: computes(animator))
    animator.seen["stage"] = current_job(animator).stage
    yield from animator.click("understudy.cancel", x, y)
    yield from animator.wait("the job has ended", lambda: current_job(animator) is None)
    yield from animator.picture("cancelled")
    animator.seen["after"] = {**message(animator), **facts()}
    yield from generate(animator)
    animator.seen["again"] = facts()


def worker_killed(animator: Animator) -> Steps:
    """The engine's process dies in the middle of a generation; then Generate once more."""
    yield from with_a_character(animator)
    yield from animator.press("understudy.generate")
    jobs = animator.module("jobs")
    yield from animator.wait("the engine computes", lambda: computes(animator))
    animator.seen["stage"] = jobs.state.job.stage
    os.kill(jobs.state.engine.pid, signal.SIGKILL)
    yield from animator.wait("the job has ended", lambda: current_job(animator) is None)
    yield from animator.picture("worker-killed")
    animator.seen["after"] = {**message(animator), **facts()}
    yield from generate(animator)
    yield from animator.picture("again")
    animator.seen["again"] = {**message(animator), **facts()}


def range_redone(animator: Animator) -> Steps:
    """Keys, then those of one second anew, as the panel proposes it; then back."""
    yield from with_a_character(animator)
    yield from type_prompt(animator)
    yield from generate(animator)
    chosen = bpy.context.scene.understudy
    frames = chosen.redo_first, chosen.redo_last
    animator.seen |= {"before": keys_apart(animator, *frames), "action": facts()["action"]}
    yield from animator.unfold("understudy.redo_range", below="understudy.generate")
    yield from animator.picture("unfolded")
    before = message(animator)
    yield from animator.press("understudy.redo_range")
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None or message(animator) != before)
    yield from animator.wait("the range is keyed", lambda: current_job(animator) is None)
    yield from animator.picture("redone")
    animator.seen |= {"redone": {**message(animator), **keys_apart(animator, *frames), **facts()}}
    yield from animator.into_the_view()
    yield from animator.key("Z", ctrl=True)
    animator.seen["undone"] = keys_apart(animator, *frames)


def voice_to_face(animator: Animator) -> Steps:
    """A sound file that is typed into the field, and Generate Face."""
    yield from arrive(animator)
    yield from animator.press("understudy.add_head", across=0.86)
    yield from animator.press("sound_file", across=0.3)
    yield from animator.write(os.environ["UNDERSTUDY_GUI_VOICE"])
    yield from animator.picture("voice-chosen")
    yield from animator.press("understudy.generate_face")
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None)
    yield from animator.picture("speaking")
    yield from animator.wait("the face is keyed", lambda: current_job(animator) is None)
    yield from animator.picture("spoken")
    animator.seen["face"] = {**message(animator), **face_facts()}


def take(animator: Animator) -> Steps:
    """Body and face of one voice, in one go."""
    yield from with_a_character(animator)
    yield from animator.press("understudy.add_head", across=0.86)
    yield from animator.press("sound_file", across=0.3)
    yield from animator.write(os.environ["UNDERSTUDY_GUI_VOICE"])
    yield from animator.press("understudy.generate_take")
    yield from animator.wait("the engine works", lambda: current_job(animator) is not None)
    yield from animator.picture("progress")
    yield from animator.wait("body and face are keyed", lambda: current_job(animator) is None)
    yield from animator.picture("take")
    animator.seen |= {"body": {**message(animator), **facts()}, "face": face_facts()}
    yield from animator.into_the_view()
    yield from animator.key("Z", ctrl=True)
    animator.seen["undone"] = facts()["action"], face_facts()["action"]


def saved_and_loaded(animator: Animator) -> Steps:
    """Keys, a file, the file again: they still play."""
    yield from with_a_character(animator)
    yield from generate(animator)
    before = facts()
    path = animator.folder / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    bpy.ops.wm.open_mainfile(filepath=str(path))
    yield 1.0
    yield from animator.picture("loaded")
    animator.seen |= {"before": before, "loaded": facts()}
    yield from play(animator)


def quit_at_work(animator: Animator) -> Steps:
    """Ctrl-Q in the middle of a generation."""
    bpy.context.preferences.view.use_save_prompt = False
    yield from with_a_character(animator)
    yield from animator.press("understudy.generate")
    jobs = animator.module("jobs")
    # The process alone does not tell: it may have started early
    yield from animator.wait("the engine is at work", lambda: current_job(animator) is not None and jobs.state.engine.pid)
    animator.seen |= {"pid": jobs.state.engine.pid, "was_at_work": jobs.state.job is not None}
    yield from animator.into_the_view()
    animator.note("quits")  # before it does, because nothing is written afterwards
    yield from animator.key("Q", ctrl=True)
    yield 20.0
    raise NotThere("Blender does not quit")
