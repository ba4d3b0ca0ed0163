"""How emotions change what a face does besides speaking.

Directions after Busso et al. 2007 (rigid head motion in expressive speech: more and faster when happy or angry, slower when sad) and
Kleinsmith & Bianchi-Berthouze 2013 (arousal quickens); the sizes are our own, set by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from .speech_rhythm import LEVEL_HZ, around_mean

MoodChange = tuple[float, str, float]  # from how many seconds on, name of an emotion or "", intensity 0..2
_TURNS_OVER_S = 1.0


@dataclass(frozen=True)
class Liveliness:
    """Factors of what a neutral speaker does, and what is added to it.

    blinks: of their number a minute. head: of its angles. tempo: of its speed. away: of how often the eyes leave the listener.
    lids: closure that stays, 0..1. look_down: radians that gaze sinks.
    """

    blinks: float = 1.0
    head: float = 1.0
    tempo: float = 1.0
    away: float = 1.0
    lids: float = 0.0
    look_down: float = 0.0


_NEUTRAL = Liveliness()
EMOTIONS = {
    "neutral": _NEUTRAL,
    "happy": Liveliness(blinks=1.1, head=1.4, tempo=1.15, away=0.8),
    "sad": Liveliness(blinks=0.8, head=0.7, tempo=0.6, away=1.3, lids=0.16, look_down=0.05),
    "surprised": Liveliness(blinks=0.7, head=1.2, tempo=1.2, away=0.7),
    "fearful": Liveliness(blinks=1.6, head=1.2, tempo=1.4, away=1.6),
    "disgusted": Liveliness(blinks=1.1, head=1.1, away=1.2, lids=0.08),
    "angry": Liveliness(blinks=0.7, head=1.4, tempo=1.25, away=0.5),
    "contempt": Liveliness(blinks=0.9, head=0.9, tempo=0.85, lids=0.1, look_down=0.02),
}


def liveliness_tracks(changes: Sequence[MoodChange], length: int) -> dict[str, np.ndarray]:
    """(length,) values at LEVEL_HZ of each field of Liveliness; one emotion turns into the next within a second.

    changes: sorted by time; before the first of them the face is neutral. Names that are not known count as neutral.
    """
    values = np.tile(astuple(_NEUTRAL), (length, 1))
    for at_s, emotion, intensity in changes:
        full = np.array(astuple(EMOTIONS.get(emotion, _NEUTRAL)))
        values[round(max(at_s, 0.0) * LEVEL_HZ) :] = astuple(_NEUTRAL) + intensity * (full - astuple(_NEUTRAL))
    values = np.maximum(values, [0.2, 0.0, 0.2, 0.2, 0.0, 0.0])  # twice sad is slow, not still or backwards
    return {name: around_mean(column, _TURNS_OVER_S) for name, column in zip(vars(_NEUTRAL), values.T, strict=True)}
