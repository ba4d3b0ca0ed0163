"""Is a recording what the microphone heard, whole or not there, and is every trouble with microphones told in one sentence?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from understudy.core import microphone
from understudy.core.contract import (
    CONTRACT_VERSION,
    RECORDING_STAGE,
    VERSION,
    BadRequest,
    Cancel,
    Cancelled,
    Failure,
    Hello,
    Level,
    MicrophonesReply,
    MicrophonesRequest,
    Progress,
    RecordReply,
    RecordRequest,
    StopRecording,
    UnderstudyError,
)
from understudy.core.microphone import RecordingSigns, record
from understudy.core.microphones import found_microphones
from understudy.tests.core.worker_processes import receive, send, spawned_workers

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
RATE = 8000
VOICE = (np.sin(np.arange(RATE * 60) * 0.3) * np.linspace(0.1, 0.9, RATE * 60)).astype(np.float32)


class PortAudioError(Exception):
    """As sounddevice's."""


class StandIn(ModuleType):
    """sounddevice with microphones that speak VOICE, a block every hundredth of a second. falls_silent_after: blocks; None never."""

    PortAudioError = PortAudioError

    def __init__(self, inputs: tuple[str, ...] = ("Headset", "Webcam"), falls_silent_after: int | None = None, refuses: str = "") -> None:
        super().__init__("sounddevice")
        self.inputs, self.falls_silent_after, self.refuses = inputs, falls_silent_after, refuses
        self.opened: list[int] = []
        self.looked = 0
        stand_in = self

        class InputStream:
            def __init__(self, rate: int, device: int, channels: int, dtype: str, callback: Callable[..., None]) -> None:
                assert (rate, channels, dtype) == (RATE, 1, "float32")
                if stand_in.refuses:
                    raise PortAudioError(stand_in.refuses)
                stand_in.opened.append(device)
                self._callback, self._is_open = callback, True

            def start(self) -> None:
                self._thread = threading.Thread(target=self._speak, daemon=True)
                self._thread.start()

            def _speak(self) -> None:
                number = 0
                while self._is_open and number != stand_in.falls_silent_after:
                    block = VOICE[number * 80 : (number + 1) * 80, None].copy()
                    self._callback(block, 80, None, None)
                    block[:] = 0  # PortAudio uses its memory again
                    number += 1
                    time.sleep(0.002)

            def close(self) -> None:
                self._is_open = False
                self._thread.join()

        self.InputStream = InputStream

    def _terminate(self) -> None:
        self.looked = 0

    def _initialize(self) -> None:
        self.looked += 1

    def query_devices(self, kind: str | None = None) -> object:
        """Each once more behind all others, as another way to sound has it."""
        listed: list[dict[str, object]] = [{"name": "Speaker", "index": 0, "max_input_channels": 0, "default_samplerate": 1.0, "hostapi": 0}]
        listed += [
            {"name": name, "index": at, "max_input_channels": 2, "default_samplerate": float(RATE), "hostapi": way}
            for at, (way, name) in enumerate([(way, name) for way in (0, 1) for name in self.inputs], 1)
        ]
        if kind is None:
            return listed
        found = listed[1:]
        if not found:
            raise PortAudioError("Error querying device -1")
        return found[0]


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    def plug(*arguments: object, **wishes: object) -> StandIn:
        made = StandIn(*arguments, **wishes)  # type: ignore[arg-type]
        monkeypatch.setitem(sys.modules, "sounddevice", made)
        return made

    return plug


def signs(stop_after: int = 10**9, cancel_after: int = 10**9, told: list[object] | None = None) -> RecordingSigns:
    """Ends after so many signs of progress."""
    seen: list[object] = [] if told is None else told

    def report(*progress: object) -> None:
        seen.append(progress)
        if sum(isinstance(each, tuple) for each in seen) > cancel_after:
            raise Cancelled("enough")

    return RecordingSigns(report, seen.append, lambda: sum(isinstance(each, tuple) for each in seen) >= stop_after)


def request(folder: Path, **wishes: object) -> RecordRequest:
    return RecordRequest(3, str(folder / "rec.wav"), **wishes)  # type: ignore[arg-type]


def refusal(folder: Path, error: type[Exception] = UnderstudyError, wishes: RecordingSigns | None = None, **more: object) -> str:
    with pytest.raises(error) as caught:
        record(request(folder, **more), wishes or signs(5))
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and len(text) < 300, text
    return text


