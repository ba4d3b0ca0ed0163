"""Which microphones there are, and which of them a name means."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .contract import BadRequest, MicrophonesReply, UnderstudyError
from .sound_refusals import sound_package

_NONE = (
    "This machine has no microphone: plug one in, allow this program to use it in the system's settings, or record with another program"
    " and choose the file."
)


@dataclass(frozen=True)
class Microphone:
    """What one offers. index: PortAudio's number of it."""

    index: int
    name: str
    rate: int


def found_microphones(request_id: int) -> MicrophonesReply:
    """Those that are there now. Raises UnderstudyError with one sentence where there is none, or where nothing can be recorded."""
    sounddevice = sound_package("sounddevice")
    # PortAudio looks for devices only when it starts
    sounddevice._terminate()
    sounddevice._initialize()
    usual = _usual(sounddevice)
    names = _names(sounddevice)
    if not names:
        raise UnderstudyError(_NONE)
    return MicrophonesReply(request_id, names, str(usual["name"]) if usual else "")


def chosen_microphone(sounddevice: ModuleType, name: str) -> Microphone:
    """The one of this name, or the system's own. Raises UnderstudyError where it is not there."""
    inputs = _inputs(sounddevice)
    found = _named(inputs, name) if name else _usual(sounddevice)
    if found:
        return Microphone(int(found["index"]), str(found["name"]), round(float(found["default_samplerate"])))
    names = ", ".join(_names(sounddevice))
    if not names:
        raise UnderstudyError(_NONE)
    if not name:
        raise UnderstudyError(f"The system has chosen no microphone ({names} would be there): choose one of them.")
    raise BadRequest(f'There is no single microphone "{name}"; there are: {names}. Choose one of them by its whole name.')


def _named(inputs: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The one that is called so, or the only one whose name has this in it."""
    exact = [each for each in inputs if each["name"] == name]
    alike = [each for each in inputs if name.lower() in str(each["name"]).lower()]
    return exact[0] if exact else alike[0] if len(alike) == 1 else None


def _names(sounddevice: ModuleType) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(each["name"]) for each in _inputs(sounddevice)))


def _inputs(sounddevice: ModuleType) -> list[dict[str, Any]]:
    """Through the system's usual way to sound: on Windows each microphone is there once more for every other way."""
    inputs = [each for each in sounddevice.query_devices() if each["max_input_channels"] > 0]
    usual = _usual(sounddevice)
    alike = [each for each in inputs if usual and each["hostapi"] == usual["hostapi"]]
    return alike or inputs


def _usual(sounddevice: ModuleType) -> dict[str, Any] | None:
    """The system's own microphone; None where it has chosen none."""
    try:
        return dict(sounddevice.query_devices(kind="input"))
    except (sounddevice.PortAudioError, ValueError):
        return None
