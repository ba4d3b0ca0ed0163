"""How much a generation slows what Blender does for each frame that it plays, by how far the worker steps back."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import jobs, settings
from understudy.blender_addon.engine.client import Engine, EngineSettings
from understudy.blender_addon.operators import generate
from understudy.core.contract import BodyRequest, Reply
from understudy.tests.blender_addon.endurance.conftest import Scale
from understudy.tests.blender_addon.endurance.pressed import Pressed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="niceness is measured where it is set by a number")
NICENESSES = (0, 5, jobs.GUI_NICENESS)
WINDOW_S, LEAST = 1.0, 0.6
LOST_FRAMES = 1.0  # of a second at the scene's rate, on average


@contextmanager
def at_work(engine: Engine, model: str) -> Iterator[list[int]]:
    """An engine in the middle of a long motion; gives how many it has made, at the end."""
    request = BodyRequest(engine.next_id(), "a person walks", seconds=60.0, variations=4, model=model, device="cpu")
    engine.submit(request)
    until = time.monotonic() + 60.0
    while not any(getattr(message, "step", 0) > 0 for message in engine.poll()):
        assert time.monotonic() < until
        time.sleep(0.01)
    yield [engine.pid]
    engine.cancel()
    while engine.is_busy:
        assert not any(isinstance(message, Reply) for message in engine.poll()), "it was done before the end of the window"
        time.sleep(0.01)


def frames_a_second(armature: bpy.types.Object) -> float:
    """Poses of the character and its skin, as playback asks for them."""
    began, frames = time.perf_counter(), 0
    while time.perf_counter() - began < WINDOW_S:
        pose(armature, frames)
        frames += 1
    return frames / (time.perf_counter() - began)


def frames_shown(armature: bpy.types.Object) -> int:
    """Of a second of playback at the scene's rate: a frame whose time has gone by before it is posed is dropped, as Blender drops it."""
    rate, began, shown, frame = bpy.context.scene.render.fps, time.perf_counter(), 0, 0
    while frame < rate:
        pose(armature, frame)
        shown += time.perf_counter() < began + (frame + 1) / rate
        time.sleep(max(0.0, began + (frame + 1) / rate - time.perf_counter()))
        frame = max(frame + 1, int((time.perf_counter() - began) * rate))
    return shown


def pose(armature: bpy.types.Object, frame: int) -> None:
    bpy.context.scene.frame_set(1 + frame % 96)
    armature.children[0].evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()


def test_a_generation_hardly_slows_what_is_played(
    stage: settings.UnderstudySettings, scale: Scale, models: Path, engine_python: str
) -> None:
    assert Pressed(generate.UNDERSTUDY_OT_generate).to_the_end().is_finished
    armature, ratios = stage.character, {}
    for niceness in NICENESSES if scale.pairs > 1 else NICENESSES[-1:]:
        engine, pairs, shown = Engine(EngineSettings(engine_python, (str(models),), niceness)), [], []
        for _ in range(scale.pairs):
            alone, shown_alone = frames_a_second(armature), frames_shown(armature)
            with at_work(engine, scale.model):
                pairs.append((round(alone, 1), round(frames_a_second(armature), 1)))
                shown.append((shown_alone, frames_shown(armature)))
        engine.close()
        ratios[niceness] = statistics.median(beside / alone for alone, beside in pairs)
        print(f"niceness {niceness}: {ratios[niceness]:.2f} of the frames a second without a generation; {pairs}")
        print(f"niceness {niceness}: frames shown of {bpy.context.scene.render.fps} without a generation and beside one: {shown}")
        lost = statistics.mean(alone - beside for alone, beside in shown)
    assert scale.pairs == 1 or (ratios[jobs.GUI_NICENESS] > LEAST and lost < LOST_FRAMES)
