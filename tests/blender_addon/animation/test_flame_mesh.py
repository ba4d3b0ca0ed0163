"""A head in real Blender against FLAME's formula: keys, bones and driven correctives put every vertex where the contract has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Quaternion, Vector

from understudy.blender_addon.animation import flame_mesh
from understudy.core.contract.head import DEFAULT_HEAD, FLAME_JOINTS, HeadModel, bone_locations, posed, read_head
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER
from understudy.tests.core.contract.head.flame_files import python_2_pickle, random_fields, write

MILLIMETRES = 1000.0
BAR_MM = 0.05
POSES = 4


@pytest.fixture(scope="session")
def flame_head(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    """From a file as FLAME 2020's, whose expressions move the joints."""
    return read_head(write(tmp_path_factory.mktemp("flame"), python_2_pickle(random_fields(vertices=300))))


@pytest.fixture(scope="session")
def default_head() -> HeadModel:
    return read_head(DEFAULT_HEAD)


def vertices_of(skin: bpy.types.Object) -> np.ndarray:
    """(V, 3) as they are drawn, metres, in our axes."""
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    evaluated = skin.evaluated_get(graph)
    places = np.empty((len(evaluated.data.vertices), 3), np.float32)
    evaluated.data.vertices.foreach_get("co", places.ravel())
    return places @ TO_BLENDER


def pose(skin: bpy.types.Object, head: HeadModel, expression: np.ndarray, rotations: np.ndarray) -> None:
    """expression: (E,), rotations: (5, 3)."""
    for name, value in zip(head.expression_names, expression, strict=False):
        skin.data.shape_keys.key_blocks[name].value = float(value)
    locations = bone_locations(head, expression[None], rotations[None])[0]
    for joint, turn, location in zip(FLAME_JOINTS, rotations, locations, strict=True):
        bone = skin.parent.pose.bones[joint]
        bone.rotation_quaternion = Quaternion(Vector(turn).normalized(), float(np.linalg.norm(turn)))
        bone.location = location


def worst_mm(head: HeadModel, expressions: np.ndarray, rotations: np.ndarray) -> float:
    skin = flame_mesh.add_head(head)
    exact = posed(head, expressions, rotations)
    worst = 0.0
    for frame in range(len(expressions)):
        pose(skin, head, expressions[frame], rotations[frame])
        worst = max(worst, float(np.linalg.norm(vertices_of(skin) - exact[frame], axis=1).max()))
    print(f"{head.space}: {worst * MILLIMETRES:.5f} mm at most")
    return worst * MILLIMETRES


def test_the_default_head_is_posed_as_by_the_formula(default_head: HeadModel) -> None:
    dice = np.random.default_rng(0)
    expressions, rotations = dice.random((POSES, 52)).astype(np.float32), dice.normal(0, 0.3, (POSES, 5, 3)).astype(np.float32)
    assert worst_mm(default_head, expressions, rotations) < BAR_MM


def test_a_flame_file_s_head_is_posed_as_by_the_formula(flame_head: HeadModel) -> None:
    dice = np.random.default_rng(1)
    expressions = dice.uniform(-9, 9, (POSES, 100)).astype(np.float32)
    assert worst_mm(flame_head, expressions, dice.normal(0, 0.5, (POSES, 5, 3)).astype(np.float32)) < BAR_MM


def test_the_correctives_follow_a_jaw_turned_by_hand_in_any_rotation_mode(default_head: HeadModel) -> None:
    skin = flame_mesh.add_head(default_head)
    jaw = skin.parent.pose.bones["jaw"]
    jaw.rotation_mode = "XYZ"
    jaw.rotation_euler = (np.radians(20), 0, 0)
    rotations = np.zeros((1, 5, 3), np.float32)
    rotations[0, 2, 0] = np.radians(20)
    exact = posed(default_head, np.zeros((1, 52), np.float32), rotations)[0]
    assert np.linalg.norm(vertices_of(skin) - exact, axis=1).max() * MILLIMETRES < BAR_MM
    assert abs(skin.data.shape_keys.key_blocks["Pose15"].value + np.sin(np.radians(20))) < 1e-5


