"""Record, Stop and Discard, with Blender's timer played by hand: background mode has none."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import jobs, microphones, preferences, settings
from understudy.blender_addon.operators import recording, timed_job
from understudy.core.contract import RecordRequest


def begun(path: Path) -> jobs.RecordJob:
    """What the button does in the interface."""
    job = jobs.RecordJob(jobs.ready_engine(), RecordRequest(0, str(path)))
    timed_job.drive(job, lambda done: recording._choose("Scene", done), jobs.FACE)
    tick_until(lambda: job.level > 0)
    return job


def tick_until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not reached() and timed_job.tick() is not None:
        assert time.monotonic() < until
        time.sleep(0.002)


def test_a_recording_shows_its_level_and_becomes_the_chosen_sound(speaking: settings.UnderstudySettings, tmp_path: Path) -> None:
    speaking.speech.source = "STRIP"
    job = begun(tmp_path / "mine.wav")
    assert job.is_listening and job.level == pytest.approx(0.4) and bpy.ops.understudy.stop_recording.poll()
    tick_until(lambda: job.seconds > 0.02)
    assert not bpy.ops.understudy.record.poll() and not bpy.ops.understudy.generate_face.poll()
    assert bpy.ops.understudy.stop_recording() == {"FINISHED"}
    tick_until(lambda: jobs.state.job is None)
    assert jobs.state.message == "Recorded 0.1 s: mine.wav" and not jobs.state.is_error
    assert (speaking.speech.source, speaking.speech.sound_file) == ("FILE", str(tmp_path / "mine.wav"))
    with wave.open(str(tmp_path / "mine.wav")) as file:
        assert file.getnframes() > 0


def test_a_discarded_recording_leaves_no_file(speaking: settings.UnderstudySettings, tmp_path: Path) -> None:
    begun(tmp_path / "mine.wav")
    assert bpy.ops.understudy.discard_recording() == {"FINISHED"}
    tick_until(lambda: jobs.state.job is None)
    assert jobs.state.message == "The recording was thrown away." and not jobs.state.is_error
    assert list(tmp_path.iterdir()) == [] and speaking.speech.sound_file == ""


def test_a_recording_that_ends_while_it_is_discarded_leaves_no_file(speaking: settings.UnderstudySettings, tmp_path: Path) -> None:
    job = begun(tmp_path / "mine.wav")
    job.stop()
    while not (tmp_path / "mine.wav").exists():
        time.sleep(0.002)
    job.cancel()
    tick_until(lambda: jobs.state.job is None)
    assert list(tmp_path.iterdir()) == [] and speaking.speech.sound_file == ""


def test_the_button_waits_in_background_mode_and_numbers_its_files(speaking: settings.UnderstudySettings, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    for _ in range(2):
        assert bpy.ops.understudy.record(seconds=0.1) == {"FINISHED"}
    assert sorted(path.name for path in (tmp_path / "recordings").iterdir()) == ["recording_001.wav", "recording_002.wav"]
    assert settings.of(bpy.context.scene).speech.sound_file == "//recordings/recording_002.wav"


def test_microphones_are_found_and_one_is_chosen(speaking: settings.UnderstudySettings) -> None:
    prefs = preferences.current()
    assert prefs is not None and microphones.shown(prefs.microphone) == "System's Microphone"
    assert bpy.ops.understudy.find_microphones() == {"FINISHED"}
    assert jobs.state.message == "2 microphones: Headset, Webcam; the system's own is Webcam." and not jobs.state.is_error
    assert microphones.names() == ("Headset", "Webcam")
    assert bpy.ops.understudy.choose_microphone(microphone="nobody's") == {"FINISHED"}
    assert prefs.microphone == microphones.shown(prefs.microphone) == "nobody's"
    with pytest.raises(RuntimeError, match="There is no input device nobody's"):
        bpy.ops.understudy.record()
    bpy.ops.understudy.choose_microphone()
    assert bpy.ops.understudy.record(seconds=0.1) == {"FINISHED"}


def test_no_microphone_is_one_sentence(speaking: settings.UnderstudySettings, tmp_path: Path) -> None:
    prefs = preferences.current()
    assert prefs is not None
    prefs.microphone = "nobody's"
    with pytest.raises(RuntimeError, match="There is no input device nobody's"):
        bpy.ops.understudy.record()
    assert jobs.state.job is None and jobs.state.is_error


def test_nothing_can_be_stopped_where_nothing_is_recorded(speaking: settings.UnderstudySettings) -> None:
    assert not bpy.ops.understudy.stop_recording.poll() and not bpy.ops.understudy.discard_recording.poll()
    with pytest.raises(RuntimeError, match="Nothing is being recorded"):
        bpy.ops.understudy.stop_recording()
