"""Voices that ship with us, of actors who play emotions: see weights/emotion_voices/card.md."""

from __future__ import annotations

import numpy as np

from .audio import read_sound
from .weights_manifest import listed_files, verified

_FOLDER = "emotion_voices/"


def read_emotion_voices() -> dict[str, list[np.ndarray]]:
    """Clips (L,) of 16 kHz by their emotion. Raises WeightsError for one that is missing or changed."""
    voices: dict[str, list[np.ndarray]] = {}
    for path in sorted(path for path in listed_files() if path.startswith(_FOLDER)):
        emotion = path.removeprefix(_FOLDER).partition("_")[0]
        voices.setdefault(emotion, []).append(read_sound(str(verified(path)))[:])
    return voices
