"""Faces that cannot take keys: one sentence that says what to do, and the file as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import curves, face_target
from understudy.blender_addon.animation.datablocks import Vanished
from understudy.blender_addon.animation.face import key_face, key_face_now
from understudy.blender_addon.animation.face_lines import FaceLine
from understudy.blender_addon.animation.face_target import FaceError
from understudy.core.contract import FLAME_2023, FaceMotion, flame_expression_names
from understudy.tests.blender_addon.animation.sample_faces import arkit_motion, flame_motion, keyed_mesh, with_bones

MOTION = arkit_motion()


def state() -> tuple:
    """Everything that keying changes."""
    actions = sorted((action.name, action.users, action.use_fake_user) for action in bpy.data.actions)
    sliders = [(key.name, block.name, block.slider_min, block.slider_max) for key in bpy.data.shape_keys for block in key.key_blocks]
    modes = [bone.rotation_mode for each in bpy.data.objects if each.type == "ARMATURE" for bone in each.pose.bones]
    return actions, sliders, modes


def refused(name: str, motion: FaceMotion, sentence: str) -> None:
    before = state()
    with pytest.raises(FaceError, match=sentence):
        key_face_now(name, motion, 1, 25.0)
    assert state() == before


def shared(face: bpy.types.Object) -> None:
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Twin", face.data))


def driven(face: bpy.types.Object) -> None:
    for name in ("jawOpen", "mouthClose"):
        face.data.shape_keys.driver_add(face_target.value_path(name)).driver.expression = "0.5"


def locked(face: bpy.types.Object) -> None:
    face.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=3)
    curves.channel_bag(curves.playing_slot(face.data.shape_keys)).fcurves[0].lock = True


def in_edit_mode(face: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = face
    bpy.ops.object.mode_set(mode="EDIT")


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda face: face.shape_key_clear(), "“Face” has no shape keys: choose a mesh with ARKit's 52 keys"),
    (lambda face: setattr(face.data.shape_keys, "use_relative", False), "shape keys of “Face” are absolute.*tick Relative"),
    (shared, "2 objects share the mesh of “Face”, so “Twin” would talk too: .*Make Single User"),
    (driven, "Drivers decide all face keys of “Face”"),
    (locked, r"Curves of “Face” are locked or muted \(jawOpen\), so nothing was written"),
    (in_edit_mode, "“Face” is in Edit Mode: press Tab"),
])  # fmt: skip
def test_a_state_that_forbids_it(change: Callable[[bpy.types.Object], object], sentence: str) -> None:
    face = keyed_mesh(["jawOpen", "mouthClose"])
    change(face)
    refused(face.name, MOTION, sentence)


def test_names_that_are_no_face_s() -> None:
    refused(keyed_mesh(["Key 1", "Key 2"]).name, MOTION, "None of the 2 shape keys of “Face” is a face's by name: name them in its map")


def test_no_such_object_and_no_mesh() -> None:
    refused("Nobody", MOTION, "no object “Nobody”")
    bpy.ops.object.camera_add()
    refused("Camera", MOTION, "“Camera” is not a face: choose a mesh")
    assert face_target.refusal(None).startswith("Nothing is chosen: choose a mesh")


def test_a_face_that_was_deleted_while_the_sidebar_names_it() -> None:
    face = keyed_mesh(["jawOpen"])
    bpy.context.scene.collection.objects.unlink(face)
    refused(face.name, MOTION, "“Face” is in no scene any more: choose a mesh")


def test_another_face_space() -> None:
    face = keyed_mesh(flame_expression_names(100))
    refused(face.name, MOTION, "motion is of the face space arkit and “Face” of flame-2020")
    refused(face.name, flame_motion(space=FLAME_2023), "face space flame-2023 and “Face” of flame-2020")
    refused(keyed_mesh(["jawOpen"], "Doll").name, flame_motion(), "face space flame-2020 and “Doll” of arkit")


def test_a_mouth_that_cannot_open() -> None:
    face = keyed_mesh(flame_expression_names(50))
    refused(face.name, flame_motion(), r"neither a jaw bone nor FLAME's jaw keys, .*opens it by \d+ degrees")
    key_face_now(face.name, replace(flame_motion(), jaw=np.zeros((11, 3), np.float32)), 1, 25.0)


def test_a_map_to_a_key_that_is_gone() -> None:
    face = keyed_mesh(["jawOpen"])
    with pytest.raises(FaceError, match="map of “Face” names the shape key “Mouth”, which it does not have"):
        key_face_now(face.name, MOTION, 1, 25.0, {"jawOpen": "Mouth"})


def test_linked_faces(tmp_path: Path) -> None:
    keyed_mesh(["jawOpen"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Face"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    refused("Face", MOTION, "“Face” is linked from library.blend and cannot take keys here: use Object > Library Override > Make first")


def test_an_overridden_face_whose_mesh_is_still_linked(tmp_path: Path) -> None:
    face, cast = keyed_mesh(["jawOpen"]), bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    cast.objects.link(face)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.collections = ["Cast"]
    overridden = wanted.collections[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    face = overridden.all_objects[0]
    refused(
        face.name, MOTION, "mesh of “Face” is still linked from library.blend, .* right-click the mesh and choose Library Override > Make"
    )
    face.data.override_create(remap_local_usages=True)
    assert face.data.library is None
    key_face_now(face.name, MOTION, 1, 25.0)
    bpy.context.scene.frame_set(4)
    wanted_value = MOTION.expression[3, MOTION.expression_names.index("jawOpen")]
    assert face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(wanted_value, abs=1e-5)


def test_nla_tweak_mode() -> None:
    face = keyed_mesh(["jawOpen"])
    key_face_now(face.name, MOTION, 1, 25.0)
    animation = face.data.shape_keys.animation_data
    animation.nla_tracks.new().strips.new("Take", 1, animation.action)
    animation.action = None
    animation.nla_tracks.active = animation.nla_tracks[0]
    animation.nla_tracks[0].select = animation.nla_tracks[0].strips[0].select = True
    animation.use_tweak_mode = True
    assert animation.use_tweak_mode
    refused(face.name, MOTION, "An NLA strip of “Key” is being tweaked")


def test_narrow_sliders_are_widened_and_named() -> None:
    face = keyed_mesh(flame_expression_names(50))
    with_bones(face, ["neck", "jaw"])
    motion = flame_motion()
    keyed = key_face_now(face.name, motion, 1, 25.0)
    assert keyed.notices == ("Sliders widened, which would have cut values off: Exp1, Exp2, Exp3, Exp4 and 46 more.",)
    for frame in range(11):
        bpy.context.scene.frame_set(1 + frame)
        values = [face.data.shape_keys.key_blocks[name].value for name in motion.expression_names]
        np.testing.assert_allclose(values, motion.expression[frame], atol=1e-5)


def test_values_beyond_blender_s_limit_are_held_and_named() -> None:
    face = keyed_mesh(flame_expression_names(50))
    with_bones(face, ["jaw"])
    expression = np.zeros((3, 50), np.float32)
    expression[1, 4] = 14.0
    keyed = key_face_now(face.name, replace(flame_motion(frames=3), expression=expression), 1, 25.0)
    assert "Held at Blender's limit of 10: 1 of the face's shape keys." in keyed.notices
    assert keyed.actions and face.data.shape_keys.key_blocks["Exp5"].slider_max == 10.0


def test_muted_missing_driven_and_solo_keys_are_named() -> None:
    face = keyed_mesh(["jawOpen", "mouthClose", "cheekPuff"])
    face.data.shape_keys.key_blocks["mouthClose"].mute = face.show_only_shape_key = True
    face.data.shape_keys.driver_add(face_target.value_path("cheekPuff")).driver.expression = "0.5"
    notices = " ".join(key_face_now(face.name, MOTION, 1, 25.0).notices)
    assert "“Face” lacks 49 of the motion's 52 shapes (browDownLeft, browDownRight, " in notices
    assert "Left to their drivers: 1 of the face's shape keys." in notices
    assert "Muted, so that they do not show: mouthClose." in notices
    assert "Solo is on" in notices


def test_a_locked_shape_is_keyed_all_the_same() -> None:
    """Its lock guards the shape against sculpting, not its value."""
    face = keyed_mesh(["jawOpen"])
    if not hasattr(face.data.shape_keys.key_blocks["jawOpen"], "lock_shape"):
        pytest.skip("this Blender locks no shapes")
    face.data.shape_keys.key_blocks["jawOpen"].lock_shape = True
    key_face_now(face.name, MOTION, 1, 25.0)
    bpy.context.scene.frame_set(4)
    assert face.data.shape_keys.key_blocks["jawOpen"].value > 0


@pytest.mark.parametrize("steps", [1, 20, 52, 55])
def test_cancelled_in_between_the_file_is_as_before(steps: int) -> None:
    face = keyed_mesh(MOTION.expression_names)
    with_bones(face, ["neck", "left_eye", "right_eye"])
    key_face_now(face.name, arkit_motion(seed=5), 1, 25.0)
    before = state()
    slices = key_face(face.name, [FaceLine((MOTION,), 1, 25.0)])
    for _ in range(steps):
        next(slices)
    slices.close()
    assert state() == before


def test_deleted_in_between() -> None:
    face = keyed_mesh(["jawOpen", "mouthClose"])
    slices = key_face(face.name, [FaceLine((MOTION,), 1, 25.0)])
    next(slices)
    bpy.data.objects.remove(face)
    with pytest.raises(Vanished, match="“Face” was deleted or undone"):
        list(slices)
    assert len(bpy.data.actions) == 0
