"""Does a terminal record as Blender does, show how loud it is, keep what Ctrl+C ends, and overwrite nothing unasked?"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.record_command import LevelMeter, meter
from understudy.tests.core.test_microphone import StandIn, plugged, virtual_microphone  # noqa: F401

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
REPO = Path(__file__).resolve().parents[2]
Plug = Callable[..., StandIn]


def test_a_recording_of_some_seconds(plugged: Plug, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    stand_in, out = plugged(), tmp_path / "voice.wav"
    assert main(["record", "--out", str(out), "--seconds", "0.4", "--device", "Webcam"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}: 0.40 s\n" and "Ctrl+C ends it" in told.err
    assert soundfile.info(out).duration == pytest.approx(0.4, abs=0.001) and stand_in.opened == [2]


def test_ctrl_c_ends_it_and_keeps_it(plugged: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    plugged()
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(LevelMeter, "heard", lambda _meter, _peak: signal.raise_signal(signal.SIGINT))
    assert main(["record", "--out", str(tmp_path / "voice.wav")]) == 0
    assert 0 < soundfile.info(tmp_path / "voice.wav").duration < 60 and signal.getsignal(signal.SIGINT) is before


def test_a_file_that_is_there_is_left_alone_unless_it_shall_be_replaced(
    plugged: Plug, tmp_path: Path, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:
    plugged()
    out = tmp_path / "voice.wav"
    out.write_bytes(b"earlier")
    assert main(["record", "--out", str(out), "--seconds", "0.2"]) == 1
    assert "is there already: give another name, or --replace" in capsys.readouterr().err and out.read_bytes() == b"earlier"
    assert main(["record", "--out", str(out), "--seconds", "0.2", "--replace"]) == 0 and soundfile.info(out).duration > 0.1


@pytest.mark.parametrize(("typed", "shown"), [
    ([], "give --out voice.wav, or --list"), (["--out", "voice.mp3"], "such as voice.wav"),
    (["--out", "voice.wav", "--seconds", "0"], "choose a limit above 0"), (["--out", "voice.wav", "--device", "Studio"], "there are: Headset, Webcam"),
])  # fmt: skip
def test_what_is_refused(
    typed: list[str], shown: str, plugged: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:
    plugged()
    monkeypatch.chdir(tmp_path)
    assert main(["record", *typed]) == 1
    told = capsys.readouterr().err
    assert told.startswith("understudy: ") and told.count("\n") == 1 and shown in told and not any(tmp_path.iterdir())


def test_microphones_are_listed(plugged: Plug, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    plugged()
    assert main(["record", "--list"]) == 0
    assert capsys.readouterr().out == "Headset (the system's own)\nWebcam\n"
    plugged(())
    assert main(["record", "--list"]) == 1
    assert "This machine has no microphone: plug one in" in capsys.readouterr().err


def test_the_meter_is_in_decibels() -> None:
    assert [meter(peak).count("=") for peak in (0.0, 0.0001, 0.001, 10**-1.5, 0.1, 1.0)] == [0, 0, 0, 15, 20, 30]
    assert meter(0.1).startswith("[====================          ]  -20 dB") and "too loud" in meter(1.0) and "too loud" not in meter(0.99)


def test_a_real_recording_from_a_terminal(
    virtual_microphone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 400 * np.arange(48_000 * 20) / 48_000), 48_000)
    player = subprocess.Popen(["paplay", "--device=feed", str(tmp_path / "tone.wav")], env=virtual_microphone)
    command = [sys.executable, "-m", "core", "record"]
    try:
        listed = subprocess.run([*command, "--list"], cwd=REPO, env=virtual_microphone, capture_output=True, text=True, check=True).stdout
        assert "(the system's own)" in listed
        recording = subprocess.Popen([*command, "--out", str(tmp_path / "rec.wav")], cwd=REPO, env=virtual_microphone, stderr=subprocess.PIPE, text=True)
        assert recording.stderr is not None and "Recording" in recording.stderr.readline()
        time.sleep(1.5)
        recording.send_signal(signal.SIGINT)
        assert recording.wait(timeout=60) == 0
        recording.stderr.close()
    finally:
        player.kill()
        player.wait()
    samples, rate = soundfile.read(tmp_path / "rec.wav")
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    tone = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) - 400) < 60
    assert len(samples) / rate > 1 and spectrum[tone].sum() > 0.8 * spectrum.sum()
