"""The first command as a newcomer runs it."""

from __future__ import annotations

import wave
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import sound_files
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.face import spoken_lines
from understudy.blender_addon.animation.slices import in_one_go
from understudy.tests.blender_addon.conftest import write_voice
from understudy.tests.blender_addon.programs import pixels_of, run_program


@pytest.fixture(scope="module")
def tried(engine_python: str, models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of what one trial wrote, and what it said."""
    out = tmp_path_factory.mktemp("tried")
    said = run_program("try_out", engine_python, "a person walks", "--seconds", 0.5, "--seed", 7, "--model", models / "tiny", "--out", out)
    assert said.returncode == 0, said.stdout + said.stderr
    return out, said.stdout


def test_what_each_stage_took_is_told_and_blender_s_own_lines_are_in_the_log(tried: tuple[Path, str]) -> None:
    folder, said = tried
    told = [line.rsplit(maxsplit=2)[0].strip() for line in said.splitlines() if line.endswith(" s")]
    assert told[-4:] == ["0.5 s of motion, keyed", *(str(folder / f"try.{ending}") for ending in ("blend", "mp4", "png"))]
    assert {"text encoder", "token transformer", "residual transformer", "flow decoder"} <= set(told)
    assert said.splitlines()[0] == '"a person walks", seed 7'
    assert len(said.splitlines()) == 1 + len(told)
    assert (folder / "try.log").stat().st_size > 0


def test_the_file_holds_a_skinned_body_with_keys(tried: tuple[Path, str]) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(tried[0] / "try.blend"))
    armature = next(each for each in bpy.data.objects if each.type == "ARMATURE")
    assert curves.bound_action(armature) is not None
    body = next(each for each in bpy.data.objects if each.type == "MESH")
    assert [modifier.object for modifier in body.modifiers if modifier.type == "ARMATURE"] == [armature]


def test_the_movie_has_every_frame(tried: tuple[Path, str]) -> None:
    movie = bpy.data.movieclips.load(str(tried[0] / "try.mp4"))
    assert (movie.frame_duration, tuple(movie.size)) == (13, (640, 480))


def test_the_sheet_shows_a_body_before_a_light_background_and_the_seconds(tried: tuple[Path, str]) -> None:
    poses = np.split(pixels_of(tried[0] / "try.png"), 8, axis=1)
    for pose in poses:
        height, width = pose.shape[:2]
        sky, caption, body = pose[0, -1], pose[:20, :60].mean(axis=-1), pose[:, width // 3 : -width // 3].mean(axis=-1)
        assert sky.min() > 0.7, "the background is light"
        assert caption.min() < 0.4, "the seconds are written in dark"
        assert np.ptp(body[height // 3 : height // 2], axis=1).max() > 0.15, "somebody stands in the middle"
    assert max(float(np.abs(pose - poses[0]).mean()) for pose in poses[1:]) > 1e-3, "the poses differ"


@pytest.fixture(scope="module")
def spoken(speaking_python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Likewise, of a voice of half a second, with a worker that answers at once."""
    out = tmp_path_factory.mktemp("spoken")
    voice = write_voice(out / "hello.wav", 0.5)
    said = run_program("try_out", speaking_python, "--audio", voice, "--emotion", "happy", "--seed", 7, "--out", out)
    assert said.returncode == 0, said.stdout + said.stderr
    return out, said.stdout


def test_a_head_beside_the_body_speaks_and_the_body_s_own_face_too(spoken: tuple[Path, str]) -> None:
    assert spoken[1].splitlines()[0] == '"a person talks with both hands", seed 7'
    bpy.ops.wm.open_mainfile(filepath=str(spoken[0] / "try.blend"))
    faces = [each for each in bpy.data.objects if each.type == "MESH" and each.data.shape_keys]
    assert len(faces) == 2 and all(len(spoken_lines(face)) == 1 for face in faces)
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 13)


def test_the_head_is_in_the_corner_of_the_movie_s_last_frame_and_the_voice_in_its_sound(spoken: tuple[Path, str]) -> None:
    movie = bpy.data.movieclips.load(str(spoken[0] / "try.mp4"))
    assert (movie.frame_duration, tuple(movie.size)) == (13, (640, 480))
    corner = np.split(pixels_of(spoken[0] / "try.png"), 8, axis=1)[-1][40:120, -80:]
    assert np.ptp(corner.mean(axis=-1)) > 0.2
    if bpy.app.version >= (4, 4, 0):
        with wave.open(str(in_one_go(sound_files.readable(spoken[0] / "try.mp4")))) as file:
            heard = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        assert len(heard) / 16000 == pytest.approx(0.5, abs=0.1) and np.sqrt((heard**2).mean()) > 300


def test_a_folder_that_cannot_be_written_is_told_before_any_work(engine_python: str, models: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = run_program("try_out", engine_python, "a person walks", "--model", models / "tiny", "--out", tmp_path / "file" / "out")
    assert said.returncode == 1 and said.stdout == ""
    assert said.stderr.splitlines() == [f"understudy: {tmp_path / 'file' / 'out' / 'try.blend'} cannot be written (Not a directory):"
                                        " choose another place, or change its permissions."]  # fmt: skip
