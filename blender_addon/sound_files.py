"""Sounds as files that the engine reads: what is packed into the .blend, or lies in a video, is written out first."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import bpy

from ..core.contract import BadRequest, Progress

# What the engine does not read and Blender does
_OF_BLENDER = (
    ".mp4", ".m4a", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".vob", ".ogv", ".wmv", ".flv", ".aac",
    ".ac3", ".wma",
)  # fmt: skip
_NAP_SECONDS = 0.005
_PROGRAM = Path(__file__).with_name("sound_of_video.py")


def file_of(sound: bpy.types.Sound) -> Path:
    """Of a sound in this file; a packed one goes into Blender's folder for this session."""
    if sound.packed_file is None:
        return Path(bpy.path.abspath(sound.filepath, library=sound.library))
    path = Path(bpy.app.tempdir) / f"{sound.session_uid}-{bpy.path.basename(sound.filepath) or sound.name}"
    path.write_bytes(sound.packed_file.data)
    return path


def readable(path: Path) -> Generator[Progress, None, Path]:
    """The file itself, or the sound of a video, written into Blender's folder for this session by another Blender, which takes seconds.

    Here it would hold the interface, and a fault of the decoder would end Blender. Raises BadRequest.
    """
    if path.suffix.lower() not in _OF_BLENDER or not path.is_file():
        return path
    target = Path(bpy.app.tempdir) / f"{path.stem}-{_stamp(path)}.wav"
    if not target.exists():
        yield from _written_out(path, target)
    return target


def _stamp(path: Path) -> str:
    """Another one for every file, and for one that was changed."""
    told = f"{path.absolute()} {path.stat().st_size} {path.stat().st_mtime_ns}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _written_out(path: Path, target: Path) -> Generator[Progress, None, None]:
    partial, why = target.with_suffix(".part"), target.with_suffix(".txt")
    hidden, nowhere = getattr(subprocess, "CREATE_NO_WINDOW", 0), subprocess.DEVNULL
    command = [*_blender(), str(path), str(partial), str(why)]
    with subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, creationflags=hidden) as process:
        try:
            while process.poll() is None:
                yield Progress(0, f"Reading the sound of {path.name}", 0, 1)
                time.sleep(_NAP_SECONDS)
        finally:
            process.kill()
    if partial.exists():
        partial.replace(target)
        return
    gave_up = f"Blender's decoder gave up on {path.name} (exit code {process.returncode}): save its sound as a wav file, and choose that."
    raise BadRequest(why.read_text(encoding="utf-8") if why.exists() else gave_up)


def _blender() -> list[str]:
    """A command that runs the program; what follows are its arguments."""
    if not bpy.app.binary_path:  # Blender as a module of Python
        return [sys.executable, str(_PROGRAM)]
    return [bpy.app.binary_path, "-b", "--factory-startup", "--python", str(_PROGRAM), "--"]
