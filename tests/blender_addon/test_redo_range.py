"""The Redo Range operator, as background mode and scripts run it: the range of keys that was chosen, in one undo step."""

from __future__ import annotations

import json
from collections.abc import Callable

import bpy
import numpy as np
import pytest

from understudy.blender_addon import jobs
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.body_range import REDONE_PROPERTY
from understudy.blender_addon.operators import redo_range
from understudy.blender_addon.settings import FROM_FRAMES, FROM_KEYS, FROM_PREVIEW, UnderstudySettings
from understudy.core.contract import Cancelled, Quality

Keys = dict[tuple[str, int], np.ndarray]


@pytest.fixture
def ready(addon: UnderstudySettings) -> UnderstudySettings:
    """A character has two seconds of keys, frames 1 to 49."""
    bpy.ops.understudy.add_character()
    addon.quality, addon.seconds, addon.use_new_seed, addon.seed = Quality.DRAFT.name, 2.0, False, 7
    bpy.ops.understudy.generate()
    addon.prompt, addon.seed, addon.redo_first, addon.redo_last = "a person jumps", 8, 20, 30
    return addon


def keys(armature: bpy.types.Object) -> Keys:
    slot = curves.playing_slot(armature)
    assert slot is not None
    return curves.read_curves(slot)


def changed_frames(before: Keys, after: Keys) -> list[int]:
    """At which any key is another."""
    assert before.keys() == after.keys()
    frames = {round(float(frame)) for name, old in before.items() for frame in old[(old != after[name]).any(1), 0]}
    return sorted(frames)


def test_only_the_frames_of_the_range_change_and_the_action_tells_it(ready: UnderstudySettings) -> None:
    before, action = keys(ready.character), ready.character.animation_data.action
    assert bpy.ops.understudy.redo_range() == {"FINISHED"}
    assert changed_frames(before, keys(ready.character)) == list(range(20, 31))
    assert ready.character.animation_data.action == action and len(bpy.data.actions) == 1
    (told,) = json.loads(action[REDONE_PROPERTY])
    assert (told["first_frame"], told["last_frame"], told["text"], told["seed"], told["model"]) == (20, 30, "a person jumps", 8, "tiny")
    assert json.loads(action[curves.RECIPE_PROPERTY])["seed"] == 7
    bpy.ops.understudy.redo_range()
    assert len(json.loads(action[REDONE_PROPERTY])) == 2


def test_the_same_seed_gives_the_same_keys_and_another_one_others(ready: UnderstudySettings) -> None:
    before = keys(ready.character)
    bpy.ops.ed.undo_push(message="Before")
    made = []
    for ready.seed in (8, 8, 9):
        bpy.ops.understudy.redo_range()
        made.append(keys(ready.character))
        bpy.ops.ed.undo()
        ready = bpy.context.scene.understudy
        assert changed_frames(before, keys(ready.character)) == []
    assert changed_frames(made[0], made[1]) == []
    assert changed_frames(made[0], made[2]) == list(range(20, 31))


def test_one_undo_step(ready: UnderstudySettings) -> None:
    bpy.ops.ed.undo_push(message="Before")
    before = keys(ready.character)
    bpy.ops.understudy.redo_range()
    after = keys(ready.character)
    bpy.ops.ed.undo()
    armature = bpy.context.scene.understudy.character
    assert changed_frames(before, keys(armature)) == []
    bpy.ops.ed.redo()
    assert changed_frames(after, keys(bpy.context.scene.understudy.character)) == []


def test_the_preview_range(ready: UnderstudySettings) -> None:
    scene, before = bpy.context.scene, keys(ready.character)
    ready.redo_range, scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = FROM_PREVIEW, True, 5, 14
    bpy.ops.understudy.redo_range()
    assert changed_frames(before, keys(ready.character)) == list(range(5, 15))


def test_the_selected_keys(ready: UnderstudySettings) -> None:
    before = keys(ready.character)
    for curve in curves.channel_bag(curves.playing_slot(ready.character)).fcurves:
        for key in curve.keyframe_points:
            key.select_control_point = 32 <= key.co.x <= 40 and "wrist" in curve.data_path
    ready.redo_range = FROM_KEYS
    bpy.ops.understudy.redo_range()
    assert changed_frames(before, keys(ready.character)) == list(range(32, 41))


def test_the_upper_body_alone(ready: UnderstudySettings) -> None:
    before, ready.redo_upper_body, ready.redo_carries_rest = keys(ready.character), True, True
    bpy.ops.understudy.redo_range()
    after = keys(ready.character)
    bones = {path.split('"')[1] for (path, index), old in before.items() if not np.array_equal(old, after[path, index])}
    assert "right_wrist" in bones and not bones & {"pelvis", "left_hip", "left_knee", "left_ankle", "left_foot"}


