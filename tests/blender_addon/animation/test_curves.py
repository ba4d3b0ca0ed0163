"""One way of writing F-curves for every Blender."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.curves import PropertyCurves
from understudy.blender_addon.animation.datablocks import Reference, Vanished

FRAMES = np.array([1.0, 2.5, 4.0], np.float32)
VALUES = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]], np.float32)


@pytest.fixture
def cube() -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    cube.shape_key_add(name="Basis")
    cube.shape_key_add(name='smile "wide"')
    return cube


def written(owner: bpy.types.ID, path: str = "location", values: np.ndarray = VALUES, **options: str) -> curves.ActionSlot:
    slot = curves.new_action("Take", owner)
    for _ in curves.write_curves(slot, FRAMES, [PropertyCurves(path, values, "Group")], **options):
        pass
    return slot


def test_nobody_plays_a_new_action(cube: bpy.types.Object) -> None:
    slot = written(cube)
    assert cube.animation_data is None
    assert slot.action.resolve().users == 0


def test_keys_are_read_back(cube: bpy.types.Object) -> None:
    keys = curves.read_curves(written(cube))
    assert set(keys) == {("location", 0), ("location", 1), ("location", 2)}
    for index in range(3):
        assert np.array_equal(keys["location", index], np.column_stack((FRAMES, VALUES[:, index])))


def test_a_bound_action_plays(cube: bpy.types.Object) -> None:
    curves.bind(written(cube), cube)
    bpy.context.scene.frame_set(2, subframe=0.5)
    assert tuple(cube.location) == (3.0, 4.0, 5.0)
    assert curves.bound_action(cube).name == "Take"


def test_shape_keys_play(cube: bpy.types.Object) -> None:
    keys = cube.data.shape_keys
    path = f'key_blocks["{bpy.utils.escape_identifier(keys.key_blocks[1].name)}"].value'
    curves.bind(written(keys, path, np.array([[0.0], [0.25], [1.0]], np.float32)), keys)
    bpy.context.scene.frame_set(4)
    assert keys.key_blocks[1].value == 1.0
    bpy.context.scene.frame_set(2, subframe=0.5)
    assert keys.key_blocks[1].value == 0.25


@pytest.mark.parametrize("interpolation", ["BEZIER", "LINEAR"])
def test_interpolation(cube: bpy.types.Object, interpolation: str) -> None:
    curves.bind(written(cube, values=VALUES**2, interpolation=interpolation), cube)
    bpy.context.scene.frame_set(3, subframe=0.25)
    between = (VALUES[1] ** 2 + VALUES[2] ** 2) / 2
    assert np.allclose(cube.location, between) == (interpolation == "LINEAR")


def test_binding_keeps_the_action_before(cube: bpy.types.Object) -> None:
    first, second = written(cube), written(cube)
    curves.bind(first, cube)
    assert not first.action.resolve().use_fake_user
    curves.bind(second, cube)
    assert first.action.resolve().use_fake_user
    curves.bind(second, cube)
    assert not second.action.resolve().use_fake_user


def test_binding_after_the_owner_was_renamed(cube: bpy.types.Object) -> None:
    slot = written(cube)
    cube.name = "Box"
    curves.bind(slot, cube)
    bpy.context.scene.frame_set(4)
    assert tuple(cube.location) == (6.0, 7.0, 8.0)


def test_text_name_and_frame_range(cube: bpy.types.Object) -> None:
    action = written(cube).action
    curves.set_text(action, curves.RECIPE_PROPERTY, '{"text": "winkt fröhlich 👋"}')
    curves.set_frame_range(action, 1.5, 4.25)
    assert curves.text(action, curves.RECIPE_PROPERTY) == '{"text": "winkt fröhlich 👋"}'
    assert curves.text(action, "nothing") == ""
    assert curves.rename(action, "Wave") == "Wave"
    bpy.data.actions.new("Jump")
    assert curves.rename(action, "Jump") == "Jump.001"
    found = action.resolve()
    assert (found.use_frame_range, found.frame_start, found.frame_end) == (True, 1.5, 4.25)


def test_only_actions_with_a_recipe_are_listed(cube: bpy.types.Object) -> None:
    bpy.data.actions.new("By hand")
    action = written(cube).action
    curves.set_text(action, curves.RECIPE_PROPERTY, "{}")
    assert curves.understudy_actions() == [action]


def test_removing_twice_is_harmless(cube: bpy.types.Object) -> None:
    slot = written(cube)
    curves.remove_action(slot.action)
    curves.remove_action(slot.action)
    assert len(bpy.data.actions) == 0
    with pytest.raises(Vanished, match="“Take” was deleted or undone"):
        curves.bind(slot, cube)
    assert cube.animation_data is None or cube.animation_data.action is None


def checksum(slot: curves.ActionSlot) -> str:
    slices = curves.fingerprint(slot)
    while True:
        try:
            next(slices)
        except StopIteration as done:
            return str(done.value)


@pytest.mark.parametrize(
    "edit",
    [
        lambda curve: setattr(curve.keyframe_points[1], "co", (2.5, 3.5)),
        lambda curve: setattr(curve.keyframe_points[1], "handle_left", (2.0, 9.0)),
        lambda curve: curve.keyframe_points.insert(9.0, 0.0),
        lambda curve: curve.keyframe_points.remove(curve.keyframe_points[0]),
        lambda curve: curve.modifiers.new("NOISE"),
        lambda curve: setattr(curve, "mute", True),
    ],
)
def test_the_fingerprint_sees_edits(cube: bpy.types.Object, edit: Callable[[bpy.types.FCurve], object]) -> None:
    slot = written(cube)
    before = checksum(slot)
    assert checksum(slot) == before
    edit(curves.channel_bag(slot).fcurves[1])
    assert checksum(slot) != before


def test_the_fingerprint_survives_playing_and_saving(cube: bpy.types.Object, tmp_path: Path) -> None:
    slot = written(cube)
    before = checksum(slot)
    curves.bind(slot, cube)
    bpy.context.scene.frame_set(3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "cube.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "cube.blend"))
    assert checksum(curves.first_slot(Reference.to(bpy.data.actions["Take"], "actions"))) == before


def test_an_action_for_two_owners_has_no_single_slot(cube: bpy.types.Object) -> None:
    action = written(cube).action.resolve()
    if not hasattr(action, "slots"):
        pytest.skip("4.2 and 4.3 have no slots")
    action.slots.new(id_type="KEY", name="Key")
    assert curves.first_slot(Reference.to(action, "actions")) is None


def test_a_removed_slot_is_reported(cube: bpy.types.Object) -> None:
    slot = written(cube)
    action = slot.action.resolve()
    if not hasattr(action, "slots"):
        pytest.skip("4.2 and 4.3 have no slots")
    action.slots.remove(action.slots[0])
    with pytest.raises(Vanished, match="slot “Cube” of the Action “Take” was removed"):
        curves.read_curves(slot)


def test_an_hour_of_keys_is_replaced_in_slices_that_hold_nothing_up(cube: bpy.types.Object) -> None:
    slot = curves.new_action("Take", cube)
    hour, later = np.arange(90_000.0), np.arange(90_000.0) + 3
    for _ in curves.write_curves(slot, hour, [PropertyCurves("location", np.ones((90_000, 1), np.float32), "Group")]):
        pass
    before = time.thread_time()
    longest = 0.0
    for _ in curves.write_curves(slot, later, [PropertyCurves("location", np.full((90_000, 1), 2, np.float32), "Group")]):
        longest = max(longest, time.thread_time() - before)
        before = time.thread_time()
    [keys] = curves.read_curves(slot).values()
    np.testing.assert_array_equal(keys, np.column_stack((np.arange(90_003), np.where(np.arange(90_003) < 3, 1, 2))))
    assert longest < 0.030


def test_bulk_writing_is_forty_times_faster_than_inserting(character: bpy.types.Object) -> None:
    """52 bones, 4 components, 600 frames: 124,800 keys."""
    frames = np.arange(600, dtype=np.float32)
    turning = np.column_stack((np.cos(frames / 100), np.sin(frames / 100), 0 * frames, 0 * frames)).astype(np.float32)
    properties = [PropertyCurves(f'pose.bones["{bone.name}"].rotation_quaternion', turning, bone.name) for bone in character.pose.bones]
    bulk = []
    for _ in range(7):  # the machine may be busy with other things in some of them
        start = time.perf_counter()
        slot = curves.new_action("Bulk", character)
        for _ in curves.write_curves(slot, frames, properties):
            pass
        bulk.append(time.perf_counter() - start)
    assert sum(len(keys) for keys in curves.read_curves(slot).values()) == 124_800
    start = time.perf_counter()
    for frame, values in zip(frames, turning, strict=True):
        for bone in character.pose.bones:
            bone.rotation_quaternion = values
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    inserting = time.perf_counter() - start
    print(f"bulk {min(bulk) * 1e3:.0f} ms, keyframe_insert {inserting * 1e3:.0f} ms: {inserting / min(bulk):.0f} times")
    assert inserting > 40 * min(bulk)
