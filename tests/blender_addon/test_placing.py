"""Does what is added stand where an animator looks for it, free of what stands there, and at hand?"""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
import pytest

from understudy import blender_addon
from understudy.blender_addon import jobs, settings


@pytest.fixture(autouse=True)
def factory_scene() -> Iterator[settings.UnderstudySettings]:
    """The scene that Blender starts with, whose cube reaches from -1 to 1 m."""
    bpy.ops.wm.read_factory_settings()
    blender_addon.register()
    yield settings.of(bpy.context.scene)
    blender_addon.unregister()
    jobs.state.__init__()  # type: ignore[misc]


def box(armature: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) of its skin in the world."""
    bpy.context.view_layer.update()
    corners = np.array([child.matrix_world @ vertex.co for child in armature.children for vertex in child.data.vertices])
    return corners.min(0), corners.max(0)


def add(operator: str) -> bpy.types.Object:
    assert getattr(bpy.ops.understudy, operator)() == {"FINISHED"}
    active = bpy.context.view_layer.objects.active
    assert active.type == "ARMATURE"
    return active


@pytest.mark.parametrize("operator", ["add_character", "add_head"])
def test_the_default_cube_does_not_swallow_it(operator: str) -> None:
    low, _ = box(add(operator))
    assert 1.0 < low[0] < 1.2
    assert bpy.data.objects["Cube"].location.length == 0.0


@pytest.mark.parametrize("operator", ["add_character", "add_head"])
def test_without_a_cube_it_stands_at_the_cursor(operator: str) -> None:
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.context.scene.cursor.location = (3.0, -2.0, 0.5)
    assert tuple(add(operator).location) == (3.0, -2.0, 0.5)


def test_several_stand_in_a_row() -> None:
    boxes = [box(add("add_head")) for _ in range(3)]
    for (_, left), (right, _) in zip(boxes, boxes[1:], strict=False):
        assert left[0] < right[0] < left[0] + 0.2


@pytest.mark.parametrize(("size", "is_hidden", "display", "stands_at"), [
    ((40.0, 40.0, 20.0), False, "TEXTURED", 0.0),  # a room
    ((2.0, 2.0, 0.0), False, "TEXTURED", 0.0),  # a carpet
    ((2.0, 2.0, 2.0), True, "TEXTURED", 0.0),
    ((2.0, 2.0, 2.0), False, "WIRE", 0.0),
    ((2.9, 1.0, 1.0), False, "TEXTURED", 1.45 + 0.1),
])  # fmt: skip
def test_only_what_hides_it_is_in_the_way(size: tuple[float, ...], is_hidden: bool, display: str, stands_at: float) -> None:
    cube = bpy.data.objects["Cube"]
    cube.dimensions = size
    cube.hide_set(is_hidden)
    cube.display_type = display
    armature = add("add_head")
    low, _ = box(armature)
    assert (armature.location.x == 0.0) if stands_at == 0.0 else low[0] == pytest.approx(stands_at, abs=0.02)


def test_it_is_the_selection_and_deleted_as_a_whole() -> None:
    armature = add("add_character")
    assert set(bpy.context.selected_objects) == {armature, *armature.children_recursive}
    bpy.ops.object.delete()
    assert sorted(each.name for each in bpy.context.scene.objects) == ["Camera", "Cube", "Light"]


def test_a_pose_that_is_being_worked_on_stays_at_hand(factory_scene: settings.UnderstudySettings) -> None:
    first = add("add_character")
    bpy.ops.object.mode_set(mode="POSE")
    assert bpy.ops.understudy.add_character() == {"FINISHED"}
    assert bpy.context.mode == "POSE" and bpy.context.view_layer.objects.active == first
    assert factory_scene.character != first and factory_scene.character.location.x > 1.0
