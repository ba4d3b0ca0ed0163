"""The microphone: the engine records, because Blender's Python can reach none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from .errors import BadRequest

RECORDING_STAGE = "Recording"
MAX_RECORDING_SECONDS = 3600.0


@dataclass(frozen=True)
class RecordRequest:
    """Records until StopRecording, which keeps it, Cancel, which leaves no file, or the end of `seconds`. Answered by a RecordReply.

    path: full path of the .wav that is written, whole or not at all. device: name of an input, "" for the system's own.
    While it records, Progress(id, RECORDING_STAGE, milliseconds so far, milliseconds at most) and Level come some ten times a second.
    """

    id: int
    path: str
    device: str = ""
    seconds: float = 600.0

    def validate(self) -> None:
        """Raises BadRequest with one sentence about the first value that cannot be used."""
        if PurePath(self.path).suffix.lower() != ".wav":
            raise BadRequest(f'A recording is written as a .wav file, and "{self.path}" is none: give a name such as voice.wav.')
        if not 0 < self.seconds <= MAX_RECORDING_SECONDS:
            raise BadRequest(
                f"A recording of at most {self.seconds:g} s cannot be made: choose a limit above 0 and up to {MAX_RECORDING_SECONDS:g} s."
            )


@dataclass(frozen=True)
class MicrophonesRequest:
    """Looks for microphones, newly plugged ones too. Answered by a MicrophonesReply; a Failure if none is there."""

    id: int


@dataclass(frozen=True)
class MicrophonesReply:
    """names: for RecordRequest. usual: which of them is the system's own, "" where it has chosen none."""

    id: int
    names: tuple[str, ...]
    usual: str


@dataclass(frozen=True)
class StopRecording:
    """Ends the recording with this id and keeps it."""

    id: int


@dataclass(frozen=True)
class Level:
    """The loudest sample, 0 to 1, that recording `id` heard since the last one; 1 is clipped."""

    id: int
    peak: float


@dataclass(frozen=True)
class RecordReply:
    """The file that is there now, and its length."""

    id: int
    path: str
    seconds: float
