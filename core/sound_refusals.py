"""Why a file cannot be heard, told by what it is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from .contract import BadRequest, UnderstudyError

_START_BYTES = 64
_KINDS = "choose a wav, flac, ogg or mp3 file"
_EXTRACT = (
    "save its sound as a wav file, or add it to Blender's video sequencer and choose its strip there."
    " A video without sound has nothing to say"
)
_CONTAINERS = {
    b"\x1aE\xdf\xa3": "an MKV or WebM video",
    b"\x30\x26\xb2\x75": "a WMA or WMV file",
    b"FLV": "an FLV video",
    b"\0\0\1\xba": "an MPEG video",
    b"\0\0\1\xb3": "an MPEG video",
    b"\x47\x40": "an MPEG video",
    b"ADIF": "an AAC file",
    b"\xff\xf1": "an AAC file",
    b"\xff\xf9": "an AAC file",
}
_SOUNDS = (
    b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2",
)  # fmt: skip


class MissingSoundPackage(UnderstudyError):
    """The engine's Python cannot read, resample or record sound."""


def sound_package(name: str) -> ModuleType:
    """soundfile, soxr or sounddevice, which only voices need. Raises MissingSoundPackage saying how to install it."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: the library of the system that it stands on
        raise MissingSoundPackage(_install(name, error)) from error


def _install(name: str, error: Exception) -> str:
    if name == "sounddevice" and isinstance(error, OSError):
        return (
            "Recording needs the library PortAudio, which this machine lacks: install it (Debian and Ubuntu: apt install libportaudio2;"
            " Fedora: dnf install portaudio), or record with another program and choose the file."
        )
    use = "recorded" if name == "sounddevice" else "read"
    return (
        f"The engine's Python lacks {name} ({error}), with which sound is {use}. Install it with:"
        f' "{sys.executable}" -m pip install soundfile soxr sounddevice'
    )


def checked_path(path: str) -> Path:
    """Raises BadRequest unless a file is there."""
    file = Path(path)
    try:
        if file.is_file():
            return file
        shown = "is a folder" if file.is_dir() else "does not exist"
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        shown = "does not exist"
    raise BadRequest(f"The sound file {_shortened(path)} {shown}: {_KINDS}.")


def what_it_is(path: Path) -> str:
    """The sentence for a file that could not be opened as a sound."""
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror}): look at its permissions, or choose another file."
    if not start:
        return f"{path.name} is empty: save the sound again, or choose another file."
    if container := _container(start):
        return f"{path.name} is {container}, which is not read: {_EXTRACT}."
    if start.startswith(_SOUNDS):
        return f"{path.name} is a damaged sound file: save it again, or choose another one."
    what = "text" if _is_text(start) else "no sound"
    return f"{path.name} holds {what}, whatever its name says: {_KINDS}."


def _container(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        return "an m4a file" if start[8:11] == b"M4A" else "an MP4 or MOV video"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "an AVI video"
    return next((name for sign, name in _CONTAINERS.items() if start.startswith(sign)), "")


def _is_text(start: bytes) -> bool:
    try:
        return all(sign.isprintable() or sign in "\r\n\t" for sign in start[:-4].decode())
    except UnicodeDecodeError:
        return False


def _shortened(path: str) -> str:
    shown = " ".join(path.replace("\0", " ").split())
    return shown if len(shown) <= 120 else f"...{shown[-120:]}"
