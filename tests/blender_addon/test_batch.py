"""`bake shots.toml`: what it writes, what it skips, how it fails."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import batch, jobs
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.smpl_armature import add_character
from understudy.core.contract import BodyMotion


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Iterator[Path]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield tmp_path
    jobs.stop_engine()


def write_shots(folder: Path, models: Path, *shots: str) -> Path:
    head = f'[defaults]\nmodel = "{models / "tiny"}"\nquality = "draft"\nseconds = 1\ndevice = "cpu"\n'
    path = folder / "shots.toml"
    path.write_text(head + "".join(f"[[shots]]\n{shot}\n" for shot in shots), encoding="utf-8")
    return path


def bake(path: Path, *more: str) -> int:
    return batch.main(["bake", str(path), *more])


def test_every_kind_of_file_is_written_and_can_be_read_again(folder: Path, models: Path) -> None:
    endings = ("blend", "fbx", "bvh", "glb", "npz")
    saves = ", ".join(f'"out/a.{ending}"' for ending in endings)
    assert bake(write_shots(folder, models, f'name = "a"\ntext = "a person walks"\nseed = 7\nsave = [{saves}]')) == batch.DONE
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(f"a.{ending}" for ending in endings)
    motion = BodyMotion.load(folder / "out" / "a.npz")
    assert (motion.seconds, motion.recipe.seed) == (1.0, 7)
    assert (folder / "out" / "a.glb").read_bytes()[:4] == b"glTF"
    assert "MOTION\nFrames: 25" in (folder / "out" / "a.bvh").read_text().replace("\r", "").replace("Frames:\t", "Frames: ")
    bpy.ops.wm.open_mainfile(filepath=str(folder / "out" / "a.blend"))
    armature = next(each for each in bpy.data.objects if each.type == "ARMATURE")
    assert curves.bound_action(armature) is not None
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 25)


def test_a_baked_fbx_moves_when_it_is_imported(folder: Path, models: Path) -> None:
    bake(write_shots(folder, models, 'name = "a"\ntext = "a person walks"\nsave = "a.fbx"'))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import addon_utils

    addon_utils.enable("io_scene_fbx")
    bpy.ops.import_scene.fbx(filepath=str(folder / "a.fbx"))
    armature = next(each for each in bpy.data.objects if each.type == "ARMATURE")
    bpy.context.scene.frame_set(1)
    before = armature.pose.bones["left_wrist"].matrix.translation.copy()
    bpy.context.scene.frame_set(20)
    assert (armature.pose.bones["left_wrist"].matrix.translation - before).length > 1e-4


def test_a_second_run_skips_what_is_done_and_repeats_what_changed(folder: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shots = ['name = "a"\ntext = "a person walks"\nsave = "a.npz"', 'name = "b"\ntext = "a person waves"\nsave = "b.npz"']
    path = write_shots(folder, models, *shots)
    assert bake(path) == batch.DONE
    stamp = (folder / "a.npz").stat().st_mtime_ns
    write_shots(folder, models, shots[0], shots[1].replace("waves", "bows"))
    capfd.readouterr()
    assert bake(path) == batch.DONE
    told = capfd.readouterr().err
    assert "[1/2] a: done before, skipped" in told and "[2/2] b: saved b.npz" in told
    assert (folder / "a.npz").stat().st_mtime_ns == stamp
    assert bake(path, "--again") == batch.DONE
    assert (folder / "a.npz").stat().st_mtime_ns != stamp


def test_a_failed_shot_is_reported_and_the_others_go_on(folder: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_shots(
        folder, models,
        'name = "a"\ntext = "a person walks"\nopen = "missing.blend"\nsave = "a.npz"',
        'name = "b"\ntext = "a person waves"\nsave = "b.npz"',
    )  # fmt: skip
    assert bake(path) == batch.SOME_FAILED
    told = capfd.readouterr().err
    assert "[1/2] a: FAILED" in told and "missing.blend does not exist" in told and "1 of 2 shots are done, 1 failed" in told
    assert (folder / "b.npz").is_file() and not (folder / "a.npz").exists()


def test_a_scene_is_opened_and_its_only_character_is_keyed_from_the_start_frame(folder: Path, models: Path) -> None:
    armature = add_character("Hero")
    bpy.context.scene.render.fps = 25
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
    shot = 'name = "a"\ntext = "a person walks"\nopen = "scene.blend"\nstart_frame = 10\nsave = "done.blend"'
    assert bake(write_shots(folder, models, shot)) == batch.DONE
    bpy.ops.wm.open_mainfile(filepath=str(folder / "done.blend"))
    armature = bpy.data.objects["Hero"]
    assert tuple(armature.animation_data.action.frame_range) == (10.0, 35.0)
    assert [each.type for each in bpy.data.objects].count("ARMATURE") == 1
    assert bpy.context.scene.render.fps == 25


def test_a_range_of_what_is_there_is_made_anew(folder: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shots = write_shots(
        folder, models, 'name = "a"\ntext = "walks"\nseconds = 2\nsave = ["a.blend", "a.npz"]',
        'name = "b"\ntext = "waves"\nopen = "a.blend"\nredo = [20, 30]\nupper_body = true\nsave = ["b.blend", "b.npz"]',
        'name = "c"\ntext = "waves"\nopen = "a.blend"\nredo = [90, 99]\nsave = "c.npz"',
    )  # fmt: skip
    assert bake(shots) == 1
    assert "Frames 90 to 99 have no keys" in capfd.readouterr().err and not (folder / "c.npz").exists()
    before, after = BodyMotion.load(folder / "a.npz").resampled(24.0), BodyMotion.load(folder / "b.npz")
    changed = np.abs(after.rotations - before.rotations).max((1, 2)) > 1e-4
    assert np.flatnonzero(changed).tolist() == list(range(19, 30))
    np.testing.assert_allclose(after.translation, before.translation, atol=1e-4)


def test_two_characters_ask_for_a_choice(folder: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add_character("One")
    add_character("Two")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
    shot = 'name = "a"\ntext = "a person walks"\nopen = "scene.blend"\nsave = "a.blend"'
    assert bake(write_shots(folder, models, shot)) == batch.SOME_FAILED
    assert "say which with `armature`" in capfd.readouterr().err
    assert bake(write_shots(folder, models, shot + '\narmature = "Two"')) == batch.DONE


BROKEN = {
    "not TOML": "[[shots]\nname = ",
    "no shots": "[defaults]\nseconds = 4\n",
    "no text": '[[shots]]\nname = "a"\nsave = "a.npz"\n',
    "unknown key": '[[shots]]\nname = "a"\ntext = "a person walks"\nsave = "a.npz"\nspeed = 3\n',
    "unknown ending": '[[shots]]\nname = "a"\ntext = "a person walks"\nsave = "a.mov"\n',
    "text is a number": '[[shots]]\nname = "a"\ntext = 3\nsave = "a.npz"\n',
    "negative seconds": '[[shots]]\nname = "a"\ntext = "a person walks"\nseconds = -1\nsave = "a.npz"\n',
    "600 seconds": '[[shots]]\nname = "a"\ntext = "a person walks"\nseconds = 600\nsave = "a.npz"\n',
    "empty prompt": '[[shots]]\nname = "a"\ntext = "   "\nsave = "a.npz"\n',
    "10,000 characters": f'[[shots]]\nname = "a"\ntext = "{"x" * 10_000}"\nsave = "a.npz"\n',
    "same output": '[[shots]]\nname = "a"\ntext = "x"\nsave = "a.npz"\n[[shots]]\nname = "b"\ntext = "x"\nsave = "a.npz"\n',
    "wrong quality": '[[shots]]\nname = "a"\ntext = "a person walks"\nquality = "best"\nsave = "a.npz"\n',
    "a range of one frame number": '[[shots]]\nname = "a"\ntext = "x"\nopen = "a.blend"\nredo = [3]\nsave = "b.npz"\n',
    "a range that ends before it begins": '[[shots]]\nname = "a"\ntext = "x"\nopen = "a.blend"\nredo = [9, 3]\nsave = "b.npz"\n',
    "a range of nothing": '[[shots]]\nname = "a"\ntext = "x"\nredo = [3, 9]\nsave = "b.npz"\n',
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_list_starts_nothing_and_says_why_in_one_line(folder: Path, content: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = folder / "shots.toml"
    path.write_text(content, encoding="utf-8")
    assert bake(path) == batch.CANNOT_START
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("understudy:")]
    assert len(told) == 1 and "Traceback" not in told[0]
    assert sorted(each.name for each in folder.iterdir()) == ["shots.toml"]


def test_a_list_that_is_not_there_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bake(folder / "nothing.toml") == batch.CANNOT_START
    assert "nothing.toml cannot be opened" in capfd.readouterr().err


@pytest.mark.parametrize("save", ["file/a.npz", "taken.npz"])
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    folder: Path, models: Path, save: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("not a folder")
    (folder / "taken.npz").mkdir()
    assert bake(write_shots(folder, models, f'name = "a"\ntext = "a person walks"\nsave = "{save}"')) == batch.SOME_FAILED
    told = capfd.readouterr().err
    assert "cannot be written" in told and "Reading the prompt" not in told


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder_is_told(folder: Path, models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "locked").mkdir(mode=0o555)
    assert bake(write_shots(folder, models, 'name = "a"\ntext = "a person walks"\nsave = "locked/a.npz"')) == batch.SOME_FAILED
    assert "cannot be written" in capfd.readouterr().err


def test_a_motion_of_a_shot_is_that_of_the_core(folder: Path, models: Path, engine_python: str) -> None:
    import subprocess

    bake(write_shots(folder, models, 'name = "a"\ntext = "a person walks"\nseed = 5\nsave = "a.npz"'))
    command = [engine_python, "-m", "core", "body", "--text", "a person walks", "--seconds", "1", "--seed", "5", "--quality", "draft"]
    command += ["--device", "cpu", "--model", str(models / "tiny"), "--out", str(folder / "b.npz")]
    subprocess.run(command, check=True, cwd=Path(batch.__file__).parents[1])
    ours, theirs = BodyMotion.load(folder / "a.npz"), BodyMotion.load(folder / "b.npz")
    np.testing.assert_allclose(ours.rotations, theirs.rotations, atol=1e-5)


def test_the_record_of_a_run_is_plain_json(folder: Path, models: Path) -> None:
    path = write_shots(folder, models, 'name = "a"\ntext = "a person walks"\nsave = "a.npz"')
    bake(path)
    assert list(json.loads(path.with_suffix(".done.json").read_text())) == ["a"]
    path.with_suffix(".done.json").write_text("broken")
    assert bake(path) == batch.DONE
