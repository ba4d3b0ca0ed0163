"""What a face does besides lips and expression: it blinks, its head sways and nods, its eyes jump. From a sound and a seed, not learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .blinks import blink_closure, blink_times
from .gaze import eye_turns, fixations
from .head_sway import SWAY_DEGREES, head_turns
from .liveliness import MoodChange, liveliness_tracks
from .speech_rhythm import FLOOR_DB, LEVEL_HZ, speech_rhythm

REST_S = 0.8  # over which head and gaze leave their rest and return to it
_AFTER_PAUSE_S = 0.1


@dataclass(frozen=True)
class IdleMotion:
    """float32. blinks: (T,) closure of both lids, 0..1. head: (T, 3), eyes: (T, 2, 3) axis-angle in radians, as in FaceMotion."""

    blinks: np.ndarray
    head: np.ndarray
    eyes: np.ndarray


def idle_motion(levels: np.ndarray, frames: int, fps: float, seed: int, moods: Sequence[MoodChange] = ()) -> IdleMotion:
    """Motion of `frames` frames at `fps` for a sound of loudness (L,) from sound_levels; what the sound lacks is silence.

    moods: emotions from given seconds on, sorted. The same seed gives the same motion; with a longer sound it begins the same, but for the
    last LOOKAHEAD_S, in which it also returns to rest. Raises ValueError for no frames or no rate.
    """
    if frames < 1 or not 0 < fps < math.inf:
        raise ValueError(f"{frames} frames at {fps:g} a second")
    times = np.arange(frames) / fps
    length = max(math.ceil(frames / fps * LEVEL_HZ), 1)
    rhythm = speech_rhythm(np.pad(levels[:length], (0, max(length - len(levels), 0)), constant_values=FLOOR_DB))
    lively = liveliness_tracks(moods, length)
    draws = [np.random.default_rng([seed % 2**64, part]) for part in range(len(SWAY_DEGREES) + 3)]

    looks = fixations(draws[0], times[-1], lively["away"], lively["look_down"])
    cues = np.sort(np.concatenate([rhythm.pauses + _AFTER_PAUSE_S, looks.far_jumps]))
    blinks = blink_closure(blink_times(draws[1], times[-1], cues, lively["blinks"]), times)

    resting = _resting(times)[:, None]
    head = head_turns(draws[2:], rhythm, lively["head"], lively["tempo"], times)
    head[:, :2] += looks.followed_by_head(times)[:, ::-1] * (-1, 1)
    head *= resting
    lids = np.interp(times, np.arange(length) / LEVEL_HZ, lively["lids"])
    return IdleMotion(
        blinks=np.asarray(np.maximum(blinks, lids), np.float32),
        head=np.asarray(head, np.float32),
        eyes=np.asarray(eye_turns(resting * looks.at(times), head), np.float32),
    )


def _resting(times: np.ndarray) -> np.ndarray:
    """(T,) 0 at both ends and 1 between them; half of a short clip for each way."""
    span = max(min(REST_S, times[-1] / 2), 1e-9)
    share = np.minimum(np.minimum(times, times[-1] - times) / span, 1.0)
    return np.asarray(np.sin(np.pi / 2 * share) ** 2)
