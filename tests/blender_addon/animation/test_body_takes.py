"""Second takes, variations and takes that were edited: nothing piles up and nothing of the animator's is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import body, curves, takes
from understudy.blender_addon.animation.smpl_armature import add_character
from understudy.core.contract import BodyMotion, Recipe
from understudy.tests.blender_addon.animation.sample_motions import joint_positions, random_motion
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER, joint_heads


def is_posed_by(armature: bpy.types.Object, motion: BodyMotion, frame: int = 3) -> bool:
    bpy.context.scene.frame_set(frame)
    return bool(np.abs(joint_heads(armature) - joint_positions(motion)[frame - 1] @ TO_BLENDER.T).max() < 1e-4)


def test_the_action_is_named_and_carries_its_recipe(character: bpy.types.Object) -> None:
    motion = random_motion(seed=7)
    names = body.key_motion_now(character.name, motion, 1, 20.0)
    assert names == ("wander about (seed 7)",)
    assert character.animation_data.action.name == names[0]
    (reference,) = curves.understudy_actions()
    assert Recipe.from_json(curves.text(reference, curves.RECIPE_PROPERTY)) == motion.recipe


def test_an_action_name_of_one_s_own(character: bpy.types.Object) -> None:
    assert body.key_motion_now(character.name, random_motion(), 1, 20.0, action_name="Shot 010") == ("Shot 010",)


def test_second_generation_plays(character: bpy.types.Object) -> None:
    first, second = random_motion(seed=1), random_motion(seed=2)
    body.key_motion_now(character.name, first, 1, 20.0)
    assert is_posed_by(character, first)
    body.key_motion_now(character.name, second, 1, 20.0)
    assert is_posed_by(character, second)
    if hasattr(character.animation_data, "action_slot"):
        assert character.animation_data.action_slot is not None


def test_every_generation_plays_on_a_renamed_character(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(seed=1), 1, 20.0)
    character.name = "Hero"
    second = random_motion(seed=2)
    body.key_motion_now("Hero", second, 1, 20.0)
    assert is_posed_by(character, second)


def test_the_take_before_is_kept_with_the_file(character: bpy.types.Object, tmp_path: Path) -> None:
    (first,) = body.key_motion_now(character.name, random_motion(seed=1), 1, 20.0)
    (second,) = body.key_motion_now(character.name, random_motion(seed=2), 1, 20.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert set(bpy.data.actions.keys()) == {first, second}
    assert is_posed_by(bpy.data.objects["Understudy"], random_motion(seed=2))


def test_an_action_of_the_animator_s_is_kept_and_unchanged(character: bpy.types.Object) -> None:
    character.keyframe_insert("location", frame=1)
    own = character.animation_data.action
    name = own.name
    body.key_motion_now(character.name, random_motion(), 1, 20.0)
    assert bpy.data.actions[name].use_fake_user
    assert len(curves.read_curves(curves.first_slot(curves.Reference.to(own, "actions")))) == 3


def test_the_same_take_again_leaves_one_action(character: bpy.types.Object) -> None:
    motion = random_motion(seed=3)
    for start in (1, 1, 20):
        names = body.key_motion_now(character.name, motion, start, 20.0)
        assert bpy.data.actions.keys() == list(names) == ["wander about (seed 3)"]
    assert character.animation_data.action.frame_start == 20


def test_the_same_take_again_replaces_a_kept_one(character: bpy.types.Object) -> None:
    for seed in (1, 2, 1, 2, 1):
        body.key_motion_now(character.name, random_motion(seed=seed), 1, 20.0)
    assert bpy.data.actions.keys() == ["wander about (seed 1)", "wander about (seed 2)"]


def test_an_edited_take_is_never_replaced(character: bpy.types.Object) -> None:
    motion = random_motion(seed=3)
    body.key_motion_now(character.name, motion, 1, 20.0)
    edited = character.animation_data.action
    character.pose.bones["head"].rotation_quaternion = (0.9, 0.1, 0.2, 0.3)
    character.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=5)
    (again,) = body.key_motion_now(character.name, motion, 1, 20.0)
    assert character.animation_data.action.name == again == "wander about (seed 3).001"
    assert edited.name == "wander about (seed 3)"
    assert edited.use_fake_user
    assert is_posed_by(character, motion)


def test_a_take_edited_while_it_is_made_again_is_not_replaced(character: bpy.types.Object) -> None:
    motion = random_motion(seed=3, frames=6)
    body.key_motion_now(character.name, motion, 1, 20.0)
    slices = body.key_motion(character.name, motion, 1, 20.0)
    for _ in range(50):
        next(slices)
    character.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=30)
    for _ in slices:
        pass
    assert bpy.data.actions.keys() == ["wander about (seed 3)", "wander about (seed 3).001"]


def test_a_take_on_the_nla_is_not_replaced(character: bpy.types.Object) -> None:
    motion = random_motion(seed=3)
    body.key_motion_now(character.name, motion, 1, 20.0)
    take = character.animation_data.action
    strip = character.animation_data.nla_tracks.new().strips.new("Take", 1, take)
    body.key_motion_now(character.name, motion, 1, 20.0)
    assert strip.action == take
    assert character.animation_data.action != take


def test_the_same_take_on_two_characters(character: bpy.types.Object) -> None:
    other = add_character()
    motion = random_motion(seed=3)
    body.key_motion_now(character.name, motion, 1, 20.0)
    body.key_motion_now(other.name, motion, 1, 20.0)
    assert len(bpy.data.actions) == 2
    assert is_posed_by(character, motion)
    assert is_posed_by(other, motion)


def test_a_kept_take_of_another_character_is_not_replaced(character: bpy.types.Object) -> None:
    for seed in (3, 4):
        body.key_motion_now(character.name, random_motion(seed=seed), 1, 20.0)
    body.key_motion_now(add_character().name, random_motion(seed=3), 1, 20.0)
    assert bpy.data.actions.keys() == ["wander about (seed 3)", "wander about (seed 3).001", "wander about (seed 4)"]


def test_motions_without_a_recipe_do_not_replace_each_other(character: bpy.types.Object) -> None:
    for seed in (1, 2):
        body.key_motion_now(character.name, random_motion(seed=seed, recipe=Recipe()), 1, 20.0)
    assert bpy.data.actions.keys() == ["Motion (seed 0)", "Motion (seed 0).001"]


def test_variations_are_kept_but_not_played(character: bpy.types.Object) -> None:
    first, *others = (random_motion(seed=seed) for seed in range(3))
    names = body.key_motion_now(character.name, first, 1, 20.0, variations=others)
    assert names == tuple(f"wander about (seed {seed})" for seed in range(3))
    assert is_posed_by(character, first)
    assert [bpy.data.actions[name].use_fake_user for name in names] == [False, True, True]
    for name, motion in zip(names[1:], others, strict=True):
        slot = curves.first_slot(curves.Reference.to(bpy.data.actions[name], "actions"))
        curves.bind(slot, character)
        assert is_posed_by(character, motion)


def test_keys_are_tagged_grouped_and_smooth(character: bpy.types.Object, read: Callable) -> None:
    body.key_motion_now(character.name, random_motion(frames=8), 1, 20.0)
    keys = read(character)
    assert len(keys) == 22 * 4 + 3
    assert all(len(rows) == 8 for rows in keys.values())
    bag = curves.channel_bag(curves.first_slot(curves.bound_action(character)))
    assert len(bag.groups) == 22
    for curve in bag.fcurves:
        assert curve.group.name in curve.data_path
        kinds = {(key.type, key.interpolation, key.handle_left_type, key.handle_right_type) for key in curve.keyframe_points}
        assert kinds == {("GENERATED", "BEZIER", "AUTO_CLAMPED", "AUTO_CLAMPED")}


def test_a_later_insert_lands_in_the_same_curves(character: bpy.types.Object, read: Callable) -> None:
    body.key_motion_now(character.name, random_motion(frames=8), 1, 20.0)
    character.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=30)
    keys = read(character)
    assert len(keys) == 22 * 4 + 3
    assert keys['pose.bones["head"].rotation_quaternion', 0][-1, 0] == 30


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a person walks", "a person walks (seed 5)"),
        ("  two\n lines\t", "two lines (seed 5)"),
        ("", "Motion (seed 5)"),
        ("x" * 200, "x" * 54 + " (seed 5)"),
        ("手" * 40, "手" * 18 + " (seed 5)"),
        ("🕺" * 40, "🕺" * 13 + " (seed 5)"),
    ],
)
def test_take_names(text: str, name: str) -> None:
    assert takes.take_name(Recipe(text=text, seed=5)) == name
    assert len(name.encode()) <= 63
    assert bpy.data.actions.new(name).name == name


def test_take_names_tell_variations_apart() -> None:
    assert takes.take_name(Recipe(text="jump", seed=2**31 - 1, variation=3)) == "jump (seed 2147483647, 3)"
