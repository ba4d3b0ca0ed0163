"""Do motions of another face space play on a face in Blender, measured on its own mesh, and does the animator hear how well?"""

from __future__ import annotations

import re
from dataclasses import fields, replace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from understudy.blender_addon.animation import curves, face_conversion
from understudy.blender_addon.animation.axes import TO_BLENDER
from understudy.blender_addon.animation.face import key_face_now
from understudy.blender_addon.animation.face_geometry import geometry_of
from understudy.blender_addon.animation.face_keys import ARKIT_NAMES
from understudy.blender_addon.animation.face_target import FaceError, armature_of, find_face
from understudy.blender_addon.animation.flame_mesh import add_head
from understudy.core.contract import ARKIT, FLAME_2020, FLAME_2023, FaceMotion
from understudy.core.contract.head import DEFAULT_HEAD, FaceGeometry, HeadModel, face_geometry, posed_motion, read_head
from understudy.tests.blender_addon.animation.sample_faces import keyed_mesh
from understudy.tests.core.contract.head.other_heads import OtherHead, other_head

FRAMES = 9


@pytest.fixture(scope="module")
def ours() -> HeadModel:
    return read_head(DEFAULT_HEAD)


@pytest.fixture(scope="module")
def theirs(ours: HeadModel) -> OtherHead:
    return other_head(ours)


@pytest.fixture
def flame(theirs: OtherHead) -> bpy.types.Object:
    return add_head(theirs.model, "Flame")


@pytest.fixture(scope="module")
def spoken(ours: HeadModel) -> FaceMotion:
    """The mouth opens and smiles, brows go up, the head turns."""
    course = np.linspace(0, 1, FRAMES)
    expression = np.zeros((FRAMES, 52), np.float32)
    for name, values in {"jawOpen": course, "mouthSmileLeft": 1 - course, "mouthSmileRight": 1 - course, "browInnerUp": course}.items():
        expression[:, ours.expression_names.index(name)] = values
    head = np.random.default_rng(1).normal(0, 0.1, (FRAMES, 3)).astype(np.float32)
    return FaceMotion(expression, np.zeros((FRAMES, 3), np.float32), ours.expression_names, ARKIT, 24.0, head=head)


def test_the_geometry_of_an_added_head_is_its_model_s(flame: bpy.types.Object, theirs: OtherHead) -> None:
    assert_same(geometry_of(find_face(flame)), face_geometry(theirs.model))


def test_moved_turned_and_scaled_it_is_still_the_same(flame: bpy.types.Object, theirs: OtherHead) -> None:
    armature_of(flame).matrix_world = Matrix.Translation((3, 1, 2)) @ Matrix.Rotation(0.8, 4, "Z") @ Matrix.Scale(2, 4)
    bpy.context.view_layer.update()
    assert_same(geometry_of(find_face(flame)), face_geometry(theirs.model))


def test_keys_of_other_names_and_bones_of_smpl_x_are_the_same(flame: bpy.types.Object, theirs: OtherHead) -> None:
    for key in flame.data.shape_keys.key_blocks:
        if key.name.startswith("Exp"):
            key.name = f"Exp{int(key.name[3:]) - 1:03d}"
    for bone in armature_of(flame).data.bones:
        if "eye" in bone.name:
            bone.name += "_smplhf"
    assert_same(geometry_of(find_face(flame)), face_geometry(theirs.model))


def test_our_motion_plays_on_a_flame_head_as_it_should(
    flame: bpy.types.Object, theirs: OtherHead, ours: HeadModel, spoken: FaceMotion
) -> None:
    resting = replace(spoken, head=None)
    rms, moved, lips = told_millimetres(key_face_now(flame.name, resting, 1, 24).notices)
    wanted = theirs.should_be(posed_motion(ours, resting))
    face = np.linalg.norm(theirs.model.template - theirs.model.joints[3:].mean(0) + np.array([0, 0.03, 0]), axis=1) < 0.09
    misses = []
    for frame in range(FRAMES):
        bpy.context.scene.frame_set(1 + frame)
        misses.append(evaluated(flame)[face] - wanted[frame][face])
    truth = 1000 * np.sqrt((np.array(misses) ** 2).sum(2).mean())
    # Measured: 1.06 of 8 mm with the mouth as wide open as it goes, where the animator is told 0.7; lips 0.1
    assert truth < 1.4 and rms < 0.9 and moved > 7 and lips < 0.3
    assert ('key_blocks["Exp1"].value', 0) in read(flame.data.shape_keys)


