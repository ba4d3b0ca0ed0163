"""Add Head, Apply Face and the map, as buttons and scripts run them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy import blender_addon
from understudy.blender_addon import face_map, jobs, settings
from understudy.blender_addon.animation import curves
from understudy.blender_addon.operators.face import chosen_face, face_refused
from understudy.core.contract import FLAME_2020
from understudy.tests.blender_addon.animation.sample_faces import arkit_motion, flame_motion, keyed_mesh
from understudy.tests.core.contract.head.flame_files import python_2_pickle, random_fields, write


@pytest.fixture(autouse=True)
def chosen() -> Iterator[settings.UnderstudySettings]:
    """The add-on registered in an empty scene, without an engine; gives the scene's settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    bpy.ops.ed.undo_push(message="Start")
    yield settings.of(bpy.context.scene)
    blender_addon.unregister()
    jobs.state.__init__()  # type: ignore[misc]


@pytest.fixture
def saved(tmp_path: Path) -> str:
    arkit_motion().save(tmp_path / "hello.npz")
    return str(tmp_path / "hello.npz")


def value_paths(face: bpy.types.Object) -> set[str]:
    slot = curves.playing_slot(face.data.shape_keys)
    assert slot is not None
    return {path for path, _ in curves.read_curves(slot)}


def test_a_head_is_added_chosen_and_talks(chosen: settings.UnderstudySettings, saved: str) -> None:
    assert bpy.ops.understudy.add_head() == {"FINISHED"}
    assert chosen.face.name == "Understudy Head face"
    bpy.context.scene.render.fps = 30
    bpy.context.scene.frame_set(12)
    assert bpy.ops.understudy.apply_face(filepath=saved) == {"FINISHED"}
    assert len(value_paths(chosen.face)) == 52
    slot = curves.playing_slot(chosen.face.data.shape_keys)
    np.testing.assert_allclose(curves.read_curves(slot)['key_blocks["jawOpen"].value', 0][:, 0], np.arange(12, 25))
    assert bpy.context.scene.render.fps == 30


def test_each_is_one_undo_step(saved: str) -> None:
    bpy.ops.understudy.add_head()
    bpy.ops.ed.undo_push(message="Add Head")  # Blender does it itself for a button, not for a script
    bpy.ops.understudy.apply_face(filepath=saved)
    bpy.ops.ed.undo_push(message="Apply Face")
    bpy.ops.ed.undo()
    face = bpy.data.objects["Understudy Head face"]
    assert len(bpy.data.actions) == 0
    assert face.data.shape_keys.animation_data.action is None
    bpy.ops.ed.undo()
    assert len(bpy.data.objects) == 0
    bpy.ops.ed.redo()
    bpy.ops.ed.redo()
    assert len(value_paths(bpy.data.objects["Understudy Head face"])) == 52


def test_a_head_from_a_flame_file_takes_flame_s_motions(chosen: settings.UnderstudySettings, tmp_path: Path, saved: str) -> None:
    path = write(tmp_path, python_2_pickle(random_fields()))
    assert bpy.ops.understudy.add_flame_head(filepath=str(path)) == {"FINISHED"}
    flame_motion(space=FLAME_2020).save(tmp_path / "flame.npz")
    assert bpy.ops.understudy.apply_face(filepath=str(tmp_path / "flame.npz")) == {"FINISHED"}
    assert len(value_paths(chosen.face)) == 50
    with pytest.raises(RuntimeError, match="face space arkit and “Understudy Head face” of flame-2020"):
        bpy.ops.understudy.apply_face(filepath=saved)


