"""Where a speaker looks: at the listener, from one eye to the other and to the mouth, and away now and then.

Dwell times and directions of looks away are those of speakers in Lee, Badler & Badler 2002 (Eyes Alive); their angles are shorter here,
as a face on a screen looks at its viewer. A jump of A degrees takes 21 ms + 2.2 ms A (Bahill et al. 1975). Eyes hold what they look
at while the head moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .speech_rhythm import LEVEL_HZ

_LISTENER_S, _AWAY_S = 3.13, 0.93  # mean dwell
_FIXATION_S, _FIXATION_SIGMA, _SHORTEST_S = 0.7, 0.5, 0.2
_LISTENERS_FACE = np.radians([(-1.2, 0.4), (1.2, 0.4), (0.0, -1.6)])  # yaw to the left and pitch up of eyes and mouth, at 1.5 m
_JITTER = np.radians(0.25)
_AWAY_DEGREES, _LEAST_AWAY, _MOST_AWAY = 4.0, 2.0, 12.0  # an exponential law within limits
_DIRECTIONS = (15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79)  # per cent, in steps of 45 degrees from the left upwards
_FAR = np.radians(5.0)
_WITH_HEAD, _HEAD_LATE_S = 0.12, 0.35  # share of a look away that the head goes along, and how long it takes
_LARGEST = np.radians(25.0)


@dataclass(frozen=True)
class Fixations:
    """starts: (K,) seconds at which the eyes jump to targets: (K, 2) radians to the left and up, against the head at rest."""

    starts: np.ndarray
    targets: np.ndarray

    @property
    def far_jumps(self) -> np.ndarray:
        """Times of jumps that lids tend to close over."""
        return self.starts[1:][np.linalg.norm(np.diff(self.targets, axis=0), axis=1) > _FAR]

    def at(self, times: np.ndarray) -> np.ndarray:
        """Gaze (T, 2) at sorted `times` (T,) in seconds."""
        jump, before = self._last(times)
        degrees = np.degrees(np.linalg.norm(self.targets[jump] - before, axis=1))
        done = (times - self.starts[jump]) / (0.021 + 0.0022 * degrees)
        return self._eased(jump, before, done)

    def followed_by_head(self, times: np.ndarray) -> np.ndarray:
        """(T, 2) of the head, that goes a part of the way and slower than the eyes."""
        jump, before = self._last(times)
        return _WITH_HEAD * self._eased(jump, before, (times - self.starts[jump]) / np.minimum(_HEAD_LATE_S, self._dwell[jump]))

    @property
    def _dwell(self) -> np.ndarray:
        return np.append(np.diff(self.starts), np.inf)

    def _last(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        jump = np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)
        return jump, self.targets[np.maximum(jump - 1, 0)]

    def _eased(self, jump: np.ndarray, before: np.ndarray, done: np.ndarray) -> np.ndarray:
        share = np.sin(np.pi / 2 * np.clip(done, 0, 1))[:, None] ** 2
        return np.asarray(before + share * (self.targets[jump] - before))


def fixations(generator: np.random.Generator, seconds: float, away: np.ndarray, look_down: np.ndarray) -> Fixations:
    """Where the eyes rest for so many seconds, from straight ahead at 0 s.

    away: factor of how often they leave the listener; look_down: radians that they sink; both at LEVEL_HZ.
    """
    starts, targets, time = [0.0], [(0.0, 0.0)], 0.0
    leaves = _LISTENER_S * generator.exponential()
    while time < seconds:
        dwell, place, distance = generator.standard_normal(), generator.random(), generator.exponential()
        jitter, later = generator.standard_normal(2), generator.exponential()
        index = min(int(time * LEVEL_HZ), len(away) - 1)
        time += max(_FIXATION_S * np.exp(_FIXATION_SIGMA * dwell), _SHORTEST_S)
        leaves -= away[index] * (time - starts[-1])
        if leaves <= 0:
            target = _away(place, distance)
            starts.append(time)
            targets.append(tuple(target - (0.0, look_down[index])))
            time += max(_AWAY_S * np.exp(_FIXATION_SIGMA * jitter[0]), _SHORTEST_S)
            leaves = _LISTENER_S * later
        target = _LISTENERS_FACE[int(place * len(_LISTENERS_FACE))] + _JITTER * jitter
        starts.append(time)
        targets.append(tuple(target - (0.0, look_down[index])))
    return Fixations(np.array(starts), np.array(targets))


def eye_turns(gaze: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Axis-angle (T, 2, 3) of both eyes against the head (T, 3), so that gaze (T, 2) goes where it goes whatever the head does."""
    eyes = np.zeros((len(gaze), 3))
    eyes[:, 0], eyes[:, 1] = -gaze[:, 1] - head[:, 0], gaze[:, 0] - head[:, 1]
    return np.repeat(np.clip(eyes, -_LARGEST, _LARGEST)[:, None], 2, axis=1)


def _away(place: float, distance: float) -> np.ndarray:
    angle = np.pi / 4 * int(np.searchsorted(np.cumsum(_DIRECTIONS) / sum(_DIRECTIONS), place))
    length = np.radians(np.clip(_AWAY_DEGREES * distance, _LEAST_AWAY, _MOST_AWAY))
    return length * np.array([np.cos(angle), np.sin(angle)])