def test_drivers_need_no_permission_to_run_python(default_head: HeadModel) -> None:
    drivers = flame_mesh.add_head(default_head).data.shape_keys.animation_data.drivers
    assert len(drivers) == 2  # all others of the jaw's nine correctives are zero
    assert all(curve.driver.is_simple_expression for curve in drivers)


def test_keys_are_named_and_wide(default_head: HeadModel, flame_head: HeadModel) -> None:
    own = flame_mesh.add_head(default_head).data.shape_keys.key_blocks
    assert own.keys() == ["Basis", *default_head.expression_names, "Pose15", "Pose17"]
    skin = flame_mesh.add_head(flame_head)
    flame = skin.data.shape_keys.key_blocks
    assert flame.keys() == ["Basis", *(f"Exp{n}" for n in range(1, 101)), *(f"Pose{n}" for n in range(1, 37))]
    assert {(flame[f"Exp{n}"].slider_min, flame[f"Exp{n}"].slider_max) for n in range(1, 101)} == {(-10.0, 10.0)}
    assert skin[flame_mesh.SPACE_PROPERTY] == "flame-2020"


def test_skin_parts_and_faces(default_head: HeadModel) -> None:
    mesh = flame_mesh.add_head(default_head).data
    assert [each.name for each in mesh.materials] == [f"Understudy {name}" for name in default_head.material_names]
    found = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", found)
    assert np.array_equal(found, default_head.material)
    assert all(polygon.use_smooth for polygon in mesh.polygons)
    nose = max(mesh.vertices, key=lambda vertex: -vertex.co.y)
    assert nose.normal.y < -0.5  # outwards


def test_faces_that_name_a_vertex_twice_do_no_harm(flame_head: HeadModel) -> None:
    faces = flame_head.faces.copy()
    faces[0] = (7, 7, 8)
    skin = flame_mesh.add_head(replace(flame_head, faces=faces))
    assert len(skin.data.vertices) == 300
    assert len(skin.data.polygons) < len(faces)


def test_it_survives_saving(default_head: HeadModel, tmp_path: Path) -> None:
    name = flame_mesh.add_head(default_head).name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    skin = bpy.data.objects[name]
    rest = vertices_of(skin)
    skin.parent.pose.bones["jaw"].rotation_quaternion = Quaternion((1, 0, 0), 0.35)
    assert 20 < np.linalg.norm(vertices_of(skin) - rest, axis=1).max() * MILLIMETRES < 60
    assert skin.data.shape_keys.key_blocks["Pose15"].value < -0.3


def test_one_undo_step_and_redo(default_head: HeadModel) -> None:
    name = flame_mesh.add_head(default_head).name
    bpy.ops.ed.undo_push(message="Add Head")
    bpy.ops.ed.undo()
    assert len(bpy.data.objects) == 0
    bpy.ops.ed.redo()
    skin = bpy.data.objects[name]
    skin.parent.pose.bones["jaw"].rotation_quaternion = Quaternion((1, 0, 0), 0.35)
    vertices_of(skin)
    assert skin.data.shape_keys.key_blocks["Pose15"].value < -0.3


def test_a_linked_head_can_be_overridden_and_posed(default_head: HeadModel, tmp_path: Path) -> None:
    stage = bpy.data.collections.new("Head")
    bpy.context.scene.collection.children.link(stage)
    flame_mesh.add_head(default_head, collection=stage)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.collections = ["Head"]
    overridden = wanted.collections[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    skin = next(each for each in overridden.all_objects if each.type == "MESH")
    skin.parent.pose.bones["jaw"].rotation_quaternion = Quaternion((1, 0, 0), 0.35)
    vertices_of(skin)
    assert skin.data.shape_keys.key_blocks["Pose15"].value == pytest.approx(-np.sin(0.35), abs=1e-5)


def test_mode_active_object_and_selection_stay(default_head: HeadModel) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    flame_mesh.add_head(default_head)
    assert (cube.mode, bpy.context.view_layer.objects.active, bpy.context.selected_objects) == ("EDIT", cube, [cube])
    assert len(bpy.data.scenes) == 1
