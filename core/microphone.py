"""Records a voice from a microphone into a wav file, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .contract import RECORDING_STAGE, BadRequest, RecordReply, RecordRequest, UnderstudyError
from .microphones import Microphone, chosen_microphone
from .sound_refusals import sound_package

if TYPE_CHECKING:
    import soundfile

_BETWEEN_SIGNS_S = 0.1
_SILENCE_S = 3.0  # without a single block, a microphone is gone

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RecordingSigns:
    """What crosses between a recording and whoever asked for it.

    report: milliseconds so far and at most, some ten times a second; what it raises ends the recording, and no file is left.
    level: takes the loudest sample since the last time, 0 to 1. is_stopped: whether to end, and keep what was heard.
    """

    report: Report
    level: Callable[[float], None]
    is_stopped: Callable[[], bool]


def record(request: RecordRequest, signs: RecordingSigns) -> RecordReply:
    """Records until it is stopped or the limit is reached.

    Raises UnderstudyError with one sentence where there is no microphone, it is taken, it vanishes (what it heard until then is kept),
    or the file cannot be written.
    """
    request.validate()
    sounddevice, soundfile = sound_package("sounddevice"), sound_package("soundfile")
    path = Path(request.path)
    device = chosen_microphone(sounddevice, request.device)
    partial = path.with_name(path.name + ".part")
    try:
        with _written(partial, device.rate, soundfile) as file:
            is_whole = _filled(file, sounddevice, device, request.seconds, signs)
        seconds = _kept(partial, path, soundfile)
    except (OSError, soundfile.SoundFileError) as error:
        raise UnderstudyError(f"The recording {path} cannot be written ({error}): choose another folder, or make room there.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    if not is_whole:
        raise UnderstudyError(f"The microphone {device.name} stopped after {seconds:.1f} s; what it heard until then is kept in {path}.")
    return RecordReply(request.id, request.path, seconds)


@contextlib.contextmanager
def _written(path: Path, rate: int, soundfile: ModuleType) -> Iterator[soundfile.SoundFile]:
    if not path.parent.is_dir():
        raise BadRequest(f"The folder {path.parent} does not exist: make it first, or choose another place for the recording.")
    with soundfile.SoundFile(str(path), "w", rate, 1, "PCM_16", format="WAV") as file:
        yield file


def _filled(file: soundfile.SoundFile, sounddevice: ModuleType, device: Microphone, seconds: float, signs: RecordingSigns) -> bool:
    """Whether the microphone was there to the end. Raises UnderstudyError where it cannot be opened at all."""
    limit, written, last_heard = round(seconds * device.rate), 0, time.monotonic()
    with _listening(sounddevice, device) as heard:
        while written < limit and not signs.is_stopped():
            signs.report(RECORDING_STAGE, round(written / device.rate * 1000), round(seconds * 1000))
            block = heard()[: limit - written]
            if len(block):
                last_heard = time.monotonic()
                signs.level(min(float(np.abs(block).max()), 1.0))
                file.write(block)
                written += len(block)
            elif time.monotonic() - last_heard > _SILENCE_S:
                return False
    return True


@contextlib.contextmanager
def _listening(sounddevice: ModuleType, device: Microphone) -> Iterator[Callable[[], np.ndarray]]:
    """Gives what was heard (n,) since the last call, of about _BETWEEN_SIGNS_S."""
    heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

    def keep(block: np.ndarray, _frames: int, _time: object, _status: object) -> None:
        heard.put(block[:, 0].copy())

    try:
        stream = sounddevice.InputStream(device.rate, device=device.index, channels=1, dtype="float32", callback=keep)
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise UnderstudyError(
            f"The microphone {device.name} cannot be used ({error}): close other programs that record, or choose another one."
        ) from error
    try:
        yield lambda: _taken(heard)
    finally:
        with contextlib.suppress(sounddevice.PortAudioError):
            stream.close()


def _taken(heard: queue.SimpleQueue[np.ndarray]) -> np.ndarray:
    parts, until = [np.zeros(0, np.float32)], time.monotonic() + _BETWEEN_SIGNS_S
    with contextlib.suppress(queue.Empty):
        while (left := until - time.monotonic()) > 0:
            parts.append(heard.get(timeout=left))
    return np.concatenate(parts)


def _kept(partial: Path, path: Path, soundfile: ModuleType) -> float:
    """Puts the recording in its place; its length in seconds."""
    seconds = float(soundfile.info(str(partial)).duration)
    if not seconds:
        raise UnderstudyError("Nothing was recorded: the microphone gave no sound. Speak after the level moves, or choose another one.")
    partial.replace(path)
    return seconds
