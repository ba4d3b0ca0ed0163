"""The Generate operator, as background mode and scripts run it: one call, one undo step, keys that play."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable

import bpy
import numpy as np
import pytest

from understudy.blender_addon import jobs
from understudy.blender_addon.animation import curves
from understudy.blender_addon.operators import generate
from understudy.blender_addon.settings import UnderstudySettings
from understudy.core.contract import Quality


@pytest.fixture
def ready(addon: UnderstudySettings) -> UnderstudySettings:
    """A character is chosen and the settings are quick."""
    bpy.ops.understudy.add_character()
    addon.quality, addon.seconds, addon.use_new_seed, addon.seed = Quality.DRAFT.name, 1.0, False, 7
    bpy.ops.ed.undo_push(message="Character")
    return addon


def keys_of(armature: bpy.types.Object) -> dict[tuple[str, int], np.ndarray]:
    action = curves.bound_action(armature)
    assert action is not None
    slot = curves.first_slot(action)
    assert slot is not None
    return curves.read_curves(slot)


def snapshot() -> tuple[object, ...]:
    """What a failed generation must leave as it was."""
    armatures = [(each.name, each.animation_data and each.animation_data.action) for each in bpy.data.objects if each.type == "ARMATURE"]
    modes = [bone.rotation_mode for each in bpy.data.objects if each.type == "ARMATURE" for bone in each.pose.bones]
    return sorted(bpy.data.actions.keys()), armatures, modes, bpy.context.scene.render.fps, bpy.context.scene.frame_current


def test_keys_begin_at_the_current_frame_at_the_rate_of_the_scene(ready: UnderstudySettings) -> None:
    bpy.context.scene.render.fps = 30
    bpy.context.scene.frame_set(12)
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    frames = next(iter(keys_of(ready.character).values()))[:, 0]
    np.testing.assert_allclose(frames, np.arange(12, 43))
    assert bpy.context.scene.render.fps == 30


def test_all_22_joints_and_the_pelvis_location_are_keyed(ready: UnderstudySettings) -> None:
    bpy.ops.understudy.generate()
    paths = [path for path, _ in keys_of(ready.character)]
    assert sum(path.endswith("rotation_quaternion") for path in paths) == 22 * 4
    assert sum(path.endswith("location") for path in paths) == 3


def test_the_action_is_named_after_the_prompt_and_carries_its_recipe(ready: UnderstudySettings) -> None:
    ready.prompt = "a person waves"
    bpy.ops.understudy.generate()
    action = ready.character.animation_data.action
    assert action.name.startswith("a person waves")
    recipe = json.loads(action[curves.RECIPE_PROPERTY])
    assert (recipe["text"], recipe["seed"], recipe["steps"], recipe["model"]) == ("a person waves", 7, 2, "tiny")


def test_the_seed_that_was_thrown_is_written_back_and_makes_the_same_keys_again(ready: UnderstudySettings) -> None:
    ready.use_new_seed, ready.seed = True, 0
    bpy.ops.understudy.generate()
    thrown, first = ready.seed, keys_of(ready.character)
    assert thrown != 0
    ready.use_new_seed = False
    bpy.ops.understudy.generate()
    second = keys_of(ready.character)
    assert all(np.array_equal(first[path], second[path]) for path in first)


def test_a_second_generation_on_the_same_rig_plays(ready: UnderstudySettings) -> None:
    bpy.ops.understudy.generate()
    first = keys_of(ready.character)
    ready.seed = 8
    bpy.ops.understudy.generate()
    second = keys_of(ready.character)
    assert any(not np.array_equal(first[path], second[path]) for path in first)
    bone = ready.character.pose.bones["left_knee"]
    bpy.context.scene.frame_set(1)
    before = bone.rotation_quaternion.copy()
    bpy.context.scene.frame_set(20)
    assert (bone.rotation_quaternion - before).magnitude > 1e-5


def test_one_undo_step_takes_the_generation_back_and_redo_brings_it(ready: UnderstudySettings) -> None:
    bpy.ops.understudy.generate()
    assert len(bpy.data.actions) == 1
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0
    assert [each.type for each in bpy.data.objects].count("ARMATURE") == 1
    bpy.ops.ed.redo()
    assert len(bpy.data.actions) == 1


def test_variations_are_kept_as_actions_and_the_first_is_played(ready: UnderstudySettings) -> None:
    ready.variations = 3
    bpy.ops.understudy.generate()
    assert len(bpy.data.actions) == 3
    played = ready.character.animation_data.action
    assert all(action.use_fake_user for action in bpy.data.actions if action != played)


def test_guidance_is_the_model_s_unless_it_is_set(ready: UnderstudySettings) -> None:
    told = []
    for ready.use_guidance, ready.guidance in ((False, 7.0), (True, 7.0)):
        bpy.ops.understudy.generate()
        told.append(json.loads(ready.character.animation_data.action[curves.RECIPE_PROPERTY])["guidance"])
    assert told == [4.0, 7.0]


def test_without_a_set_length_the_model_decides(ready: UnderstudySettings) -> None:
    ready.use_seconds = False
    bpy.ops.understudy.generate()
    assert ready.character.animation_data.action.frame_range[1] > 24


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda chosen: setattr(chosen, "prompt", "歩く人"), "English"),
        (lambda chosen: setattr(chosen, "prompt", "   "), "prompt is empty"),
        (lambda chosen: bpy.data.objects.remove(chosen.character), "Nothing is chosen"),
        (lambda chosen: bpy.ops.object.delete(), "is in no scene any more"),
    ],
)
def test_bad_input_gives_one_sentence_and_changes_nothing(
    ready: UnderstudySettings, spoil: Callable[[UnderstudySettings], object], sentence: str
) -> None:
    spoil(ready)
    before = snapshot()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.understudy.generate()
    assert snapshot() == before
    assert jobs.state.job is None


def test_edit_mode_is_refused_with_the_way_out(ready: UnderstudySettings) -> None:
    bpy.context.view_layer.objects.active = ready.character
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Tab" in generate.refused(bpy.context)
    with pytest.raises(RuntimeError, match="Edit Mode"):
        bpy.ops.understudy.generate()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_model_that_is_not_there_is_named(ready: UnderstudySettings) -> None:
    from understudy.blender_addon import preferences

    chosen = preferences.current()
    assert chosen is not None
    chosen.model = "nobody"
    before = snapshot()
    with pytest.raises(RuntimeError, match='no model "nobody"'):
        bpy.ops.understudy.generate()
    assert snapshot() == before


def test_a_python_that_is_not_there_greys_the_button(ready: UnderstudySettings) -> None:
    from understudy.blender_addon import preferences

    chosen = preferences.current()
    assert chosen is not None
    chosen.engine_python = "/nowhere/python"
    assert "preferences" in generate.refused(bpy.context)
    assert not bpy.ops.understudy.generate.poll()


def test_a_killed_engine_gives_a_sentence_and_the_next_generation_works(ready: UnderstudySettings) -> None:
    ready.seconds, before = 60.0, snapshot()
    threading.Thread(target=_kill_engine_when_busy, daemon=True).start()
    with pytest.raises(RuntimeError, match="Nothing was changed"):
        bpy.ops.understudy.generate()
    assert snapshot() == before
    ready.seconds = 1.0
    assert bpy.ops.understudy.generate() == {"FINISHED"}


def _kill_engine_when_busy() -> None:
    while jobs.state.job is None or not jobs.state.job.stage.startswith("Shaping"):
        time.sleep(0.002)
    engine = jobs.state.engine
    assert engine is not None and engine._process is not None
    os.kill(engine._process.pid, signal.SIGKILL)


def test_a_cancelled_job_leaves_the_file_as_it_was(ready: UnderstudySettings) -> None:
    ready.seconds, before = 60.0, snapshot()
    task = generate.task_from(bpy.context)
    job = jobs.Job(jobs.ready_engine(), task)
    from understudy.core.contract import Cancelled

    with pytest.raises(Cancelled):
        while not job.advance():
            if job.is_writing or job.stage.startswith("Shaping"):
                job.cancel()
    assert snapshot() == before


def test_keys_half_written_are_thrown_away_by_a_cancel(ready: UnderstudySettings) -> None:
    before = snapshot()
    ready.seconds = 20.0
    job = jobs.Job(jobs.ready_engine(), generate.task_from(bpy.context))
    while not job.is_writing:
        job.advance(0.0)
    job.advance(0.001)
    job.cancel()
    from understudy.core.contract import Cancelled

    with pytest.raises(Cancelled):
        job.advance()
    assert snapshot() == before


def test_no_tick_of_a_generation_holds_the_interface_for_30_ms(ready: UnderstudySettings) -> None:
    """A minute at 30 fps; the best of three generations."""
    bpy.context.scene.render.fps, ready.seconds = 30, 60.0
    longest = []
    for seed in range(3):
        ready.seed = seed
        longest.append(longest_tick(lambda: jobs.Job(jobs.ready_engine(), generate.task_from(bpy.context))))
    print(f"longest tick of each generation: {', '.join(f'{seconds * 1e3:.1f} ms' for seconds in longest)}")
    assert min(longest) < 0.030


def longest_tick(start: Callable[[], jobs.Job]) -> float:
    """Seconds of the processor, which other processes cannot steal, of a job from its start to its end."""
    ticks = []
    began = time.thread_time()
    job = start()
    ticks.append(time.thread_time() - began)
    done = False
    while not done:
        began = time.thread_time()
        done = job.advance()
        ticks.append(time.thread_time() - began)
        time.sleep(0.002)
    return max(ticks)


def test_registering_and_unregistering_many_times_leaves_nothing_behind(addon: UnderstudySettings) -> None:
    from understudy import blender_addon

    for _ in range(5):
        blender_addon.unregister()
        assert not hasattr(bpy.types.Scene, "understudy")
        assert not hasattr(bpy.types, "UNDERSTUDY_PT_text_to_motion")
        blender_addon.register()