def test_the_release_is_the_file_s_or_the_user_s(tmp_path: Path, chosen: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.add_flame_head(filepath=str(write(tmp_path, python_2_pickle(random_fields()), "flame2023_Open.pkl")))
    assert chosen.face["understudy_face_space"] == "flame-2023-open"
    bpy.ops.understudy.add_flame_head(filepath=str(write(tmp_path, python_2_pickle(random_fields()))), release="flame-2023")
    assert chosen.face["understudy_face_space"] == "flame-2023"


@pytest.mark.parametrize(("content", "sentence"), [
    (b"\x80\x02ctorch\nload\n.", "asks for torch.load, which may run a program"),
    (random_fields() | {"posedirs": None}, "has no posedirs, so it is not a FLAME model"),
    (None, "nowhere.pkl cannot be opened"),
])  # fmt: skip
def test_a_file_that_is_no_head(content: object, sentence: str, tmp_path: Path) -> None:
    path = write(tmp_path, content) if content else tmp_path / "nowhere.pkl"
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.understudy.add_flame_head(filepath=str(path))
    assert len(bpy.data.objects) + len(bpy.data.meshes) + len(bpy.data.armatures) == 0


@pytest.mark.parametrize("content", [b"", b"no motion"])
def test_a_file_that_is_no_motion(content: bytes, tmp_path: Path) -> None:
    bpy.ops.understudy.add_head()
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"broken.npz is not a face motion written by Understudy"):
        bpy.ops.understudy.apply_face(filepath=str(tmp_path / "broken.npz"))
    with pytest.raises(RuntimeError, match=r"nothing.npz cannot be opened \(No such file or directory\)"):
        bpy.ops.understudy.apply_face(filepath=str(tmp_path / "nothing.npz"))
    assert len(bpy.data.actions) == 0


def test_why_the_button_is_grey(saved: str) -> None:
    assert face_refused(bpy.context).startswith("Nothing is chosen: choose a mesh with ARKit's 52 keys")
    with pytest.raises(RuntimeError, match="Nothing is chosen"):
        bpy.ops.understudy.apply_face(filepath=saved)
    bpy.ops.mesh.primitive_cube_add()
    assert face_refused(bpy.context).startswith("“Cube” has no shape keys")
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit Mode first"):
        bpy.ops.understudy.add_head()


def test_without_a_chosen_face_the_active_object_is_meant(saved: str) -> None:
    face = keyed_mesh(["jawOpen"])
    bpy.context.view_layer.objects.active = face
    assert chosen_face(bpy.context) == face
    bpy.ops.understudy.apply_face(filepath=saved)
    assert value_paths(face) == {'key_blocks["jawOpen"].value'}


def test_the_map_is_filled_edited_obeyed_saved_and_cleared(chosen: settings.UnderstudySettings, saved: str, tmp_path: Path) -> None:
    face = chosen.face = keyed_mesh(["F_jawOpen", "F_mouthClose", "Grin"])
    bpy.ops.understudy.match_face_keys()
    assert face_map.of(face) == {"jawOpen": "F_jawOpen", "mouthClose": "F_mouthClose"}
    assert len(face.understudy_face_map) == 52
    face.understudy_face_map["mouthSmileLeft"].key, face.understudy_face_map["mouthClose"].key = "Grin", ""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "map.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "map.blend"))
    face = bpy.data.objects["Face"]
    assert face_map.of(face) == {"jawOpen": "F_jawOpen", "mouthSmileLeft": "Grin"}
    bpy.ops.understudy.apply_face(filepath=saved)
    assert value_paths(face) == {'key_blocks["F_jawOpen"].value', 'key_blocks["Grin"].value'}
    bpy.ops.understudy.clear_face_map()
    assert face_map.of(face) == {}


def test_what_could_not_be_keyed_is_told(chosen: settings.UnderstudySettings, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chosen.face = keyed_mesh(["jawOpen"])
    replace(arkit_motion(), head=None, eyes=None).save(tmp_path / "few.npz")
    assert bpy.ops.understudy.apply_face(filepath=str(tmp_path / "few.npz")) == {"FINISHED"}
    assert "“Face” lacks 51 of the motion's 52 shapes" in capfd.readouterr().out
