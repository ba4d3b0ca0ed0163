"""How a speaker's head moves: it sways, more while speech goes on, and nods where a syllable is stressed.

Sway is noise in octaves, each a cubic B-spline through random knots; their sizes are fitted to the spectra of the heads in eight tracked
clips of GRID, whose speakers sit still and read. Nods are centred on stressed syllables (Munhall et al. 2004 on rhythm, Hadar et al.
1983 on the band of 0.2 to 7 Hz).
"""

from __future__ import annotations

import numpy as np

from .speech_rhythm import LEVEL_HZ, SpeechRhythm

# Degrees of pitch, yaw and roll for each octave, by knots a second; the slowest cannot be seen in clips of 3 s and is a guess
SWAY_DEGREES = {0.25: (0.7, 0.5, 0.3), 1.0: (0.8, 0.1, 0.45), 2.0: (0.7, 0.2, 0.35), 4.0: (0.55, 0.45, 0.25), 8.0: (0.5, 0.4, 0.15)}
_QUIET = 0.35  # of the sway that is left without speech
_NOD_DEGREES, _NOD_SIGMA, _NOD_SHARE = 0.9, 0.4, 0.7
_NOD_DOWN_S, _NOD_UP_S = 0.16, 0.36
_USUAL_STRENGTH_DB = 6.0
_LARGEST = np.radians(12.0)


def head_turns(
    generators: list[np.random.Generator], rhythm: SpeechRhythm, size: np.ndarray, tempo: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """(T, 3) axis-angle in radians at sorted `times` (T,) in seconds; positive X nods down, Y turns to the head's left.

    generators: one for each octave of sway and one for nods. size, tempo: factors of angles and of speed at LEVEL_HZ.
    """
    grid = np.arange(len(size)) / LEVEL_HZ
    own_time = np.interp(times, grid, np.cumsum(tempo) / LEVEL_HZ)
    activity = np.interp(times, grid, _QUIET + (1 - _QUIET) * rhythm.activity)
    turns = np.zeros((len(times), 3))
    for generator, (rate, degrees) in zip(generators[:-1], SWAY_DEGREES.items(), strict=True):
        turns += np.radians(degrees) * _smooth_noise(generator, rate * own_time)
    turns *= activity[:, None]
    turns[:, 0] += _nods(generators[-1], rhythm, times)
    turns *= np.interp(times, grid, size)[:, None]
    return np.asarray(_LARGEST * np.tanh(turns / _LARGEST))


def _smooth_noise(generator: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """(T, 3) at `places` (T,) along random knots at the whole numbers; variance 0.48."""
    knots = generator.standard_normal((int(places[-1]) + 4, 3))
    whole = places.astype(int)
    part = (places - whole)[:, None]
    weights = ((1 - part) ** 3, 3 * part**3 - 6 * part**2 + 4, -3 * part**3 + 3 * part**2 + 3 * part + 1, part**3)
    return np.asarray(sum(weight * knots[whole + shift] for shift, weight in enumerate(weights)) / 6)


def _nods(generator: np.random.Generator, rhythm: SpeechRhythm, times: np.ndarray) -> np.ndarray:
    """Radians (T,) of nods down, each lowest at its syllable."""
    nods = np.zeros(len(times))
    for stress, strength in zip(rhythm.stresses, rhythm.strengths, strict=True):
        chance, spread = generator.random(), generator.standard_normal()
        if chance > _NOD_SHARE:
            continue
        span = slice(*np.searchsorted(times, [stress - _NOD_DOWN_S, stress + _NOD_UP_S]))
        since = times[span] - stress
        depth = np.cos(np.pi / 2 * np.where(since < 0, since / _NOD_DOWN_S, since / _NOD_UP_S)) ** 2
        nods[span] += depth * np.exp(_NOD_SIGMA * spread) * min(strength / _USUAL_STRENGTH_DB, 2.0)
    return np.asarray(np.radians(_NOD_DEGREES) * nods)
