"""What a sound says about when a speaker moves: where speech is, where it pauses and which syllables it stresses.

All of it looks at most LOOKAHEAD_S ahead, so that a longer sound has the same rhythm where both last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SOUND_HZ, LEVEL_HZ = 16000, 100
LOOKAHEAD_S = 2.0
_STEP = SOUND_HZ // LEVEL_HZ
_BLOCK = _STEP * 4096  # samples squared at once: 40 s, so that an hour that is mapped from a file stays there
FLOOR_DB = -90.0
_FAINTEST_DB, _BELOW_LOUDEST_DB = -60.0, 25.0  # what is fainter than either is no speech
_LOUDEST_HZ, _LOUDEST_BEFORE_S, _LOUDEST_AFTER_S = 10, 8.0, 1.5
_SHORTEST_PAUSE_S = 0.15  # shorter gaps are closures of stops
_ABOVE_MEAN_DB, _RISE_DB, _BETWEEN_STRESSES_S = 3.0, 6.0, 0.5


@dataclass(frozen=True)
class SpeechRhythm:
    """activity: (L,) 0..1 at LEVEL_HZ, how much of the second around is speech. pauses: times in seconds at which speech stops for a while.

    stresses: times of stressed syllables; strengths: by how many decibels they stand out.
    """

    activity: np.ndarray
    pauses: np.ndarray
    stresses: np.ndarray
    strengths: np.ndarray


def sound_levels(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Loudness (L,) in decibels of full scale, LEVEL_HZ a second, of sound at SOUND_HZ that comes in blocks (S,) of any length."""
    rest, levels = np.zeros(0, np.float32), [np.zeros(0)]
    for block in blocks:
        for start in range(0, len(block), _BLOCK):
            sound = np.concatenate([rest, np.asarray(block[start : start + _BLOCK], np.float32)])
            whole = len(sound) // _STEP * _STEP
            levels.append(_decibels(sound[:whole].reshape(-1, _STEP)))
            rest = sound[whole:]
    if len(rest):
        levels.append(_decibels(rest[None]))
    return np.concatenate(levels)


def speech_rhythm(levels: np.ndarray) -> SpeechRhythm:
    """The rhythm of loudness (L,) from sound_levels."""
    smooth = around_mean(levels, 0.08)
    speech = smooth > np.maximum(_loudest(smooth) - _BELOW_LOUDEST_DB, _FAINTEST_DB)
    stresses = _stresses(smooth, speech)
    return SpeechRhythm(
        activity=around_mean(speech.astype(float), 1.0),
        pauses=_pauses(speech) / LEVEL_HZ,
        stresses=stresses / LEVEL_HZ,
        strengths=smooth[stresses] - _mean_of_speech(smooth, speech)[stresses],
    )


def around_mean(values: np.ndarray, seconds: float) -> np.ndarray:
    """Means (L,) over `seconds` around each of (L,) values at LEVEL_HZ; ends are held."""
    if not len(values):
        return values
    half = max(round(seconds * LEVEL_HZ / 2), 1)
    total = np.cumsum(np.pad(values, (half + 1, half), mode="edge"))
    mean: np.ndarray = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return mean


def _decibels(steps: np.ndarray) -> np.ndarray:
    power = np.einsum("ls,ls->l", steps, steps, dtype=np.float64) / steps.shape[1]
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _loudest(levels: np.ndarray) -> np.ndarray:
    """(L,) the loudest of the last seconds and of a little ahead: what speech is measured by, as a recording's level may change."""
    step = LEVEL_HZ // _LOUDEST_HZ
    coarse = np.pad(levels, (0, -len(levels) % step), constant_values=FLOOR_DB).reshape(-1, step).max(1)
    before, after = round(_LOUDEST_BEFORE_S * _LOUDEST_HZ), round(_LOUDEST_AFTER_S * _LOUDEST_HZ)
    padded = np.pad(coarse, (before, after), constant_values=FLOOR_DB)
    loudest = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1).max(1)
    return np.asarray(loudest.repeat(step)[: len(levels)])


def _pauses(speech: np.ndarray) -> np.ndarray:
    """Indices at which speech stops for at least the shortest pause; not where the sound ends, which nobody knows on the way there."""
    ends = np.flatnonzero(speech[:-1] & ~speech[1:]) + 1
    starts = np.flatnonzero(~speech[:-1] & speech[1:]) + 1
    following = np.append(starts, len(speech))[np.searchsorted(starts, ends)]
    return np.asarray(ends[following - ends >= _SHORTEST_PAUSE_S * LEVEL_HZ])


def _stresses(levels: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Indices of loudness peaks that stand out of the speech around and rise out of what was before."""
    reach = round(0.15 * LEVEL_HZ)
    padded = np.pad(levels, reach, constant_values=FLOOR_DB)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    peak = (levels >= windows.max(1)) & (levels > _mean_of_speech(levels, speech) + _ABOVE_MEAN_DB)
    peaks = np.flatnonzero(peak & speech & (levels - windows[:, :reach].min(1) > _RISE_DB))
    kept: list[int] = []
    for index in peaks:
        if not kept or index - kept[-1] >= _BETWEEN_STRESSES_S * LEVEL_HZ:
            kept.append(int(index))
    return np.array(kept, int)


def _mean_of_speech(levels: np.ndarray, speech: np.ndarray) -> np.ndarray:
    share = around_mean(speech.astype(float), 3.0)
    return around_mean(np.where(speech, levels, 0.0), 3.0) / np.maximum(share, 1e-6)
