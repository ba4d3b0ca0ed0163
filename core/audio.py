"""Sound files of any kind as one channel of 16 kHz, read in blocks, so that an hour needs no more memory than a minute."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING

import numpy as np

from .contract import MAX_FACE_SECONDS, BadRequest, UnderstudyError
from .sound import SAMPLE_BYTES, SAMPLE_RATE, Sound
from .sound_refusals import checked_path, sound_package, what_it_is

if TYPE_CHECKING:
    import soundfile

SHORTEST_S = 0.1
_QUIETEST = 10 ** (-70 / 20)  # a peak below it is the noise of an input that nothing was said into
_VALUES_AT_ONCE = 1 << 13  # of all channels: what a damaged block holds is lost whole
_LEAD_S = 0.25
_SECONDS_AT_ONCE = 10  # between two looks whether the work is still wanted
_BYTES_IN_MEMORY = 32 << 20  # a sound of more than these waits in a temporary file
_MISSING_S = 0.1  # so much at the end may be lacking: some formats only estimate their length

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Part:
    """Frames of a file that are wanted, at its own rate."""

    start: int
    frames: int


def read_sound(
    path: str, start_s: float = 0.0, seconds: float | None = None, longest_s: float = MAX_FACE_SECONDS, report: Report = lambda *_: None
) -> Sound:
    """The part of a sound file from start_s on, at most `seconds` long.

    report: the stage, seconds read and their number; what it raises ends the work. Raises BadRequest with one sentence for whatever is
    no sound that a voice can be in, UnderstudyError where the engine's Python cannot read sound or the disk is full.
    """
    soundfile, soxr = sound_package("soundfile"), sound_package("soxr")
    file_path = checked_path(path)
    with _opened(soundfile, file_path) as file:
        part = _wanted(file, file_path.name, start_s, seconds, longest_s)
        try:
            sound = _resampled(file, file_path.name, part, soundfile, soxr, report)
        except OSError as error:
            raise UnderstudyError(
                f"There is no room for the sound in {tempfile.gettempdir()} ({error.strerror}): make room there, or choose a shorter part."
            ) from error
    return sound


def sound_seconds(path: str, start_s: float = 0.0, seconds: float | None = None) -> float:
    """How long that part is, by the file's header. Raises as `read_sound` does for a file that is no sound."""
    soundfile, file_path = sound_package("soundfile"), checked_path(path)
    with _opened(soundfile, file_path) as file:
        return _wanted(file, file_path.name, start_s, seconds, math.inf).frames / file.samplerate