def test_turns_of_the_head_come_along(flame: bpy.types.Object, spoken: FaceMotion) -> None:
    key_face_now(flame.name, spoken, 1, 24)
    quaternions = [read(armature_of(flame))['pose.bones["neck"].rotation_quaternion', part][:, 1] for part in range(4)]
    np.testing.assert_allclose(2 * np.arccos(np.abs(quaternions[0])), np.linalg.norm(spoken.head, axis=1), atol=1e-3)


def test_a_motion_of_flame_plays_on_our_head_and_on_any_mesh_with_arkit_keys(
    flame: bpy.types.Object, spoken: FaceMotion, ours: HeadModel
) -> None:
    flame.hide_set(True)
    official, _ = face_conversion.in_space_of(find_face(flame), spoken)
    assert official.space == FLAME_2020
    for face in (add_head(ours), keyed_mesh(ARKIT_NAMES, "Doll")):
        keyed = key_face_now(face.name, official, 1, 24)
        assert any("Converted from flame-2020 to arkit" in notice for notice in keyed.notices)
        opened = read(face.data.shape_keys)['key_blocks["jawOpen"].value', 0][:, 1]
        np.testing.assert_allclose(opened, np.linspace(0, 1, FRAMES), atol=0.1)


def test_without_a_head_of_the_motion_s_space_the_animator_hears_what_is_missing(ours: HeadModel) -> None:
    motion = FaceMotion(np.zeros((3, 50), np.float32), np.zeros((3, 3), np.float32), tuple(f"Exp{n}" for n in range(1, 51)), FLAME_2023, 25)
    with pytest.raises(FaceError, match=r"flame-2023 and “Head face” of arkit.*no head of flame-2023 is in this file.*Add FLAME Head"):
        key_face_now(add_head(ours, "Head").name, motion, 1, 24)


def test_a_face_that_cannot_be_measured_is_refused(spoken: FaceMotion) -> None:
    with pytest.raises(FaceError, match=r"arkit and “Doll” of flame-2020.*cannot be converted: “Doll” has no bone “jaw”"):
        key_face_now(keyed_mesh(["Exp1", "Exp2"], "Doll").name, spoken, 1, 24)


def test_the_fit_is_made_once_and_anew_for_a_face_that_was_sculpted(
    flame: bpy.types.Object, spoken: FaceMotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FaceGeometry] = []
    fit = face_conversion.fit_conversion
    monkeypatch.setattr(face_conversion, "fit_conversion", lambda source, target: made.append(target) or fit(source, target))
    monkeypatch.setattr(face_conversion, "_fits", {})
    for _ in range(2):
        face_conversion.in_space_of(find_face(flame), spoken)
    assert len(made) == 1
    flame.data.shape_keys.key_blocks["Exp1"].data[0].co.x += 0.01
    face_conversion.in_space_of(find_face(flame), spoken)
    assert len(made) == 2


def assert_same(face: FaceGeometry, expected: FaceGeometry) -> None:
    assert (face.space, face.expression_names) == (expected.space, expected.expression_names)
    assert {frozenset(map(int, row)) for row in face.triangles} == {frozenset(map(int, row)) for row in expected.triangles}
    for field in fields(face):
        array = getattr(face, field.name)
        if isinstance(array, np.ndarray) and field.name != "triangles":
            np.testing.assert_allclose(array, getattr(expected, field.name), atol=3e-6, err_msg=field.name)


def evaluated(face: bpy.types.Object) -> np.ndarray:
    """Vertices (V, 3) in our axes as Blender shows them."""
    mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    positions = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", positions)
    return positions.reshape(-1, 3) @ TO_BLENDER


def read(owner: curves.Owner) -> dict[tuple[str, int], np.ndarray]:
    slot = curves.playing_slot(owner)
    assert slot is not None
    return curves.read_curves(slot)


def told_millimetres(notices: tuple[str, ...]) -> tuple[float, ...]:
    sentence = next(notice for notice in notices if notice.startswith("Converted from arkit to flame-2020"))
    return tuple(float(number) for number in re.findall(r"([\d.]+) mm", sentence))
