"""A program that Blender runs in a process of its own: `VIDEO WAV WHY` writes the sound of a video, or the sentence why there is none."""

from __future__ import annotations

import importlib
import sys
import wave
from pathlib import Path
from typing import Any

_RATE = 16_000  # Hz, which the engine hears
_MEDIUM_QUALITY = 2


def main(video: Path, target: Path, why: Path) -> None:
    importlib.import_module("bpy")  # where Blender is a module of Python, it brings aud along
    try:
        aud: Any = importlib.import_module("aud")
    except ImportError:
        _tell(why, f"This Blender was built without sound and cannot read {video.name}: save its sound as a wav file.")
        return
    try:
        # Without `cache`, which reads it all, an error of the decoder would end the program without a word
        samples = aud.Sound(str(video)).rechannel(1).resample(_RATE, _MEDIUM_QUALITY).cache().data()
    except aud.error as error:
        _tell(why, f"Blender finds no sound in {video.name} ({error}): choose another file.")
        return
    _write(target, samples)


def _tell(why: Path, sentence: str) -> None:
    why.write_text(sentence, encoding="utf-8")


def _write(target: Path, samples: Any) -> None:
    """samples: (S, 1) float32, -1..1."""
    whole = target.with_suffix(".whole")
    with wave.open(str(whole), "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", "not compressed"))
        file.writeframes((samples.ravel().clip(-1, 1) * 32767).astype("<i2").tobytes())
    whole.replace(target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[-3:]))
