"""Does every sound that a voice can be in become one channel of 16 kHz, and is everything else refused with one sentence?"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core import audio
from understudy.core import sound as sound_module
from understudy.core.audio import read_sound
from understudy.core.contract import BadRequest, Cancelled, UnderstudyError
from understudy.core.sound import SAMPLE_RATE

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
Write = Callable[..., str]
SECONDS = 1.5


def tone(rate: int, channels: int = 1, seconds: float = SECONDS) -> np.ndarray:
    """(n, channels): 220 Hz and one overtone, the same in all channels."""
    time = np.arange(round(rate * seconds)) / rate
    return np.repeat((0.3 * np.sin(2 * np.pi * 220 * time) + 0.1 * np.sin(2 * np.pi * 660 * time + 1))[:, None], channels, axis=1)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, samples: np.ndarray, rate: int = 16_000, subtype: str | None = None, kind: str | None = None) -> str:
        soundfile.write(tmp_path / name, samples, rate, subtype, format=kind)
        return str(tmp_path / name)

    return written


def refusal(path: str, **wishes: float) -> str:
    with pytest.raises(BadRequest) as caught:
        read_sound(path, **wishes)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and len(text) < 300, text
    return text


FORMATS = [
    ("a.wav", 8_000, 1, "PCM_16", 0.02), ("a.wav", 11_025, 1, "PCM_U8", 0.02), ("a.wav", 22_050, 2, "PCM_24", 0.01), ("a.wav", 44_100, 2, "PCM_32", 0.01),
    ("a.wav", 48_000, 6, "FLOAT", 0.01), ("a.wav", 192_000, 1, "DOUBLE", 0.01), ("a.wav", 16_000, 1, "PCM_16", 1e-4), ("a.flac", 16_000, 1, "PCM_24", 1e-6),
    ("a.flac", 48_000, 6, "PCM_16", 0.01), ("a.ogg", 44_100, 2, "VORBIS", 0.05), ("a.ogg", 48_000, 1, "OPUS", 0.05), ("a.mp3", 44_100, 2, None, 0.05),
    ("a.aiff", 44_100, 1, None, 0.01),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rate", "channels", "subtype", "tolerance"), FORMATS)
def test_any_rate_depth_and_number_of_channels(
    name: str, rate: int, channels: int, subtype: str | None, tolerance: float, write: Write
) -> None:
    sound = read_sound(write(name, tone(rate, channels), rate, subtype))
    samples = sound[:]
    assert samples.dtype == np.float32 and len(sound) == len(samples) and sound.seconds == pytest.approx(SECONDS, abs=0.03)
    expected, middle = tone(SAMPLE_RATE)[:, 0], slice(2000, 22_000)  # where no edge is near
    np.testing.assert_allclose(samples[middle], expected[middle], atol=tolerance)


def test_channels_are_averaged(write: Write) -> None:
    left, right = tone(16_000)[:, 0], np.random.default_rng(0).uniform(-0.5, 0.5, round(16_000 * SECONDS))
    path = write("a.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(read_sound(path)[:], (left + right) / 2, atol=1e-6)


@given(st.integers(0, 23_000), st.integers(1600, 30_000))
def test_a_part_is_what_lies_there(tmp_path_factory: pytest.TempPathFactory, start: int, length: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 24_000).astype(np.float32)
    path = tmp_path_factory.mktemp("part") / "a.wav"
    soundfile.write(path, samples, 16_000, "FLOAT")
    wanted = samples[start : start + length]
    if len(wanted) < 1600:
        assert "0.1 s are needed" in refusal(str(path), start_s=start / 16_000, seconds=length / 16_000)
    else:
        np.testing.assert_array_equal(read_sound(str(path), start / 16_000, length / 16_000)[:], wanted)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.wav"])
def test_a_part_of_every_kind_of_file(name: str, write: Write) -> None:
    path = write(name, tone(44_100, seconds=3.0), 44_100)
    sound = read_sound(path, 1.0, 0.5)
    assert len(sound) == 8000
    np.testing.assert_allclose(sound[1000:7000], read_sound(path)[17_000:23_000], atol=0.02)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("n_samples", [4801, 9999, 12_345])
def test_a_clip_keeps_its_length_to_the_sample(rate: int, n_samples: int, write: Write) -> None:
    """As the published model's own reader: rounded up."""
    sound = read_sound(write("a.wav", tone(rate, seconds=1.7)[:n_samples], rate))
    assert len(sound) == len(sound[:]) == -(-n_samples * SAMPLE_RATE // rate)


def test_read_in_blocks_is_what_it_is_at_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (66_150, 2)), 44_100)
    whole = read_sound(path)[:]
    monkeypatch.setattr(audio, "_VALUES_AT_ONCE", 998)
    np.testing.assert_allclose(read_sound(path)[:], whole, atol=1e-6)


