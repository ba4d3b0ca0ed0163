"""Hard use of a Blender with a window: how long we hold it, how fast it plays, twenty generations, and switching off and on.

Runs inside Blender as the journeys do; what was seen is judged by test_hard_use.py. Buttons are pressed by their operators: where
they are is not the question here.
"""

from __future__ import annotations

import math
import os
import random
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path

import bpy
from animator import Animator, NotThere, Steps
from habits import arrive
from stopwatch import Stopwatch
from switching import EXTENSION, memory_mb, registered, switched

LONG_BODY_S, LONG_FACE_S, TAKE_S = 300.0, 600.0, 60.0
PATIENCE_S = 900.0
WINDOW_S, PAIRS = 5.0, 4
NICENESSES = (0, 5, 10)


def held(animator: Animator) -> Steps:
    """Bodies, faces, takes, a recording and a set-up, each call of ours measured; the worker answers at once."""
    watch = Stopwatch()
    yield from _stage(animator)
    _preferences().engine_python = _speaking_python(animator)
    for each in bpy.context.scene.objects:
        each.hide_set(True)  # a software renderer takes a second to draw them, which is not the question here
    watch.watch(animator.module)
    chosen = bpy.context.scene.understudy
    for use, button, seconds in (
        ("body of 4 s", "generate", 4.0), ("body of 300 s", "generate", LONG_BODY_S), ("face of 3 s", "generate_face", 3.0),
        ("face of 600 s", "generate_face", LONG_FACE_S), ("the same face of 600 s again", "generate_face", LONG_FACE_S),
        ("amounts of 600 s", "apply_amounts", LONG_FACE_S), ("take of 60 s", "generate_take", TAKE_S),
    ):  # fmt: skip
        watch.use, chosen.seconds = use, min(seconds, LONG_BODY_S)
        chosen.speech.sound_file = str(_voice(animator.folder, seconds))
        yield from _pressed(animator, button)
        yield 0.5
        animator.note(use, message=animator.module("jobs").state.message)
    watch.use = "recording"
    yield from _recorded(animator)
    watch.use = "set-up"
    yield from _set_up(animator)
    animator.seen["held"] = watch.told()
    yield from animator.picture("held")


def edited_line(animator: Animator) -> Steps:
    """A key moved by hand, Apply Amounts, the question, and Enter: the keys are written again, in a window that goes on."""
    yield from _stage(animator)
    _preferences().engine_python = _speaking_python(animator)
    bpy.context.scene.understudy.speech.sound_file = str(_voice(animator.folder, 3.0))
    yield from _pressed(animator, "generate_face")
    keys = bpy.context.scene.understudy.face.data.shape_keys
    made = _values(keys)
    _curve(keys).keyframe_points[10].co.y += 0.25
    edited = _values(keys)
    _press("apply_amounts")
    yield from animator.wait("the look is over", lambda: animator.module("jobs").state.job is None)
    yield 1.0
    yield from animator.picture("question")
    animator.seen["asked"] = _values(keys) == edited
    yield from animator.key("RET")
    yield from animator.wait("the keys are as they were made", lambda: _values(keys) == made, patience_s=20.0)
    animator.seen |= {"was_edited": edited != made, "again": _values(keys) == made}
    yield from animator.picture("again")


def twenty_generations(animator: Animator) -> Steps:
    """In a window: body, face and take in turn, with undo, redo and cancel; memory and all that lies about after each four."""
    yield from _stage(animator)
    dice, chosen = random.Random(7), bpy.context.scene.understudy
    chosen.speech.sound_file, chosen.use_new_seed, chosen.speech.use_new_seed = str(_voice(animator.folder, 3.0)), False, False
    bpy.context.preferences.edit.undo_steps = 8
    rounds: list[dict[str, object]] = []
    for _ in range(5):
        for button in ("generate", "generate_face", "generate_take", "generate"):
            yield from _pressed(animator, button)
        yield from animator.into_the_view()
        yield from animator.key("Z", ctrl=True)
        yield from animator.key("Z", ctrl=True, shift=True)
        _press("generate")
        yield dice.uniform(0.0, 1.5)
        if animator.module("jobs").state.job is not None:
            bpy.ops.understudy.cancel()
        yield from animator.wait("the job has ended", lambda: animator.module("jobs").state.job is None)
        rounds.append(_traces(animator))
    animator.seen["rounds"] = rounds
    yield from animator.picture("twenty")


def playback(animator: Animator) -> Steps:
    """Frames a second with and without a generation, in turns, for workers that step back more and more."""
    yield from _stage(animator)
    jobs, scene = animator.module("jobs"), bpy.context.scene
    yield from _pressed(animator, "generate")
    scene.render.fps, scene.sync_mode, scene.frame_end = 120, "NONE", 96
    shown: list[float] = []
    bpy.app.handlers.frame_change_post.append(lambda *_: shown.append(time.perf_counter()))
    rates: dict[str, list[tuple[float, float, float]]] = {}
    for niceness in NICENESSES:
        jobs.GUI_NICENESS = niceness
        yield from _pressed(animator, "generate")
        for _ in range(PAIRS):
            yield from _played(shown)
            idle = _rate(shown)
            made = yield from _played(shown, lambda: _keep_busy(jobs))
            rates.setdefault(str(niceness), []).append((idle, _rate(shown), made))
            if jobs.state.job is not None:
                bpy.ops.understudy.cancel()
            yield from animator.wait("the job has ended", lambda: jobs.state.job is None)
        animator.note("rates", niceness=niceness, idle_busy_made=rates[str(niceness)])
    animator.seen["rates"] = rates


