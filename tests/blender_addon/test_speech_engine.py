"""Voices through the real worker: what it makes is keyed, and what it refuses is one sentence with nothing changed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import jobs, preferences, settings
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.face import spoken_lines
from understudy.blender_addon.animation.face_lines import kept_line
from understudy.core.contract import FaceMotion
from understudy.tests.blender_addon.conftest import write_voice
from understudy.tests.blender_addon.test_speech import snapshot, value_keys


@pytest.fixture
def ready(addon: settings.UnderstudySettings, face_models: Path, voice: Path) -> settings.UnderstudySettings:
    """A head, a sound and the tiny model are chosen."""
    chosen = preferences.current()
    assert chosen is not None
    chosen.face_model = "tiny_face"
    bpy.ops.understudy.add_head()
    addon.speech.sound_file, addon.speech.use_new_seed, addon.speech.seed = str(voice), False, 7
    addon.speech.emotion = "happy"
    return addon


def test_a_voice_becomes_the_keys_of_the_motion_that_the_core_makes(
    ready: settings.UnderstudySettings, face_models: Path, voice: Path, tmp_path: Path, engine_python: str
) -> None:
    bpy.context.scene.render.fps = 25
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    kept = kept_line(slot.action, 1).motions[0]
    command = [engine_python, "-m", "core", "face", "--audio", str(voice), "--emotion", "happy", "--seed", "7", "--device", "cpu"]
    command += ["--model", str(face_models / "tiny_face"), "--out", str(tmp_path / "face.npz")]
    subprocess.run(command, check=True, cwd=Path(jobs.__file__).parents[1])
    core = FaceMotion.load(tmp_path / "face.npz")
    np.testing.assert_allclose(kept.expression, core.expression, atol=1e-5)
    jaw = core.expression[:, core.expression_names.index("jawOpen")]
    np.testing.assert_allclose(value_keys(ready.face)[:, 1], jaw, atol=1e-5)


def test_the_same_worker_moves_bodies_and_faces(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.add_character()
    ready.quality = "DRAFT"
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}
    assert len(spoken_lines(ready.face)) == 1
    first, last = ready.character.animation_data.action.frame_range
    assert (first, last) == (1.0, pytest.approx(value_keys(ready.face)[-1, 0], abs=1.5))


def write_text(path: Path) -> object:
    return path.write_text("hello " * 1000)


SOUNDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (write_text, "bad.wav"),
    "empty": (lambda path: path.write_bytes(b""), "bad.wav"),
    "10 ms": (lambda path: write_voice(path, 0.01), "0.01"),
    "silent": (lambda path: path.write_bytes(write_voice(path, 1.0).read_bytes()[:44] + bytes(32000)), "silen|quiet|nothing"),
    "cut off": (lambda path: path.write_bytes(write_voice(path, 1.0).read_bytes()[:20]), "bad.wav"),
    "a folder": (lambda path: path.mkdir(), "bad.wav"),
    "not there": (lambda path: None, "bad.wav"),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_that_cannot_be_spoken_is_one_sentence_and_changes_nothing(
    kind: str, ready: settings.UnderstudySettings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil, sentence = SOUNDS[kind]
    spoil(tmp_path / "bad.wav")
    ready.speech.sound_file = str(tmp_path / "bad.wav")
    before = snapshot()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.understudy.generate_face()
    assert snapshot() == before and jobs.state.job is None
    assert "Traceback" not in capfd.readouterr().err


def test_a_model_that_is_not_there_is_named(ready: settings.UnderstudySettings) -> None:
    chosen = preferences.current()
    assert chosen is not None
    chosen.face_model = "nobody"
    with pytest.raises(RuntimeError, match="nobody"):
        bpy.ops.understudy.generate_face()
