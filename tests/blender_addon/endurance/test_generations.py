"""A hundred generations in one session: bodies, faces, takes, variations, undo, redo and cancel. Nothing piles up."""

from __future__ import annotations

import random
import statistics
import sys
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import jobs, settings
from understudy.blender_addon.operators import generate, speech
from understudy.tests.blender_addon.endurance import traces
from understudy.tests.blender_addon.endurance.conftest import Scale
from understudy.tests.blender_addon.endurance.pressed import Pressed
from understudy.tests.blender_addon.endurance.registered import memory_mb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
UNDO_STEPS = 8
GENERATIONS_A_ROUND = 6
GROWTH = 0.05


def generated(operator: type, body_seed: int = 1, variations: int = 1, face_seed: int = 1) -> None:
    chosen = settings.of(bpy.context.scene)
    chosen.seed, chosen.variations, chosen.speech.seed, chosen.speech.variations = body_seed, variations, face_seed, variations
    pressed = Pressed(operator, step=1, question="NOT_ASKED").to_the_end()
    assert pressed.is_finished, pressed.said


def cancelled(dice: random.Random) -> None:
    """At any moment; a job may be done before."""
    moment = dice.randrange(40)

    def between(job: jobs.Job) -> None:
        nonlocal moment
        moment -= 1
        if moment == 0:
            job.cancel()

    before = traces.scene()
    settings.of(bpy.context.scene).seed = 99
    if Pressed(generate.UNDERSTUDY_OT_generate).to_the_end(between).is_finished:
        bpy.ops.ed.undo()
    assert traces.scene() == before


def one_round(dice: random.Random) -> None:
    generated(generate.UNDERSTUDY_OT_generate, body_seed=1)
    generated(generate.UNDERSTUDY_OT_generate, body_seed=2, variations=3)
    bpy.ops.ed.undo()
    bpy.ops.ed.redo()
    cancelled(dice)
    generated(speech.UNDERSTUDY_OT_generate_face, face_seed=1, variations=2)
    generated(speech.UNDERSTUDY_OT_next_variation)
    generated(speech.UNDERSTUDY_OT_apply_amounts)
    generated(speech.UNDERSTUDY_OT_generate_take, body_seed=3, face_seed=2)
    bpy.ops.ed.undo()
    generated(speech.UNDERSTUDY_OT_generate_take, body_seed=3, face_seed=2)


def test_a_hundred_generations_leave_what_one_leaves(
    stage: settings.UnderstudySettings, scale: Scale, dice: random.Random, tmp_path: Path
) -> None:
    bpy.context.preferences.edit.undo_steps = UNDO_STEPS  # all that may be kept is kept after a round or two
    worker, own, sizes, seen, pids = [], [], [], [], set()
    for number in range(scale.rounds):
        one_round(dice)
        assert jobs.state.engine is not None
        pids.add(jobs.state.engine.pid)
        worker.append(memory_mb(jobs.state.engine.pid))
        own.append(memory_mb())
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hour.blend"), copy=True, compress=False)
        sizes.append((tmp_path / "hour.blend").stat().st_size)
        seen.append((traces.actions(), traces.playing(), traces.datablocks(), traces.own_threads(), traces.children()))
        print(f"round {number + 1}: worker {worker[-1]:.1f} MB, Blender {own[-1]:.1f} MB, file {sizes[-1] / 1e6:.3f} MB")
    print(f"{scale.rounds * GENERATIONS_A_ROUND} generations")
    assert seen[-1] == seen[1], "what lies in the file, or runs, is not the same after many generations"
    assert all(users > 0 for users, _, _ in traces.actions().values())
    assert pids == {jobs.state.engine.pid} == set(traces.children())
    assert sizes[-1] == pytest.approx(sizes[0], rel=0.02)
    assert growth(worker) < GROWTH and growth(own) < GROWTH


def growth(measured: list[float]) -> float:
    """Of the last third over the first, without the first round, in which everything is loaded."""
    third = max(1, len(measured) // 3)
    return statistics.median(measured[-third:]) / statistics.median(measured[1 : 1 + third]) - 1
