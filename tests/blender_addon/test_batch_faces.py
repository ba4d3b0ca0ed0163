"""`bake shots.toml` with voices: faces alone, and takes of body and face; with a worker that answers at once."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import addon_utils
import bpy
import numpy as np
import pytest

from understudy.blender_addon import batch, jobs
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.face import spoken_lines
from understudy.blender_addon.animation.flame_mesh import add_head
from understudy.blender_addon.shots import read_shots
from understudy.core.contract import BadRequest, BodyMotion, EmotionChange, FaceMotion
from understudy.core.contract.head import DEFAULT_HEAD, read_head
from understudy.tests.blender_addon.conftest import write_voice

FACE_OBJECT = "Understudy Head face"


@pytest.fixture
def folder(tmp_path: Path, speaking_python: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Holds a voice of two seconds, voice/hello.wav."""
    monkeypatch.setenv("UNDERSTUDY_PYTHON", speaking_python)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    (tmp_path / "voice").mkdir()
    write_voice(tmp_path / "voice" / "hello.wav", 2.0)
    yield tmp_path
    jobs.stop_engine()


def write_shots(folder: Path, *shots: str) -> Path:
    path = folder / "shots.toml"
    path.write_text("".join(f"[[shots]]\n{shot}\n" for shot in shots), encoding="utf-8")
    return path


def bake(path: Path, *more: str) -> int:
    return batch.main(["bake", str(path), *more])


def test_a_voice_alone_moves_a_new_head_and_is_heard(folder: Path) -> None:
    shot = 'name = "a"\naudio = "voice/hello.wav"\nemotion = "happy"\nintensity = 0.8\nseed = 7\nsave = ["a.blend", "a.npz"]'
    assert bake(write_shots(folder, shot)) == batch.DONE
    motion = FaceMotion.load(folder / "a.npz")
    assert (motion.recipe.emotion, motion.recipe.intensity, motion.recipe.seed) == ("happy", 0.8, 7)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "a.blend"))
    (line,) = spoken_lines(bpy.data.objects[FACE_OBJECT])
    assert (line.start_frame, line.last_frame) == (1.0, pytest.approx(48.04))
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 48)
    assert len([each for each in bpy.data.objects if each.type == "ARMATURE"]) == 1
    assert len(bpy.data.sounds) == (1 if bpy.app.version >= (4, 4, 0) else 0)


def test_a_take_writes_every_kind_of_file(folder: Path) -> None:
    names = ("a.blend", "a.fbx", "a.glb", "a.bvh", "a.body.npz", "a.face.npz")
    saves = ", ".join(f'"{name}"' for name in names)
    shot = f'name = "a"\ntext = "a person talks"\naudio = "voice/hello.wav"\namounts = {{ jaw = 0.5 }}\nsave = [{saves}]'
    assert bake(write_shots(folder, shot)) == batch.DONE
    body, face = BodyMotion.load(folder / "a.body.npz"), FaceMotion.load(folder / "a.face.npz")
    assert body.seconds == pytest.approx(face.seconds, abs=0.05)
    assert face.expression[:, face.expression_names.index("jawOpen")].max() <= 0.5
    bpy.ops.wm.open_mainfile(filepath=str(folder / "a.blend"))
    (character,) = [each for each in bpy.data.objects if each.type == "ARMATURE"]
    (line,) = spoken_lines(character.children[0])  # the new character's own face speaks
    assert line.amounts.jaw == 0.5
    assert curves.bound_action(character) is not None


def test_a_baked_fbx_and_glb_talk(folder: Path) -> None:
    bake(write_shots(folder, 'name = "a"\naudio = "voice/hello.wav"\nsave = ["a.fbx", "a.glb"]'))
    content = (folder / "a.glb").read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    scene = json.loads(content[20 : 20 + length])
    assert "weights" in {channel["target"]["path"] for animation in scene["animations"] for channel in animation["channels"]}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addon_utils.enable("io_scene_fbx")
    bpy.ops.import_scene.fbx(filepath=str(folder / "a.fbx"))
    keys = next(mesh.shape_keys for mesh in bpy.data.meshes if mesh.shape_keys)
    values = []
    for frame in (5, 10, 15, 20):
        bpy.context.scene.frame_set(frame)
        values.append(keys.key_blocks["jawOpen"].value)
    assert np.ptp(values) > 0.05


def test_the_sound_can_be_left_out(folder: Path) -> None:
    bake(write_shots(folder, 'name = "a"\naudio = "voice/hello.wav"\nadd_sound = false\nsave = "a.blend"'))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "a.blend"))
    assert len(bpy.data.sounds) == 0


