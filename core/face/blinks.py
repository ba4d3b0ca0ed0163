"""When a speaker blinks, and the course of one blink.

About 20 a minute, between Bentivoglio et al. 1997's 17 at rest and 26 in conversation; intervals are log-normal; blinks gather where speech
pauses (Nakano & Kitazawa 2010) and where the gaze jumps far (Evinger et al. 1994). Lids close faster than they open (Trutoiu et al.
2011); the course is the mean of the 13 whole blinks in eight tracked clips of GRID.
"""

from __future__ import annotations

import numpy as np

from .speech_rhythm import LEVEL_HZ

MEDIAN_INTERVAL_S, INTERVAL_SIGMA = 2.5, 0.6  # mean 3.0 s
SHORTEST_INTERVAL_S = 0.5
CLOSING_S, CLOSED_S, OPENING_S = 0.09, 0.05, 0.22
_LENGTH_SIGMA = 0.12
_CUE_BEFORE_S, _CUE_AFTER_S, _CUE_SHARE = 1.2, 0.8, 0.6  # how far a blink moves to a cue, and how many do
_PARTIAL_SHARE, _LEAST_CLOSURE = 0.12, 0.7


def blink_times(generator: np.random.Generator, seconds: float, cues: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """(B, 3): when each blink starts to close, by what factor it is longer than the mean one, and how far it closes, 0..1.

    cues: sorted times at which blinks gather. rate: factor of blinks a minute at LEVEL_HZ.
    """
    blinks: list[tuple[float, float, float]] = []
    time = 0.0
    while True:
        interval, length, pull, partial, depth = generator.standard_normal(2).tolist() + generator.random(3).tolist()
        usual = MEDIAN_INTERVAL_S / _at(rate, time)
        planned = time + max(usual * np.exp(INTERVAL_SIGMA * interval), SHORTEST_INTERVAL_S)
        time = _moved_to_cue(planned, time + SHORTEST_INTERVAL_S, cues) if pull < _CUE_SHARE else planned
        if time >= seconds:
            return np.array(blinks).reshape(-1, 3)
        closure = _LEAST_CLOSURE + (1 - _LEAST_CLOSURE) * depth if partial < _PARTIAL_SHARE else 1.0
        blinks.append((time, float(np.exp(_LENGTH_SIGMA * length)), closure))


def blink_closure(blinks: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Closure (T,) 0..1 at sorted `times` (T,) in seconds; where two blinks meet the further closed counts."""
    closure = np.zeros(len(times))
    for start, length, depth in blinks:
        span = slice(*np.searchsorted(times, [start, start + length * (CLOSING_S + CLOSED_S + OPENING_S)]))
        closure[span] = np.maximum(closure[span], depth * _course((times[span] - start) / length))
    return closure


def _course(seconds: np.ndarray) -> np.ndarray:
    closing = np.sin(np.pi / 2 * np.clip(seconds / CLOSING_S, 0, 1)) ** 2
    opening = np.clip((seconds - CLOSING_S - CLOSED_S) / OPENING_S, 0, 1)
    return np.asarray(closing * (1 - opening) ** 2)


def _moved_to_cue(planned: float, earliest: float, cues: np.ndarray) -> float:
    first, last = np.searchsorted(cues, [max(planned - _CUE_BEFORE_S, earliest), planned + _CUE_AFTER_S])
    near = cues[first:last]
    return float(near[np.argmin(np.abs(near - planned))]) if len(near) else planned


def _at(track: np.ndarray, time: float) -> float:
    return float(track[min(int(time * LEVEL_HZ), len(track) - 1)])
