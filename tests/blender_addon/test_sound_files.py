"""Sounds of videos, as animators have them, and what is in none."""

from __future__ import annotations

import wave
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import sound_files
from understudy.blender_addon.animation.slices import in_one_go
from understudy.core.contract import BadRequest
from understudy.tests.blender_addon.conftest import write_voice


def written_out(path: Path) -> Path:
    return in_one_go(sound_files.readable(path))


needs_aud = pytest.mark.skipif(bpy.app.version < (4, 4, 0), reason="this bpy was built without sound")


def write_video(path: Path, voice: Path | None) -> Path:
    """A second of a grey picture, with this sound."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.frame_end, render = 12, scene.render
    render.resolution_x = render.resolution_y = 32
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    length = {"length": 12} if bpy.app.version >= (5, 0, 0) else {"frame_end": 13}
    strips.new_effect("Grey", "COLOR", 2, 1, **length)
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.audio_codec = "MPEG4", "H264", "AAC" if voice else "NONE"
    if voice:
        strips.new_sound("Voice", str(voice), 1, 1)
    render.filepath = str(path)
    bpy.ops.render.render(animation=True)
    return path


@needs_aud
def test_the_sound_of_a_video_is_written_out(tmp_path: Path) -> None:
    video = write_video(tmp_path / "talk.mp4", write_voice(tmp_path / "voice.wav", 0.5))
    with wave.open(str(written_out(video))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes() / 16000) == (1, 16000, pytest.approx(0.5, abs=0.05))
        assert np.abs(np.frombuffer(file.readframes(16000), "<i2")).max() > 1000


@needs_aud
@pytest.mark.parametrize("kind", ["mute", "no video", "cut off"])
def test_a_video_without_a_sound_that_can_be_read_is_told_and_blender_lives(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    if kind == "no video":
        path.write_text("hello " * 1000)
    else:
        write_video(path, None if kind == "mute" else write_voice(tmp_path / "voice.wav", 0.5))
        path.write_bytes(path.read_bytes()[: 1 << 20 if kind == "mute" else 2000])
    with pytest.raises(BadRequest, match="Blender finds no sound in mute.mp4"):
        written_out(path)


@pytest.mark.skipif(bpy.app.version >= (4, 4, 0), reason="this bpy has sound")
def test_a_blender_without_sound_says_so(tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(bytes(100))
    with pytest.raises(BadRequest, match="built without sound and cannot read talk.mp4"):
        written_out(tmp_path / "talk.mp4")


def test_other_files_are_left_to_the_engine(tmp_path: Path) -> None:
    voice = write_voice(tmp_path / "voice.wav", 0.1)
    assert written_out(voice) == voice
    assert written_out(tmp_path / "nothing.mp4") == tmp_path / "nothing.mp4"