def test_a_stopped_recording_is_what_was_heard(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged()
    told: list[object] = []
    reply = record(request(tmp_path), signs(stop_after=4, told=told))
    samples, rate = soundfile.read(tmp_path / "rec.wav", dtype="float32")
    assert reply == RecordReply(3, str(tmp_path / "rec.wav"), len(samples) / RATE) and rate == RATE and len(samples) > RATE // 10
    np.testing.assert_allclose(samples, VOICE[: len(samples)], atol=1 / 32_000)
    assert [path.name for path in tmp_path.iterdir()] == ["rec.wav"]
    progress = [each for each in told if isinstance(each, tuple)]
    assert all(stage == RECORDING_STAGE and total == 600_000 for stage, _, total in progress)
    assert [at for _, at, _ in progress] == sorted({at for _, at, _ in progress}) and progress[0][1] == 0
    levels = [each for each in told if isinstance(each, float)]
    assert len(levels) == len(progress) and levels == sorted(levels) and 0.1 <= levels[-1] <= 0.2


def test_a_recording_ends_at_its_limit_to_the_sample(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged()
    assert record(request(tmp_path, seconds=0.3213), signs()).seconds == pytest.approx(0.3213, abs=1 / RATE)


def test_a_cancelled_recording_leaves_nothing(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged()
    with pytest.raises(Cancelled):
        record(request(tmp_path), signs(cancel_after=3))
    assert not any(tmp_path.iterdir())


def test_an_earlier_recording_stays_until_the_new_one_is_whole(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged()
    (tmp_path / "rec.wav").write_bytes(b"earlier")
    with pytest.raises(Cancelled):
        record(request(tmp_path), signs(cancel_after=3))
    assert (tmp_path / "rec.wav").read_bytes() == b"earlier"
    record(request(tmp_path), signs(stop_after=3))
    assert soundfile.info(tmp_path / "rec.wav").samplerate == RATE and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("name", "index"), [("", 1), ("Headset", 1), ("webcam", 2)])
def test_a_microphone_by_its_name(name: str, index: int, plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    stand_in = plugged()
    record(request(tmp_path, device=name), signs(stop_after=3))
    assert stand_in.opened == [index]


def test_microphones_are_listed_once_each_and_looked_for_anew(plugged: Callable[..., StandIn]) -> None:
    stand_in = plugged()
    assert found_microphones(4) == MicrophonesReply(4, ("Headset", "Webcam"), "Headset") and stand_in.looked == 1
    stand_in.inputs = ("Webcam", "Studio", "Webcam")
    assert found_microphones(5) == MicrophonesReply(5, ("Webcam", "Studio"), "Webcam")


def test_without_a_microphone_the_list_is_a_sentence(plugged: Callable[..., StandIn]) -> None:
    plugged(())
    with pytest.raises(UnderstudyError, match="This machine has no microphone: plug one in, allow"):
        found_microphones(4)


def test_no_microphone(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged(())
    for name in ("", "Headset"):
        assert refusal(tmp_path, device=name).startswith("This machine has no microphone: plug one in")
    assert not any(tmp_path.iterdir())


def test_a_microphone_that_is_not_there_or_is_several(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged(("USB mic 1", "USB mic 2"))
    for name in ("Studio", "USB mic"):
        text = refusal(tmp_path, BadRequest, device=name)
        assert f'no single microphone "{name}"; there are: USB mic 1, USB mic 2' in text


def test_a_microphone_that_is_taken(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged(refuses="Device unavailable [PaErrorCode -9985]")
    assert "The microphone Headset cannot be used (Device unavailable" in refusal(tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_microphone_that_is_unplugged_leaves_what_it_heard(
    plugged: Callable[..., StandIn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged(falls_silent_after=50)
    monkeypatch.setattr(microphone, "_SILENCE_S", 0.3)
    text = refusal(tmp_path, wishes=signs())
    assert f"The microphone Headset stopped after 0.5 s; what it heard until then is kept in {tmp_path / 'rec.wav'}" in text
    samples, _ = soundfile.read(tmp_path / "rec.wav", dtype="float32")
    np.testing.assert_allclose(samples, VOICE[:4000], atol=1 / 32_000)


def test_a_microphone_that_never_says_anything(plugged: Callable[..., StandIn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(falls_silent_after=0)
    monkeypatch.setattr(microphone, "_SILENCE_S", 0.3)
    assert "Nothing was recorded" in refusal(tmp_path, wishes=signs())
    assert not any(tmp_path.iterdir())


def test_folders_that_cannot_be_written(plugged: Callable[..., StandIn], tmp_path: Path) -> None:
    plugged()
    assert "does not exist" in refusal(tmp_path / "missing", BadRequest)
    (tmp_path / "rec.wav.part").mkdir()
    assert "cannot be written" in refusal(tmp_path)


def test_without_portaudio_the_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(str(folder))
    assert "apt install libportaudio2" in refusal(tmp_path)


@pytest.fixture
def virtual_microphone() -> Iterator[dict[str, str]]:
    """The environment of a sound server of its own, whose microphone hears what `paplay --device=feed` plays."""
    missing = [name for name in ("pulseaudio", "paplay", "pactl") if shutil.which(name) is None]
    if missing or subprocess.run([sys.executable, "-c", "import sounddevice"], capture_output=True, check=False).returncode:
        pytest.skip(f"a virtual microphone needs PortAudio and PulseAudio ({', '.join(missing) or 'sounddevice cannot be loaded'})")
    with tempfile.TemporaryDirectory(prefix="mic") as folder:  # the name of a socket must be short
        yield from served(Path(folder))


def served(run: Path) -> Iterator[dict[str, str]]:
    environment = os.environ | {"XDG_RUNTIME_DIR": str(run), "PULSE_RUNTIME_PATH": str(run), "PULSE_LATENCY_MSEC": "40"}
    environment["PULSE_SERVER"] = f"unix:{run / 'native'}"
    modules = [
        f"module-native-protocol-unix auth-anonymous=1 socket={run / 'native'}",
        "module-null-sink sink_name=feed rate=48000",
        "module-remap-source master=feed.monitor source_name=microphone",
    ]
    command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "--log-target=stderr"]
    for module in modules:
        command += ["-L", module]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                told = subprocess.run(["pactl", "set-default-source", "microphone"], env=environment, capture_output=True, check=False)
                if told.returncode == 0:
                    break
                time.sleep(0.1)
            else:
                pytest.skip("the virtual microphone's sound server does not start here")
            yield environment
        finally:
            server.kill()


def test_a_real_recording_through_a_virtual_microphone(
    virtual_microphone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio, the worker, levels, stop and cancel: two tones of a known order come back."""
    time_s = np.arange(48_000 * 20) / 48_000
    tones = 0.5 * np.sin(2 * np.pi * np.where(time_s % 1 < 0.5, 400, 1000) * time_s)
    soundfile.write(tmp_path / "tones.wav", tones, 48_000)
    for name in ("XDG_RUNTIME_DIR", "PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_LATENCY_MSEC"):
        monkeypatch.setenv(name, virtual_microphone[name])
    player = subprocess.Popen(["paplay", "--device=feed", str(tmp_path / "tones.wav")])
    try:
        with spawned_workers() as spawn:
            process = spawn()
            send(process, Hello(CONTRACT_VERSION, VERSION), MicrophonesRequest(9))
            assert isinstance(receive(process), Hello)
            listed = receive(process)
            assert isinstance(listed, MicrophonesReply) and listed.usual in listed.names
            send(process, RecordRequest(1, str(tmp_path / "rec.wav"), listed.usual))
            levels: list[float] = []
            while not isinstance(message := receive(process), RecordReply):
                assert not isinstance(message, Failure), message
                levels += [message.peak] if isinstance(message, Level) else []
                if isinstance(message, Progress) and message.step > 2500:
                    send(process, StopRecording(1))
            send(process, RecordRequest(2, str(tmp_path / "discarded.wav")))
            while not isinstance(message := receive(process), Level):
                assert not isinstance(message, Failure), message
            send(process, Cancel(2))
            while not isinstance(message := receive(process), Failure):
                pass
            assert message == Failure(2, "Cancelled", "Cancelled: nothing was changed.")
    finally:
        player.kill()
        player.wait()
    assert sorted(path.name for path in tmp_path.glob("*.wav*")) == ["rec.wav", "tones.wav"]
    samples, rate = soundfile.read(tmp_path / "rec.wav")
    assert len(samples) / rate > 2.4 and max(levels) == pytest.approx(0.5, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)

    def power(hertz: float) -> float:
        return float((spectrum[np.abs(frequencies - hertz) < 60] ** 2).sum())

    assert power(400) + power(1000) > 0.8 * float((spectrum**2).sum()) and 0.2 < power(400) / power(1000) < 5
