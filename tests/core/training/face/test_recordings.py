"""Recordings as they are read, changed and synthesised."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from understudy.core.contract import BadRequest
from understudy.core.training.face.flite_voices import speak
from understudy.core.training.face.sound_changes import Change, changed
from understudy.core.training.face.speech_pack import EMOTIONS, SETS, read_pack, read_tracked_lips
from understudy.core.training.face.visemes import ARPABET, segments

REPO = Path(__file__).resolve().parents[4]
PACK = Path(os.environ.get("UNDERSTUDY_DATA", REPO.parent / "shared" / "data")) / "speech"
needs_pack = pytest.mark.skipif(not PACK.is_dir(), reason=f"no speech at {PACK} (set UNDERSTUDY_DATA)")


@needs_pack
def test_every_clip_of_the_pack_has_the_phones_and_labels_that_it_says() -> None:
    clips = {name: read_pack(PACK, name) for name in SETS}
    assert {name: len(found) for name, found in clips.items()} == {"kathleen": 1419, "emodb": 418, "fixtures": 16, "grid": 8}
    assert {name: sum(bool(clip.segments) for clip in found) for name, found in clips.items()} == {
        "kathleen": 1409, "emodb": 401, "fixtures": 16, "grid": 8,
    }  # fmt: skip
    assert {clip.emotion for clip in clips["emodb"]} == set(EMOTIONS.values())
    assert len({clip.speaker for clip in clips["emodb"]}) == 8


@needs_pack
def test_tracked_lips_come_with_their_sound() -> None:
    tracked = read_tracked_lips(PACK)
    assert [len(each.gap) for each in tracked] == [75] * 8
    sound = tracked[0].clip.sound()
    assert len(sound) % 640 == 0 and len(sound) // 640 in (75, 76)


def test_a_folder_without_the_pack_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="give the folder with kathleen, emodb, fixtures, grid with --speech"):
        read_pack(tmp_path, "kathleen")


def test_a_faster_clip_is_shorter_and_higher() -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000).astype(np.float32)
    for seed in range(8):
        found = changed(tone, Change(1.25, np.random.default_rng(seed)))
        assert abs(len(found) - 12_800) <= 1
        assert np.isfinite(found).all()
        assert abs(np.abs(np.fft.rfft(found, 16_000)).argmax() - 500) <= 2, seed


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed here")
def test_flite_says_when_it_speaks_each_phone(tmp_path: Path) -> None:
    path = tmp_path / "spoken.wav"
    phones = speak("Bob met a mummy.", "slt", path, stretch=1.2, pitch=180)
    sound, rate = soundfile.read(path)
    assert rate == 16_000
    assert abs(phones[-1][2] - len(sound) / rate) < 0.02
    assert all(before[2] == after[1] for before, after in zip(phones, phones[1:], strict=False))
    assert sum(each.viseme == "PP" for each in segments(phones, ARPABET)) == 5


def test_without_flite_somebody_hears_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BadRequest, match="apt-get install flite"):
        speak("Hello", "slt", tmp_path / "x.wav")
