"""The default character: SMPL's axes in every bone, feet on the grid, and the user's state untouched."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

from understudy.blender_addon.animation import smpl_armature
from understudy.blender_addon.animation.smpl_armature import add_character
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER

BODY = np.load(smpl_armature.DEFAULT_BODY)


def mesh_of(character: bpy.types.Object) -> bpy.types.Object:
    return character.children[0]


def deformed(character: bpy.types.Object) -> np.ndarray:
    """Vertices (V, 3) in the world as they are drawn."""
    evaluated = mesh_of(character).evaluated_get(bpy.context.evaluated_depsgraph_get())
    positions = np.empty((len(evaluated.data.vertices), 3), np.float32)
    evaluated.data.vertices.foreach_get("co", positions.ravel())
    return positions


def test_bones_have_smpl_names_parents_and_places(character: bpy.types.Object) -> None:
    bones = character.data.bones
    assert set(bones.keys()) == set(BODY["joint_names"])
    for name, parent, joint in zip(BODY["joint_names"], BODY["parents"], BODY["joints"], strict=True):
        assert (bones[name].parent.name if bones[name].parent else "") == (BODY["joint_names"][parent] if parent >= 0 else "")
        assert np.allclose(bones[name].head_local, TO_BLENDER @ joint, atol=1e-6)


def test_every_bone_s_axes_are_smpl_s(character: bpy.types.Object) -> None:
    for bone in character.data.bones:
        assert np.allclose(bone.matrix_local.to_3x3(), TO_BLENDER, atol=1e-6), bone.name
        assert bone.tail_local.z > bone.head_local.z
    assert {bone.rotation_mode for bone in character.pose.bones} == {"QUATERNION"}


def test_limb_shapes_point_from_joint_to_joint(character: bpy.types.Object) -> None:
    for name, child in (("left_hip", "left_knee"), ("right_shoulder", "right_elbow"), ("pelvis", "spine1"), ("left_wrist", "left_middle1")):
        bone = character.pose.bones[name]
        tip = bone.custom_shape_rotation_euler.to_matrix() @ Vector((0, bone.custom_shape_scale_xyz.y, 0))
        assert np.allclose(bone.bone.matrix_local @ tip, character.data.bones[child].head_local, atol=1e-5), name


def test_it_stands_on_the_grid_and_faces_minus_y(character: bpy.types.Object) -> None:
    vertices = deformed(character)
    assert np.allclose(vertices, BODY["vertices"] @ TO_BLENDER.T, atol=1e-5)
    assert abs(vertices[:, 2].min()) < 0.002
    assert 1.6 < vertices[:, 2].max() < 1.8
    soles = vertices[vertices[:, 2] < 0.03]
    assert soles[:, 1].min() < -0.15  # toes
    assert 0.03 < soles[:, 1].max() < 0.1  # heels


def test_skin_follows_the_bones(character: bpy.types.Object) -> None:
    rest = deformed(character)
    character.pose.bones["left_elbow"].rotation_quaternion = (np.sqrt(0.5), 0, 0, np.sqrt(0.5))  # raises the forearm
    bpy.context.view_layer.update()
    moved = np.linalg.norm(deformed(character) - rest, axis=1) > 0.01
    assert moved.any()
    assert (rest[moved, 0] > 0.3).all()
    assert deformed(character)[moved, 2].max() > 1.6 > rest[moved, 2].max()


def test_weights_materials_and_faces(character: bpy.types.Object) -> None:
    skin = mesh_of(character)
    assert [group.name for group in skin.vertex_groups] == list(BODY["joint_names"])
    for vertex in (0, 5000, 13885):
        expected = {int(j): float(w) for j, w in zip(BODY["weight_joints"][vertex], BODY["weights"][vertex], strict=True) if w > 0}
        assert {group.group: group.weight for group in skin.data.vertices[vertex].groups} == pytest.approx(expected)
    materials = np.empty(len(skin.data.polygons), np.int32)
    skin.data.polygons.foreach_get("material_index", materials)
    assert np.array_equal(materials, BODY["material"])
    assert [material.name for material in skin.data.materials] == [f"Understudy {name}" for name in BODY["material_names"]]
    assert all(polygon.use_smooth for polygon in skin.data.polygons)


def test_face_shapes_move_the_face(character: bpy.types.Object) -> None:
    rest = deformed(character)
    shapes = mesh_of(character).data.shape_keys.key_blocks
    assert shapes.keys() == ["Basis", *BODY["shape_names"]]
    shapes["jawOpen"].value = 1.0
    bpy.context.view_layer.update()
    offsets = deformed(character) - rest
    assert -0.041 < offsets[:, 2].min() < -0.02
    assert rest[np.abs(offsets).max(axis=1) > 0.003, 2].min() > 1.35


def test_more_characters_have_their_own_data_and_share_materials() -> None:
    first, second = add_character(), add_character()
    assert (first.name, second.name) == ("Understudy", "Understudy.001")
    assert first.data != second.data
    assert mesh_of(first).data != mesh_of(second).data
    assert mesh_of(first).data.shape_keys != mesh_of(second).data.shape_keys
    assert len(bpy.data.materials) == 6
    assert len([shared for shared in bpy.data.objects if "limb" in shared.name]) == 1


def test_a_name_and_a_collection_of_one_s_own() -> None:
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    hero = add_character("Hero", cast)
    assert hero.name == "Hero"
    assert set(cast.objects) == {hero, *hero.children}
    assert hero[smpl_armature.BODY_PROPERTY] == "default_body"


def test_it_goes_to_the_active_collection() -> None:
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children["Cast"]
    assert add_character().users_collection == (cast,)


@pytest.mark.parametrize("hidden", ["exclude", "hide_viewport"])
def test_a_hidden_active_collection_is_no_obstacle(hidden: str) -> None:
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    layer = bpy.context.view_layer.layer_collection.children["Cast"]
    setattr(layer, hidden, True)
    hero = add_character(collection=cast)
    assert len(hero.pose.bones) == 52
    assert hero.pose.bones["pelvis"].rotation_mode == "QUATERNION"


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT", "SCULPT", "WEIGHT_PAINT"])
def test_the_user_s_mode_active_object_and_selection_stay(mode: str) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.select_set(False)
    cube.select_set(True)
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode=mode)
    scenes = list(bpy.data.scenes)
    add_character()
    assert (cube.mode, bpy.context.view_layer.objects.active, bpy.context.selected_objects) == (mode, cube, [cube])
    assert list(bpy.data.scenes) == scenes
    assert bpy.context.scene == scenes[0]


def test_another_armature_in_edit_mode_keeps_its_edits(character: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="EDIT")
    character.data.edit_bones.new("tail").tail = (0, 1, 0)
    add_character()
    assert character.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "tail" in character.data.bones


def test_it_survives_saving(character: bpy.types.Object, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "cast.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "cast.blend"))
    loaded = bpy.data.objects["Understudy"]
    assert loaded.pose.bones["head"].custom_shape.name == "Understudy limb"
    assert loaded[smpl_armature.BODY_PROPERTY] == "default_body"


def test_undo_takes_it_away_again() -> None:
    bpy.ops.ed.undo_push(message="Before")
    add_character()
    bpy.ops.ed.undo_push(message="Add character")
    bpy.ops.ed.undo()
    assert len(bpy.data.objects) == 0
    bpy.ops.ed.redo()
    assert len(bpy.data.objects["Understudy"].pose.bones) == 52