def test_the_face_of_a_scene_speaks_from_the_start_frame(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add_head(read_head(DEFAULT_HEAD), "One")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "one.blend"))
    add_head(read_head(DEFAULT_HEAD), "Two")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "two.blend"))
    shot = 'name = "a"\naudio = "voice/hello.wav"\nstart_frame = 10.5\nsave = "done.blend"\nopen = '
    assert bake(write_shots(folder, shot + '"two.blend"')) == batch.SOME_FAILED
    assert "two.blend has 2 faces (One face, Two face): say which with `face`" in capfd.readouterr().err
    assert bake(write_shots(folder, shot + '"two.blend"\nface = "Nobody"')) == batch.SOME_FAILED
    assert "two.blend has no object 'Nobody': check `face`" in capfd.readouterr().err
    for scene, more, name in (("one", "", "One face"), ("two", '\nface = "Two"', "Two face")):
        assert bake(write_shots(folder, f'{shot}"{scene}.blend"{more}')) == batch.DONE
        bpy.ops.wm.open_mainfile(filepath=str(folder / "done.blend"))
        (line,) = spoken_lines(bpy.data.objects[name])
        assert line.start_frame == 10.5


def test_a_changed_voice_is_baked_again(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_shots(folder, 'name = "a"\naudio = "voice/hello.wav"\nsave = "a.npz"')
    for _ in range(2):
        assert bake(path) == batch.DONE
    assert "done before, skipped" in capfd.readouterr().err
    write_voice(folder / "voice" / "hello.wav", 1.0)
    assert bake(path) == batch.DONE
    assert "done before" not in capfd.readouterr().err
    assert FaceMotion.load(folder / "a.npz").seconds == pytest.approx(0.96)


def test_a_voice_that_is_not_there_is_one_failed_shot(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_shots(folder, 'name = "a"\naudio = "nothing.wav"\nsave = "a.npz"', 'name = "b"\naudio = "voice/hello.wav"\nsave = "b.npz"')
    assert bake(path) == batch.SOME_FAILED
    told = capfd.readouterr().err
    assert "[1/2] a: FAILED: nothing.wav" in told and "Traceback" not in told
    assert (folder / "b.npz").is_file() and not (folder / "a.npz").exists()


def test_changes_and_the_other_words_are_read(folder: Path) -> None:
    more = 'diversity = 1\ntemperature = 0.5\nactor = 2\nchanges = [{ at = 1, emotion = "sad", intensity = 0.5 }, { at = 2.5, emotion = "" }]'
    (shot,) = read_shots(write_shots(folder, f'name = "a"\naudio = "voice/hello.wav"\nemotion = "angry"\nsave = "a.npz"\n{more}'))
    request = shot.face_request(3, folder)
    assert request.changes == (EmotionChange(1.0, "sad", 0.5), EmotionChange(2.5, ""))
    assert (request.diversity, request.temperature, request.actor, request.model) == (1, 0.5, 2, "starter_face")
    assert request.audio == str(folder / "voice" / "hello.wav")


BROKEN = {
    "neither text nor audio": ('save = "a.npz"', "neither text nor audio"),
    "one npz for two motions": ('text = "x"\naudio = "a.wav"\nsave = "a.npz"', r"two motions: write 'a.body.npz' and 'a.face.npz'"),
    "bvh of a face": ('audio = "a.wav"\nsave = "a.bvh"', "takes a body's motion, but has no text"),
    "body of a face": ('audio = "a.wav"\nsave = "a.body.npz"', "takes a body's motion, but has no text"),
    "face of a body": ('text = "x"\nsave = "a.face.npz"', "takes a face's motion, but has no audio"),
    "unknown emotion": ('audio = "a.wav"\nsave = "a.npz"\nemotion = "joyful"', "joyful"),
    "too strong": ('audio = "a.wav"\nsave = "a.npz"\nintensity = 3', "choose between 0 and 2"),
    "emotion and clip": ('audio = "a.wav"\nsave = "a.npz"\nemotion = "sad"\nemotion_audio = "b.wav"', "choose one of them"),
    "unknown amount": ('audio = "a.wav"\nsave = "a.npz"\namounts = { ears = 1 }', "amounts has 'ears', which is not known: use lips, jaw"),
    "amount in words": ('audio = "a.wav"\nsave = "a.npz"\namounts = { lips = "much" }', "lips = 'much', which should be a number"),
    "amount too large": ('audio = "a.wav"\nsave = "a.npz"\namounts = { lips = 3 }', "amount of lips is 3"),
    "amounts in a row": ('audio = "a.wav"\nsave = "a.npz"\namounts = [1]', r"amounts = \[1\] should be dict"),
    "change without a time": ('audio = "a.wav"\nsave = "a.npz"\nchanges = [{ emotion = "sad" }]', "write each as"),
    "change that is none": ('audio = "a.wav"\nsave = "a.npz"\nchanges = ["sad"]', "write each as"),
    "changes out of order": ('audio = "a.wav"\nsave = "a.npz"\nchanges = [{ at = 2, emotion = "sad" }, { at = 1, emotion = "sad" }]', "order of their times"),
    "audio is a number": ('audio = 3\nsave = "a.npz"', "audio = 3 should be str"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_shot_is_told_in_one_sentence(case: str, folder: Path) -> None:
    content, sentence = BROKEN[case]
    with pytest.raises(BadRequest, match=sentence) as told:
        read_shots(write_shots(folder, f'name = "a"\n{content}'))
    assert str(told.value).startswith("Shot 1 (a)") and "\n" not in str(told.value)
