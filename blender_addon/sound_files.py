"""Sounds as files that the engine reads: what is packed into the .blend, or lies in a video, is written out first."""

from __future__ import annotations

import importlib
import wave
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.contract import BadRequest

# What the engine does not read and Blender does
_OF_BLENDER = (
    ".mp4", ".m4a", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".vob", ".ogv", ".wmv", ".flv", ".aac",
    ".ac3", ".wma",
)  # fmt: skip
_RATE = 16_000  # Hz, which the engine hears
_MEDIUM_QUALITY = 2


def file_of(sound: bpy.types.Sound) -> Path:
    """Of a sound in this file; a packed one goes into Blender's folder for this session. Raises BadRequest."""
    if sound.packed_file is None:
        return readable(Path(bpy.path.abspath(sound.filepath, library=sound.library)))
    path = Path(bpy.app.tempdir) / f"{sound.session_uid}-{bpy.path.basename(sound.filepath) or sound.name}"
    path.write_bytes(sound.packed_file.data)
    return readable(path)


def readable(path: Path) -> Path:
    """The file itself, or the sound of a video, written into Blender's folder for this session. Raises BadRequest."""
    if path.suffix.lower() not in _OF_BLENDER or not path.is_file():
        return path
    target = Path(bpy.app.tempdir) / f"{path.stem}.wav"
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", "not compressed"))
        file.writeframes((np.clip(_decoded(path), -1, 1) * 32767).astype("<i2").tobytes())
    return target


def _decoded(path: Path) -> np.ndarray:
    """(S,) at _RATE, -1..1"""
    try:
        aud: Any = importlib.import_module("aud")  # not in every build of Blender
    except ImportError as error:
        raise BadRequest(f"This Blender was built without sound and cannot read {path.name}: save its sound as a wav file.") from error
    try:
        # Without `cache`, which reads it all, an error of the decoder would end Blender
        samples = aud.Sound(str(path)).rechannel(1).resample(_RATE, _MEDIUM_QUALITY).cache().data()
    except aud.error as error:
        raise BadRequest(f"Blender finds no sound in {path.name} ({error}): choose another file.") from error
    return np.asarray(samples, np.float32).ravel()