def _opened(soundfile: ModuleType, path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(str(path))
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        raise BadRequest(what_it_is(path)) from error


def _wanted(file: soundfile.SoundFile, name: str, start_s: float, seconds: float | None, longest_s: float) -> _Part:
    start, rate = round(start_s * file.samplerate), file.samplerate
    wanted = file.frames - start if seconds is None else min(round(seconds * rate), file.frames - start)
    if file.frames <= 0:
        raise BadRequest(f"{name} is damaged or cut off, and nothing of it can be read: save it again, or choose another file.")
    if wanted <= 0:
        raise BadRequest(f"{name} is {file.frames / rate:.2f} s long, and {start_s:g} s were to be left out: choose an earlier start.")
    if wanted < SHORTEST_S * rate:
        raise BadRequest(
            f"{name} has only {wanted / rate:.3f} s of sound from {start_s:g} s on, and {SHORTEST_S:g} s are needed for a voice:"
            " choose a longer part, or another file."
        )
    if wanted > longest_s * rate:
        raise BadRequest(
            f"{name} has {wanted / rate / 60:.1f} min of sound from {start_s:g} s on, and at most {longest_s / 60:.1f} min can be spoken"
            " at once, all variations together: choose a shorter part, or fewer variations."
        )
    return _Part(start, wanted)


def _resampled(file: soundfile.SoundFile, name: str, part: _Part, soundfile: ModuleType, soxr: ModuleType, report: Report) -> Sound:
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(_BYTES_IN_MEMORY)  # noqa: SIM115 - it lives as long as the sound
    rate, read, told = file.samplerate, 0, 0
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32") if rate != SAMPLE_RATE else None
    loudest = _Loudest()
    for block in _blocks(file, part, soundfile):
        if read // (_SECONDS_AT_ONCE * rate) == told:
            report("Reading the sound", told * _SECONDS_AT_ONCE, math.ceil(part.frames / rate))
            told += 1
        read += len(block)
        mono = loudest.heard(block)
        kept.write((stream.resample_chunk(mono) if stream else mono).tobytes())
    if stream:
        kept.write(stream.resample_chunk(np.zeros(0, np.float32), last=True).tobytes())
    _check_whole(name, part, read, rate)
    loudest.check(name)
    return Sound(kept, _trimmed(kept, math.ceil(read * SAMPLE_RATE / rate)))


def _blocks(file: soundfile.SoundFile, part: _Part, soundfile: ModuleType) -> Iterator[np.ndarray]:
    """(n, channels) each, float32, up to the end of the part or of what can be read."""
    at_once, missing = max(_VALUES_AT_ONCE // file.channels, 1), part.frames
    try:
        lead = _sought(file, part.start)
        # Else soundfile seeks after every read, and an mp3 loses each time what its next frame stands on
        file.seekable = lambda: False
        file.read(lead, dtype="float32", always_2d=True)
        while missing:
            block = file.read(min(at_once, missing), dtype="float32", always_2d=True)
            if not len(block):
                return
            missing -= len(block)
            yield block
    except soundfile.SoundFileError:
        return  # what is missing is told by its length


def _sought(file: soundfile.SoundFile, start: int) -> int:
    """Goes a little before the start, because an mp3 needs a while to be right; gives how many frames. Does nothing for 0."""
    if not start:  # in a flac that is cut off, not even its start can be sought
        return 0
    before = max(start - round(_LEAD_S * file.samplerate), 0)
    file.seek(before)
    return start - before


class _Loudest:
    """Mixes channels to one, and remembers what the loudest sample of each was."""

    def __init__(self) -> None:
        self._mono, self._channel = 0.0, 0.0

    def heard(self, block: np.ndarray) -> np.ndarray:
        """(n, channels) to their mean (n,), as the published models were fed."""
        mono = block.mean(axis=1, dtype=np.float32)
        self._mono = float(np.fmax(self._mono, np.abs(mono).max()))
        self._channel = float(np.maximum(self._channel, np.abs(block).max()))
        return mono

    def check(self, name: str) -> None:
        """Raises BadRequest where there is nothing to hear. One sample that is no number makes the maximum none."""
        if not math.isfinite(self._channel):
            raise BadRequest(f"{name} holds samples that are not numbers: save the sound again, or choose another file.")
        if self._channel < _QUIETEST:
            raise BadRequest(
                f"{name} is silent there (its loudest sample is {_decibels(self._channel)}): choose another file or part,"
                " or look whether the microphone was on."
            )
        if self._mono < _QUIETEST:
            raise BadRequest(f"The channels of {name} cancel each other out: save one of them as a file of its own, and choose that.")


def _decibels(peak: float) -> str:
    return f"{20 * math.log10(peak):.0f} dB" if peak > 0 else "0"


def _check_whole(name: str, part: _Part, read: int, rate: int) -> None:
    if part.frames - read <= _MISSING_S * rate:
        return
    instead = f"choose {read / rate:.2f} s as its length" if read >= SHORTEST_S * rate else "choose another file"
    raise BadRequest(
        f"{name} is damaged or cut off: {read / rate:.2f} of {part.frames / rate:.2f} s can be read. Save it again, or {instead}."
    )


def _trimmed(kept: IO[bytes], n_samples: int) -> int:
    """Exactly as long as the part, because a resampler may give a sample more or less. Gives n_samples."""
    there = kept.seek(0, io.SEEK_END) // SAMPLE_BYTES
    kept.write(bytes(max(n_samples - there, 0) * SAMPLE_BYTES))
    return n_samples
