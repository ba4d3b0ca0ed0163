"""Whatever happens while keys are written, the file is either as before or complete."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import body
from understudy.blender_addon.animation.datablocks import Vanished
from understudy.blender_addon.animation.rig import RigError
from understudy.core.contract import BadRequest, BodyMotion
from understudy.tests.blender_addon.animation.sample_motions import joint_positions, random_motion
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER, joint_heads

MOTION = random_motion(frames=6, seed=1)
EARLIER = random_motion(frames=6, seed=2)
STEPS = (0, 1, 2, 10, 60, 100, 140, 250, 340)  # of 370 or so


def state(armature: bpy.types.Object) -> tuple:
    """Everything that keying changes."""
    animation = armature.animation_data
    actions = sorted((action.name, action.use_fake_user) for action in bpy.data.actions)
    return (actions, animation and animation.action and animation.action.name, [bone.rotation_mode for bone in armature.pose.bones])


def poses(armature: bpy.types.Object, motion: BodyMotion) -> bool:
    bpy.context.scene.frame_set(3)
    return bool(np.abs(joint_heads(armature) - joint_positions(motion)[2] @ TO_BLENDER.T).max() < 1e-4)


def started(name: str, steps: int) -> Generator[None, None, tuple[str, ...]]:
    slices = body.key_motion(name, MOTION, 1, 20.0, variations=[random_motion(frames=6, seed=3)])
    for _ in range(steps):
        next(slices)
    return slices


def run(slices: Generator[None, None, tuple[str, ...]]) -> None:
    for _ in slices:
        pass


@pytest.mark.parametrize("steps", STEPS)
def test_cancel_leaves_the_file_as_it_was(character: bpy.types.Object, steps: int) -> None:
    character.pose.bones["head"].rotation_mode = "XYZ"
    body.key_motion_now(character.name, EARLIER, 1, 20.0)
    character.pose.bones["head"].rotation_mode = "XYZ"
    before = state(character)
    started(character.name, steps).close()
    assert state(character) == before


@pytest.mark.parametrize("steps", STEPS)
def test_the_old_take_plays_until_the_new_one_is_whole(character: bpy.types.Object, steps: int) -> None:
    body.key_motion_now(character.name, EARLIER, 1, 20.0)
    slices = started(character.name, steps)
    assert poses(character, EARLIER)
    run(slices)
    assert poses(character, MOTION)


@pytest.mark.parametrize("steps", STEPS[1:])
def test_rig_deleted_in_between(character: bpy.types.Object, steps: int) -> None:
    slices = started(character.name, steps)
    bpy.data.objects.remove(character)
    with pytest.raises(Vanished, match=r"“Understudy” was deleted or undone"):
        run(slices)
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize("steps", STEPS[1:])
def test_rig_renamed_in_between_is_still_keyed(character: bpy.types.Object, steps: int) -> None:
    slices = started(character.name, steps)
    character.name = "Hero"
    run(slices)
    assert poses(character, MOTION)


@pytest.mark.parametrize("steps", [10, 60, 140, 250, 340])
def test_action_deleted_in_between(character: bpy.types.Object, steps: int) -> None:
    slices = started(character.name, steps)
    bpy.data.actions.remove(bpy.data.actions["wander about (seed 1)"])
    before = state(character)[1:]
    with pytest.raises(Vanished, match=r"“wander about \(seed 1\)” was deleted or undone"):
        run(slices)
    assert len(bpy.data.actions) == 0
    assert state(character)[1:] == before


@pytest.mark.parametrize("steps", STEPS[1:])
def test_bone_renamed_in_between(character: bpy.types.Object, steps: int) -> None:
    slices = started(character.name, steps)
    character.data.bones["left_knee"].name = "knie"
    with pytest.raises(RigError, match="missing: left_knee"):
        run(slices)
    assert len(bpy.data.actions) == 0


def test_rest_pose_changed_in_between(character: bpy.types.Object) -> None:
    slices = started(character.name, 60)
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="EDIT")
    character.data.edit_bones["left_knee"].roll = 1.0
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(RigError, match="bones of “Understudy” changed"):
        run(slices)
    assert len(bpy.data.actions) == 0


def test_edit_mode_entered_in_between(character: bpy.types.Object) -> None:
    slices = started(character.name, 60)
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RigError, match="Edit Mode: press Tab"):
        run(slices)
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize("steps", STEPS)
def test_undo_in_between_neither_crashes_nor_leaves_half_a_take(character: bpy.types.Object, steps: int) -> None:
    name = character.name
    bpy.ops.ed.undo_push(message="Add character")
    character.location.x = 1.0
    bpy.ops.ed.undo_push(message="Move")
    slices = started(name, steps)
    bpy.ops.ed.undo()
    if steps > 1:  # the undo took the unfinished Action away
        with pytest.raises(Vanished, match="was deleted or undone"):
            run(slices)
        assert len(bpy.data.actions) == 0
    else:
        run(slices)
        assert len(bpy.data.actions) == 2
        assert poses(bpy.data.objects[name], MOTION)


def test_undo_that_takes_the_rig_away(character: bpy.types.Object) -> None:
    bpy.ops.ed.undo_push(message="Add character")
    slices = started(character.name, 30)
    bpy.ops.ed.undo()
    with pytest.raises(Vanished):
        run(slices)
    assert (len(bpy.data.actions), len(bpy.data.objects)) == (0, 0)


def test_undo_and_redo_of_a_generation(character: bpy.types.Object) -> None:
    name = character.name
    body.key_motion_now(name, EARLIER, 1, 20.0)
    bpy.ops.ed.undo_push(message="First")
    body.key_motion_now(name, MOTION, 1, 20.0)
    bpy.ops.ed.undo_push(message="Second")
    bpy.ops.ed.undo()
    assert poses(bpy.data.objects[name], EARLIER)
    assert bpy.data.actions.keys() == ["wander about (seed 2)"]
    bpy.ops.ed.redo()
    assert poses(bpy.data.objects[name], MOTION)
    bpy.ops.ed.undo()
    body.key_motion_now(name, random_motion(frames=6, seed=5), 1, 20.0)
    assert poses(bpy.data.objects[name], random_motion(frames=6, seed=5))


def test_a_motion_that_is_not_a_number(character: bpy.types.Object) -> None:
    rotations = MOTION.rotations.copy()
    rotations[2, 5, 1] = np.nan
    broken = replace(MOTION, rotations=rotations)
    before = state(character)
    with pytest.raises(BadRequest, match="1 of the motion's 6 frames"):
        body.key_motion_now(character.name, broken, 1, 20.0)
    with pytest.raises(BadRequest, match="1 of the motion's 6 frames"):
        body.key_motion_now(character.name, MOTION, 1, 20.0, variations=[broken])
    assert state(character) == before


def test_a_motion_without_a_joint(character: bpy.types.Object) -> None:
    headless = replace(MOTION, joint_names=tuple(name.replace("head", "hat") for name in MOTION.joint_names))
    with pytest.raises(BadRequest, match="no joint “head”"):
        body.key_motion_now(character.name, headless, 1, 20.0)
    assert len(bpy.data.actions) == 0


def test_unknown_armature() -> None:
    with pytest.raises(RigError, match="no object “Nobody”"):
        body.key_motion_now("Nobody", MOTION, 1, 20.0)


def test_linked_character_is_refused_and_an_override_is_keyed(character: bpy.types.Object, tmp_path: Path) -> None:
    library = str(tmp_path / "cast.blend")
    bpy.data.libraries.write(library, {character})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (_, linked):
        linked.objects = ["Understudy"]
    actor = bpy.data.objects["Understudy"]
    bpy.context.collection.objects.link(actor)
    bpy.context.view_layer.update()
    with pytest.raises(RigError, match=r"linked from cast\.blend .* Library Override"):
        body.key_motion_now("Understudy", MOTION, 1, 20.0)
    assert len(bpy.data.actions) == 0
    override = actor.override_create()
    bpy.context.collection.objects.link(override)
    bpy.context.view_layer.update()
    body.key_motion_now("Understudy", MOTION, 1, 20.0)
    assert override.animation_data.action is not None
    assert poses(override, MOTION)