def switched_on_and_off(animator: Animator) -> Steps:
    """Twenty times, in the preferences' way."""
    yield from arrive(animator)
    animator.seen |= yield from switched()


def _stage(animator: Animator) -> Steps:
    """A character, a head, and quick settings."""
    yield from arrive(animator)
    bpy.ops.understudy.add_character()
    bpy.ops.understudy.add_head()
    chosen = bpy.context.scene.understudy
    chosen.quality, chosen.seconds, chosen.prompt = "DRAFT", 4.0, "a person walks forward"
    yield 0.5


def _preferences() -> bpy.types.AddonPreferences:
    return bpy.context.preferences.addons[EXTENSION].preferences


def _speaking_python(animator: Animator) -> str:
    """What Blender does with answers does not hang on what made them; see speaking_worker.py."""
    worker = Path(__file__).resolve().parents[1] / "blender_addon" / "speaking_worker.py"
    program = animator.folder / "speaking python"
    shapes = " ".join(animator.module("animation.face_keys").ARKIT_NAMES)
    program.write_text(f'#!/bin/sh\nFACE_SHAPES="{shapes}" exec "{os.environ["UNDERSTUDY_GUI_PYTHON"]}" -s "{worker}"\n')
    program.chmod(0o755)
    return str(program)


def _press(button: str) -> None:
    area = next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
        getattr(bpy.ops.understudy, button)("INVOKE_DEFAULT")


def _pressed(animator: Animator, button: str) -> Steps:
    """To its end."""
    jobs = animator.module("jobs")
    _press(button)
    yield from animator.wait(f"{button} is done", lambda: jobs.state.job is None, patience_s=PATIENCE_S)
    if jobs.state.is_error:
        raise NotThere(f"{button} failed: {jobs.state.message}")


def _recorded(animator: Animator) -> Steps:
    """Needs a microphone; without one it is a sentence."""
    jobs = animator.module("jobs")
    bpy.ops.understudy.record("INVOKE_DEFAULT", seconds=2.0)
    yield from animator.wait("the recording is over", lambda: jobs.state.job is None)
    animator.seen["recording"] = jobs.state.message


def _set_up(animator: Animator) -> Steps:
    setting_up, _preferences().engine_python = animator.module("setting_up"), ""
    bpy.ops.understudy.set_up_from_wheels(directory=os.environ["UNDERSTUDY_GUI_WHEELS"])
    yield from animator.wait("the engine is set up", lambda: setting_up.state.run is None, patience_s=300)
    animator.seen["set-up"] = animator.module("jobs").state.message


def _voice(folder: Path, seconds: float) -> Path:
    """Something that rises and falls as speech does."""
    path = folder / f"voice_{seconds:g}.wav"
    if not path.exists():
        second = [int(8000 * math.sin(n * 0.06) * math.sin(math.pi * (n % 4000) / 4000) ** 2) for n in range(16000)]
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
            file.writeframes(struct.pack("<16000h", *second) * int(seconds))
    return path


def _curve(keys: bpy.types.Key) -> bpy.types.FCurve:
    action = keys.animation_data.action
    if not hasattr(action, "slots"):
        return action.fcurves[0]
    return action.layers[0].strips[0].channelbag(keys.animation_data.action_slot).fcurves[0]


def _values(keys: bpy.types.Key) -> list[float]:
    return [key.co.y for key in _curve(keys).keyframe_points]


def _traces(animator: Animator) -> dict[str, object]:
    pid = animator.module("jobs").state.engine.pid
    actions = {action.name: action.users for action in bpy.data.actions}
    kinds = [name for name in dir(bpy.data) if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)]
    counts = {name: len(getattr(bpy.data, name)) for name in kinds}
    left = registered()
    return {
        "worker_mb": memory_mb(pid), "blender_mb": memory_mb(), "pid": pid, "actions": actions, "datablocks": counts,
        "threads": left["threads"], "processes": left["processes"], "files": len(list(Path("/proc/self/fd").iterdir())),
    }  # fmt: skip


def _keep_busy(jobs: object) -> bool:
    """Whether a generation was just done."""
    if jobs.state.job is not None:  # type: ignore[attr-defined]
        return False
    _press("generate")
    return True


def _played(shown: list[float], meanwhile: Callable[[], bool] = lambda: False) -> Steps:
    """Plays for a while; gives how many generations were begun."""
    shown.clear()
    _play_or_stop()
    began, made = time.monotonic(), 0
    while time.monotonic() - began < WINDOW_S:
        made += meanwhile()
        yield 0.05
    _play_or_stop()
    return made


def _play_or_stop() -> None:
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.screen.animation_play()


def _rate(shown: list[float]) -> float:
    return round((len(shown) - 1) / (shown[-1] - shown[0]), 2) if len(shown) > 1 else 0.0
