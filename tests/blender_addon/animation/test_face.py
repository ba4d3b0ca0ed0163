"""A face motion on every kind of face: keys that play what the motion says, and everything else left as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.face import FACE_RECIPE_PROPERTY, key_face_now
from understudy.blender_addon.animation.flame_mesh import add_head
from understudy.core.contract import FLAME_2020, FaceMotion, flame_expression_names
from understudy.core.contract.head import DEFAULT_HEAD, LINEAR_JAW_NAMES, HeadModel, posed_motion, read_head
from understudy.tests.blender_addon.animation.sample_faces import arkit_motion, flame_motion, keyed_mesh, with_bones
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER
from understudy.tests.blender_addon.animation.test_flame_mesh import BAR_MM, MILLIMETRES, vertices_of
from understudy.tests.core.contract.head.flame_files import random_fields, write

HAS_SLOTS = bpy.app.version >= (4, 4, 0)


@pytest.fixture(scope="session")
def flame_head(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return replace(read_head(write(tmp_path_factory.mktemp("flame"), random_fields(vertices=300), "head.npz")), space=FLAME_2020)


def keys_of(owner: curves.Owner) -> dict[tuple[str, int], np.ndarray]:
    slot = curves.playing_slot(owner)
    assert slot is not None
    return curves.read_curves(slot)


def turn_matrix(turn: np.ndarray) -> np.ndarray:
    return np.array(Matrix.Rotation(float(np.linalg.norm(turn)), 3, Vector(turn)))


def value_keys(face: bpy.types.Object, key: str) -> np.ndarray:
    return keys_of(face.data.shape_keys)[f'key_blocks["{key}"].value', 0]


def worst_mm(skin: bpy.types.Object, head: HeadModel, motion: FaceMotion, start: int) -> float:
    exact, worst = posed_motion(head, motion), 0.0
    for number in (0, len(exact) // 2, len(exact) - 1):
        bpy.context.scene.frame_set(start + number)
        worst = max(worst, float(np.linalg.norm(vertices_of(skin) - exact[number], axis=1).max()))
    return worst * MILLIMETRES


def test_our_own_head_plays_the_motion() -> None:
    head = read_head(DEFAULT_HEAD)
    skin, motion = add_head(head), arkit_motion()
    keyed = key_face_now(skin.parent.name, motion, 5, 25.0)
    assert keyed.notices == ()
    assert keyed.actions == (("hello (happy)",) if HAS_SLOTS else ("hello (happy)", "hello (happy).001"))
    assert worst_mm(skin, head, motion, start=5) < BAR_MM


def test_a_flame_head_plays_the_motion_with_its_exact_jaw(flame_head: HeadModel) -> None:
    skin = add_head(flame_head)
    motion = replace(flame_motion(), head=arkit_motion().head, eyes=arkit_motion().eyes)
    assert key_face_now(skin.name, motion, 1, 25.0).notices == ()
    assert worst_mm(skin, flame_head, motion, start=1) < BAR_MM


def test_the_scene_s_rate_stays_and_the_motion_is_resampled() -> None:
    face, motion = keyed_mesh(["jawOpen"]), arkit_motion(frames=11, fps=25.0)
    bpy.context.scene.render.fps = 30
    key_face_now(face.name, motion, 7.5, 30.0)
    assert bpy.context.scene.render.fps == 30
    wanted = motion.resampled(30.0).expression[:, motion.expression_names.index("jawOpen")]
    np.testing.assert_allclose(value_keys(face, "jawOpen"), np.column_stack((7.5 + np.arange(13), wanted)), atol=1e-6)


@pytest.mark.parametrize("names", [
    flame_expression_names(100), [f"Exp{number:03d}" for number in range(50)], [f"exp_{number}" for number in range(1, 51)],
])  # fmt: skip
def test_flame_and_smplx_meshes_by_their_names(names: Sequence[str]) -> None:
    face, motion = keyed_mesh(names), flame_motion(frames=3)
    with_bones(face, ["neck", "jaw"])
    key_face_now(face.name, motion, 1, 25.0)
    for number in (0, 9, 49):
        np.testing.assert_allclose(value_keys(face, names[number])[:, 1], motion.expression[:, number], atol=1e-6)


@pytest.mark.parametrize(
    "names", [["neck", "jaw", "left_eye", "right_eye"], ["pelvis", "neck", "jaw", "left_eye_smplhf", "right_eye_smplhf"]]
)
def test_bones_of_any_roll_turn_about_the_head_s_axes(names: list[str]) -> None:
    face = keyed_mesh(flame_expression_names(50))
    rig = with_bones(face, names)
    motion = replace(flame_motion(frames=3), eyes=arkit_motion(3).eyes)
    key_face_now(face.name, motion, 1, 25.0)
    for frame in range(3):
        bpy.context.scene.frame_set(1 + frame)
        for name, turn in ((names[-3], motion.jaw[frame]), (names[-2], motion.eyes[frame, 0]), (names[-1], motion.eyes[frame, 1])):
            bone = rig.pose.bones[name]
            moved = np.array(bone.matrix.to_3x3()) @ np.array(bone.bone.matrix_local.to_3x3()).T
            assert np.allclose(moved, TO_BLENDER @ turn_matrix(turn) @ TO_BLENDER.T, atol=1e-5)


def test_our_own_body_talks_too(character: bpy.types.Object) -> None:
    keyed = key_face_now(character.name, replace(arkit_motion(), head=None, eyes=None), 1, 25.0)
    assert keyed.notices == ()
    assert len(keys_of(character.children[0].data.shape_keys)) == 52
    assert character.animation_data is None


def test_a_body_keeps_its_own_neck() -> None:
    face = keyed_mesh(arkit_motion().expression_names)
    rig = with_bones(face, ["pelvis", "neck", "left_eye", "right_eye"])
    notices = key_face_now(face.name, arkit_motion(), 1, 25.0).notices
    assert any("head's turns are left out" in notice for notice in notices)
    assert {path.split('"')[1] for path, _ in keys_of(rig)} == {"left_eye", "right_eye"}


def test_foreign_correctives_are_keyed_because_nothing_drives_them() -> None:
    face = keyed_mesh([*flame_expression_names(50), *(f"Pose{number}" for number in range(1, 37))])
    with_bones(face, ["neck", "jaw"])
    motion = flame_motion(frames=2)
    key_face_now(face.name, motion, 1, 25.0)
    np.testing.assert_allclose(value_keys(face, "Pose15")[:, 1], [turn_matrix(jaw)[1, 2] for jaw in motion.jaw], atol=1e-6)
    assert ('key_blocks["Pose1"].value', 0) not in keys_of(face.data.shape_keys)  # the neck rests


def test_a_mesh_without_bones_opens_its_mouth_by_flame_s_nine_jaw_keys() -> None:
    face, motion = keyed_mesh([*flame_expression_names(50), *LINEAR_JAW_NAMES]), flame_motion(frames=3)
    key_face_now(face.name, motion, 1, 25.0)
    np.testing.assert_allclose(value_keys(face, "JawR12")[:, 1], [turn_matrix(jaw)[1, 2] for jaw in motion.jaw], atol=1e-6)


def test_a_linked_head_that_is_overridden_talks(tmp_path: Path) -> None:
    stage = bpy.data.collections.new("Head")
    bpy.context.scene.collection.children.link(stage)
    add_head(read_head(DEFAULT_HEAD), collection=stage)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.collections = ["Head"]
    overridden = wanted.collections[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    skin = next(each for each in overridden.all_objects if each.type == "MESH")
    assert key_face_now(skin.name, arkit_motion(), 1, 25.0).notices == ()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    skin = next(each for each in bpy.data.objects if each.type == "MESH" and each.library is None)
    assert worst_mm(skin, read_head(DEFAULT_HEAD), arkit_motion(), start=1) < BAR_MM


def test_the_animator_s_own_map() -> None:
    face, motion = keyed_mesh(["Mouth wide", "jawOpen"]), arkit_motion(frames=3)
    key_face_now(face.name, motion, 1, 25.0, {"jawOpen": "Mouth wide"})
    assert set(keys_of(face.data.shape_keys)) == {('key_blocks["Mouth wide"].value', 0)}


def test_other_keys_on_the_same_curve_and_other_curves_stay() -> None:
    face = keyed_mesh(["jawOpen", "mouthClose", "Hair"])
    blocks = face.data.shape_keys.key_blocks
    for frame, value in ((-5, 0.1), (3, 0.9), (4.5, 0.8), (100, 0.2)):
        blocks["jawOpen"].value = blocks["Hair"].value = value
        blocks["jawOpen"].keyframe_insert("value", frame=frame)
        blocks["Hair"].keyframe_insert("value", frame=frame)
    action = face.data.shape_keys.animation_data.action
    name, action["mine"] = action.name, 7
    before = keys_of(face.data.shape_keys)['key_blocks["jawOpen"].value', 0]
    key_face_now(face.name, arkit_motion(), 1, 25.0)
    after = value_keys(face, "jawOpen")
    assert after[:, 0].tolist() == [-5.0, *range(1, 12), 100.0]
    np.testing.assert_array_equal(after[[0, -1]], before[[0, -1]])
    np.testing.assert_allclose(value_keys(face, "Hair")[:, 0], [-5, 3, 4.5, 100])
    playing = face.data.shape_keys.animation_data.action
    assert (playing.name, playing["mine"], len(bpy.data.actions)) == (name, 7, 1)


def test_kept_keys_keep_their_kind_and_handles() -> None:
    face = keyed_mesh(["jawOpen"])
    key = face.data.shape_keys.key_blocks["jawOpen"]
    for frame in (-20, -10, 50):
        key.keyframe_insert("value", frame=frame)
    slot = curves.playing_slot(face.data.shape_keys)
    point = curves.channel_bag(slot).fcurves[0].keyframe_points[0]
    point.interpolation, point.type, point.easing = "CONSTANT", "EXTREME", "EASE_IN"
    point.handle_left_type = point.handle_right_type = "FREE"
    point.handle_left, point.handle_right = (-23.0, 0.4), (-17.0, -0.3)
    key_face_now(face.name, arkit_motion(), 1, 25.0)
    points = curves.channel_bag(curves.playing_slot(face.data.shape_keys)).fcurves[0].keyframe_points
    kept = points[0]
    assert (kept.interpolation, kept.type, kept.easing, kept.handle_left_type) == ("CONSTANT", "EXTREME", "EASE_IN", "FREE")
    assert (tuple(kept.handle_left), tuple(kept.handle_right)) == ((-23.0, pytest.approx(0.4)), (-17.0, pytest.approx(-0.3)))
    assert {(point.type, point.handle_left_type) for point in list(points)[2:-1]} == {("GENERATED", "AUTO_CLAMPED")}


def test_applied_twice_it_is_the_same_and_one_action() -> None:
    skin = add_head(read_head(DEFAULT_HEAD))
    first = key_face_now(skin.name, arkit_motion(), 1, 25.0)
    before = keys_of(skin.data.shape_keys)
    second = key_face_now(skin.name, arkit_motion(), 1, 25.0)
    after = keys_of(skin.data.shape_keys)
    assert (first.actions, len(bpy.data.actions)) == (second.actions, 1 if HAS_SLOTS else 2)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[path], after[path]) for path in before)


def test_a_later_line_joins_the_earlier_one() -> None:
    face = keyed_mesh(["jawOpen"])
    key_face_now(face.name, arkit_motion(seed=1), 1, 25.0)
    key_face_now(face.name, arkit_motion(seed=2), 40, 25.0)
    assert value_keys(face, "jawOpen")[:, 0].tolist() == [*range(1, 12), *range(40, 51)]


def test_the_face_joins_the_action_of_its_body() -> None:
    face = keyed_mesh(arkit_motion().expression_names)
    rig = with_bones(face, ["pelvis", "left_eye", "right_eye"])
    rig.pose.bones["pelvis"].keyframe_insert("location", frame=1)
    name = rig.animation_data.action.name
    key_face_now(rig.name, arkit_motion(), 1, 25.0)
    assert ('pose.bones["pelvis"].location', 0) in keys_of(rig)
    assert rig.animation_data.action.name == name
    assert (face.data.shape_keys.animation_data.action == rig.animation_data.action) == HAS_SLOTS
    bpy.context.scene.frame_set(3)
    wanted = arkit_motion().expression[2, arkit_motion().expression_names.index("jawOpen")]
    assert face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(wanted, abs=1e-5)


def test_an_action_that_others_play_too_is_left_to_them() -> None:
    face, twin = keyed_mesh(["jawOpen"]), keyed_mesh(["jawOpen"], "Twin")
    key_face_now(face.name, arkit_motion(seed=1), 1, 25.0)
    shared = face.data.shape_keys.animation_data.action
    track = twin.data.shape_keys.animation_data_create().nla_tracks.new()
    track.strips.new("Take", 1, shared)
    before = value_keys(face, "jawOpen").copy()
    key_face_now(face.name, arkit_motion(seed=2), 1, 25.0)
    assert track.strips[0].action == shared != face.data.shape_keys.animation_data.action
    np.testing.assert_array_equal(
        curves.read_curves(curves.first_slot(curves.Reference.to(shared, "actions")))['key_blocks["jawOpen"].value', 0], before
    )


@pytest.mark.skipif(not HAS_SLOTS, reason="4.2 and 4.3 have no slots")
def test_an_action_that_is_chosen_but_has_no_slot_for_the_face_is_kept() -> None:
    face = keyed_mesh(["jawOpen"])
    action = bpy.data.actions.new("By hand")
    animation = face.data.shape_keys.animation_data_create()
    animation.action = action
    assert animation.action_slot is None
    key_face_now(face.name, arkit_motion(), 1, 25.0)
    assert len(value_keys(face, "jawOpen")) == 11
    assert bpy.data.actions["By hand"].use_fake_user


def test_an_action_kept_by_hand_stays_kept_under_its_name() -> None:
    face = keyed_mesh(["jawOpen"])
    key_face_now(face.name, arkit_motion(seed=1), 1, 25.0)
    action = face.data.shape_keys.animation_data.action
    action.name, action.use_fake_user = "Line 7", True
    key_face_now(face.name, arkit_motion(seed=2), 40, 25.0)
    action = face.data.shape_keys.animation_data.action
    assert (action.name, action.use_fake_user, len(bpy.data.actions)) == ("Line 7", True, 1)


def test_the_recipe_stays_with_the_action() -> None:
    face = keyed_mesh(["jawOpen"])
    key_face_now(face.name, arkit_motion(seed=3), 1, 25.0)
    assert face.data.shape_keys.animation_data.action[FACE_RECIPE_PROPERTY] == arkit_motion(seed=3).recipe.to_json()


def test_it_plays_after_saving(tmp_path: Path) -> None:
    name = add_head(read_head(DEFAULT_HEAD)).name
    key_face_now(name, arkit_motion(), 1, 25.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "face.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "face.blend"))
    assert worst_mm(bpy.data.objects[name], read_head(DEFAULT_HEAD), arkit_motion(), start=1) < BAR_MM