def test_the_rest_is_carried_along(ready: UnderstudySettings) -> None:
    before, ready.redo_carries_rest = keys(ready.character), True
    bpy.ops.understudy.redo_range()
    after = keys(ready.character)
    path = 'pose.bones["pelvis"].location'
    others = {name: old for name, old in before.items() if not name[0].startswith('pose.bones["pelvis"]')}
    assert changed_frames(others, {name: after[name] for name in others}) == list(range(20, 31))
    assert not np.array_equal(before[path, 0][30:], after[path, 0][30:])
    np.testing.assert_array_equal(before[path, 0][:19], after[path, 0][:19])


def test_variations_are_kept_as_actions(ready: UnderstudySettings) -> None:
    ready.variations = 3
    bpy.ops.understudy.redo_range()
    assert len(bpy.data.actions) == 3
    assert [action.use_fake_user for action in bpy.data.actions if action != ready.character.animation_data.action] == [True, True]


def test_a_seed_that_is_thrown_is_written_back(ready: UnderstudySettings) -> None:
    ready.use_new_seed = True
    bpy.ops.understudy.redo_range()
    assert json.loads(ready.character.animation_data.action[REDONE_PROPERTY])[0]["seed"] == ready.seed != 8


def swapped(chosen: UnderstudySettings) -> None:
    chosen.redo_range, chosen.redo_first, chosen.redo_last = FROM_FRAMES, 30, 20


def unselected(chosen: UnderstudySettings) -> None:
    chosen.redo_range = FROM_KEYS
    for curve in curves.channel_bag(curves.playing_slot(chosen.character)).fcurves:
        curve.keyframe_points.foreach_set("select_control_point", np.zeros(len(curve.keyframe_points), bool))


def another_one(chosen: UnderstudySettings) -> None:
    bpy.ops.understudy.add_character()
    bpy.context.view_layer.objects.active, chosen.character = None, None


REFUSED: dict[str, tuple[Callable[[UnderstudySettings], object], str, bool]] = {
    "an empty prompt": (lambda chosen: setattr(chosen, "prompt", " "), "prompt is empty", True),
    "no character": (another_one, "There are 2 characters", True),
    "no keys": (lambda chosen: chosen.character.animation_data_clear(), "press Generate first", True),
    "no preview range": (lambda chosen: setattr(chosen, "redo_range", FROM_PREVIEW), "no preview range", True),
    "nothing selected": (unselected, "No key of", True),
    "an end before the beginning": (swapped, "after its end at 20", True),
    "a range without keys": (lambda chosen: setattr(chosen, "redo_first", 60) or setattr(chosen, "redo_last", 90), "which go from 1 to 49", False),
    "three frames": (lambda chosen: setattr(chosen, "redo_last", 22), "too short to be made anew: choose at least 0.2 s", False),
    "a locked curve": (lambda chosen: setattr(curves.channel_bag(curves.playing_slot(chosen.character)).fcurves[0], "lock", True), "locked or muted", False),
    "another script": (lambda chosen: setattr(chosen, "prompt", "歩く人"), "English", False),
    "more steps than fit": (lambda chosen: setattr(chosen, "prompt", "walks, then waves, then jumps, then bows"), "use fewer steps, or a longer range", False),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_a_sentence_and_changes_nothing(case: str, ready: UnderstudySettings) -> None:
    spoil, sentence, greys_the_button = REFUSED[case]
    armature = ready.character
    spoil(ready)
    before = keys(armature) if curves.playing_slot(armature) else {}
    assert (sentence in redo_range.redo_refused(bpy.context)) == greys_the_button
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.understudy.redo_range()
    assert not before or changed_frames(before, keys(armature)) == []
    assert jobs.state.job is None


@pytest.mark.parametrize("moment", ["Writing", "Shaping"])
def test_a_cancelled_job_changes_no_key(moment: str, ready: UnderstudySettings) -> None:
    """While keys are read, or the engine is at work."""
    before = keys(ready.character)
    task = redo_range.UNDERSTUDY_OT_redo_range.new_task(None, bpy.context)  # type: ignore[arg-type]
    job = jobs.Job(jobs.ready_engine(), task)
    with pytest.raises(Cancelled):
        while not job.advance(0.0 if moment == "Writing" else 0.008):
            if job.stage.startswith(moment):
                job.cancel()
    assert changed_frames(before, keys(ready.character)) == []


def test_keys_changed_while_the_engine_works_are_left_alone(ready: UnderstudySettings) -> None:
    task = redo_range.UNDERSTUDY_OT_redo_range.new_task(None, bpy.context)  # type: ignore[arg-type]
    job = jobs.Job(jobs.ready_engine(), task)
    while job.is_writing:
        job.advance()
    curves.channel_bag(curves.playing_slot(ready.character)).fcurves[0].keyframe_points[40].co.y += 1
    before = keys(ready.character)
    with pytest.raises(Exception, match="changed meanwhile"):
        job.run()
    assert changed_frames(before, keys(ready.character)) == []
