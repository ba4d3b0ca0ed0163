"""The teacher: what a face should do while a clip is spoken, from its phones, its sound and the tracked lips of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...face.sound_frames import FPS, SAMPLES_PER_FRAME
from .arkit_shapes import shape_vector
from .coarticulation import viseme_curves
from .emotional_face import SpokenFrames
from .lip_line import EYE_CORNERS, LipLine
from .lip_opening import Heard, LipOpening
from .speaking_face import LIPS, closure
from .visemes import VISEMES, Segment

WIDER = 1.5  # GRID's speakers open their lips by so much more than the fit says for other recordings
EMPHASIS = {"browInnerUp": 0.22, "browOuterUp": 0.18}  # what the brows do at the loudest
_AROUSAL_SECONDS, _EMPHASIS_SECONDS = 0.5, 0.12  # deviations of the windows that smooth loudness
_QUIET = 3.0  # decades of power below the loudest that count as nothing


def frame_times(n_frames: int) -> np.ndarray:
    """(T,) seconds, at the middle of each frame."""
    return (np.arange(n_frames) + 0.5) / FPS


def spoken_frames(line: LipLine, opening: LipOpening, features: np.ndarray, segments: Sequence[Segment], sound: np.ndarray) -> SpokenFrames:
    """features: (T, C) of the speech encoder for `sound` (640 T,), those that `opening` was fitted with."""
    times = frame_times(len(features))
    heard = Heard(features, viseme_curves(segments, times), segments, times)
    loud = loudness(sound)
    lips = heard.curves @ np.stack([shape_vector(line.names, LIPS[name]) for name in VISEMES])
    lips = lips + emphasis(loud, heard.speaking)[:, None] * shape_vector(line.names, EMPHASIS)
    aperture = WIDER * EYE_CORNERS * opening.gap(heard)
    arousal = _smoothed(loud, _AROUSAL_SECONDS)
    parts = (lips, aperture, closure(heard.curves), heard.speaking, arousal)
    return SpokenFrames(*(part.astype(np.float32) for part in parts))


def loudness(sound: np.ndarray) -> np.ndarray:
    """sound (640 T,) to (T,) in 0..1, by the logarithm of power against the loudest frames."""
    power = np.log10(np.square(sound.reshape(-1, SAMPLES_PER_FRAME)).mean(axis=1) + 1e-9)
    return np.clip(1 + (power - np.percentile(power, 95)) / _QUIET, 0, 1)


def emphasis(loud: np.ndarray, speaking: np.ndarray) -> np.ndarray:
    """(T,) 0..1: where a clip is louder than around, which is where brows go up."""
    return np.clip((_smoothed(loud, _EMPHASIS_SECONDS) - _smoothed(loud, _AROUSAL_SECONDS)) * 4, 0, 1) * speaking


def _smoothed(track: np.ndarray, seconds: float) -> np.ndarray:
    deviation = seconds * FPS
    reach = np.arange(-int(3 * deviation), int(3 * deviation) + 1)
    window = np.exp(-0.5 * (reach / deviation) ** 2)
    return np.convolve(np.pad(track, len(reach) // 2, mode="edge"), window / window.sum(), mode="valid")