def test_a_long_sound_waits_in_a_file_and_comes_back_in_slices(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.wav", tone(16_000, seconds=2.0))
    short = read_sound(path)
    monkeypatch.setattr(audio, "_BYTES_IN_MEMORY", 1000)
    monkeypatch.setattr(sound_module, "_SAMPLES_AT_ONCE", 7000)
    opened: list[str] = []
    temporary = tempfile.TemporaryFile

    def noted(*arguments: object, **wishes: object) -> IO[bytes]:
        opened.append("file")
        return temporary(*arguments, **wishes)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    long = read_sound(path)
    assert opened == ["file"]
    np.testing.assert_array_equal(long[:], short[:])
    np.testing.assert_array_equal(np.concatenate(list(long.blocks())), short[:])
    for part in (slice(0, 5), slice(31_990, 40_000), slice(40_000, 50_000), slice(-5, None), slice(9, 3)):
        np.testing.assert_array_equal(long[part], short[:][part])


def test_clipped_sound_is_a_result(write: Write) -> None:
    assert float(np.abs(read_sound(write("a.wav", np.sign(tone(16_000))))[:]).max()) > 0.99


def bytes_of(name: str, rate: int = 44_100) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        # Noise, because a flac of tones is so small that few of its frames are damaged
        soundfile.write(Path(folder, name), np.random.default_rng(0).uniform(-0.3, 0.3, round(rate * SECONDS)), rate)
        return Path(folder, name).read_bytes()


@pytest.mark.parametrize("kept", [0.0005, 0.02, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_cut_off_files_are_told_or_give_what_is_left(name: str, kept: float, tmp_path: Path) -> None:
    whole = bytes_of(name)
    (tmp_path / name).write_bytes(whole[: int(kept * len(whole))])
    try:
        sound = read_sound(str(tmp_path / name))
    except BadRequest:
        text = refusal(str(tmp_path / name))
        assert any(word in text for word in ("damaged", "cut off", "needed", "empty", "no sound"))
        return
    assert name in ("a.wav", "a.ogg", "a.mp3") and sound.seconds <= SECONDS + 0.05 and np.isfinite(sound[:]).all()


def test_what_is_left_of_a_cut_off_flac_can_be_had(tmp_path: Path) -> None:
    whole = bytes_of("a.flac")
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    text = refusal(str(tmp_path / "a.flac"))
    left = float(text.partition("choose ")[2].split()[0])
    assert 0.3 < left < 0.8 and f"{left:.2f} of 1.50 s" in text
    assert read_sound(str(tmp_path / "a.flac"), seconds=left).seconds == pytest.approx(left, abs=0.01)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7])
def test_corrupt_files_are_told_or_give_finite_sound(name: str, place: float, tmp_path: Path) -> None:
    data = bytearray(bytes_of(name))
    start = int(place * len(data))
    data[start : start + 1500] = np.random.default_rng(1).bytes(1500)
    (tmp_path / name).write_bytes(data)
    try:
        assert np.isfinite(read_sound(str(tmp_path / name))[:]).all()
    except BadRequest:
        refusal(str(tmp_path / name))


CONTENTS = {
    "text.wav": (b"Dear diary,\nthis is no sound.\n", "holds text, whatever its name says: choose a wav, flac, ogg or mp3"),
    "noise.wav": (bytes(range(256)) * 9, "holds no sound, whatever its name says"),
    "empty.wav": (b"", "is empty: save the sound again"),
    "clip.mp4": (b"\0\0\0\x20ftypisom\0\0\2\0" + bytes(200), "is an MP4 or MOV video, which is not read: save its sound as a wav file"),
    "clip.wav": (b"\0\0\0\x20ftypqt  \0\0\2\0" + bytes(200), "A video without sound has nothing to say"),
    "voice.m4a": (b"\0\0\0\x20ftypM4A \0\0\2\0" + bytes(200), "is an m4a file"),
    "clip.mkv": (b"\x1aE\xdf\xa3" + bytes(200), "is an MKV or WebM video"),
    "clip.avi": (b"RIFF\xff\0\0\0AVI LIST" + bytes(200), "is an AVI video"),
    "cut.wav": (b"RIFF\xff\0\0\0WAVE", "is a damaged sound file"),
    "cut.flac": (b"fLaC\0\0\0\x22", "is a damaged sound file"),
    "voice.raw": (bytes(3000), "holds no sound"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_files_that_are_no_sound_are_told_by_what_they_are(name: str, tmp_path: Path) -> None:
    content, expected = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    text = refusal(str(tmp_path / name))
    assert expected in text and text.startswith(name)


@pytest.mark.parametrize(("samples", "expected"), [
    (np.zeros(16_000), "is silent there (its loudest sample is 0)"), (np.full(16_000, 1e-4), "-80 dB"), (tone(16_000, seconds=0.01), "only 0.010 s"),
    (tone(16_000, 2) * [[1, -1]], "cancel each other out"), (np.where(np.arange(16_000) == 9999, np.nan, 0.1), "not numbers"),
    (np.where(np.arange(16_000) == 5, np.inf, 0.1), "not numbers"),
])  # fmt: skip
def test_sounds_without_a_voice(samples: np.ndarray, expected: str, write: Write) -> None:
    assert expected in refusal(write("a.wav", samples, subtype="FLOAT"))


def test_parts_that_are_not_there(write: Write) -> None:
    path = write("a.wav", tone(16_000))
    assert "is 1.50 s long, and 5 s were to be left out" in refusal(path, start_s=5.0)
    assert "only 0.050 s of sound from 1.45 s on" in refusal(path, start_s=1.45)
    assert "at most 0.0 min" in refusal(path, longest_s=1.0)
    assert read_sound(path, 1.0, 99.0).seconds == 0.5


@pytest.mark.parametrize("path", ["missing.wav", "", "a\0b.wav", "x" * 5000, "/dev/null/a.wav"])
def test_paths_without_a_file(path: str) -> None:
    assert "does not exist" in refusal(path) or "is a folder" in refusal(path)


def test_a_folder_is_no_sound(tmp_path: Path) -> None:
    assert "is a folder" in refusal(str(tmp_path))


def test_progress_is_told_and_reading_can_be_ended(write: Write) -> None:
    path, told = write("a.wav", tone(16_000, seconds=25.0)), []
    read_sound(path, report=lambda *progress: told.append(progress))
    assert told == [("Reading the sound", second, 25) for second in (0, 10, 20)]

    def cancel(_stage: str, second: int, _total: int) -> None:
        if second == 10:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        read_sound(path, report=cancel)


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_a_python_without_the_packages_says_how_to_install_them(package: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.wav", tone(44_100), 44_100)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnderstudyError) as caught:
        read_sound(path)
    text = str(caught.value)
    assert f"lacks {package}" in text and f'"{sys.executable}" -m pip install soundfile soxr sounddevice' in text and "\n" not in text


def test_a_full_disk_is_told(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    path = write("a.wav", tone(16_000))
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda *_: Full())
    with pytest.raises(UnderstudyError, match="no room for the sound in .*No space left on device"):
        read_sound(path)
