"""Speech of any length, in windows that overlap: time and memory for the networks grow with the length alone, not with its square.

DEEPTalk's own program goes over a whole clip at once, up to 48 s, with one emotion from its first 10 s. Here each window may have its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..contract import BadRequest
from .emotion_embedding import EmotionDistribution
from .sound_frames import FRAMES_PER_BLOCK, SAMPLES_PER_FRAME, heard_frames
from .speech_to_face import Delivery, FaceCoefficients, FaceNetworks, emotion_of_sound, face_of_speech

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class WindowSettings:
    """longest: frames of a window at most; overlap: frames that two neighbours share, over which one fades into the other."""

    longest: int = 240
    overlap: int = 32

    def __post_init__(self) -> None:
        # Shorter windows could share frames with three others
        fits = self.overlap >= 0 and self.longest >= 3 * self.overlap + 4 * FRAMES_PER_BLOCK
        if not fits or self.longest % FRAMES_PER_BLOCK or self.overlap % FRAMES_PER_BLOCK:
            raise ValueError(f"windows of {self.longest} frames that share {self.overlap}: multiples of 4, at most a third of it shared")


DEFAULT_WINDOWS = WindowSettings()  # of 9.6 s, because an emotion is read from no more than 10 s


@dataclass(frozen=True)
class Window:
    """Frames start..stop of a clip, with how much of them is faded in and out."""

    start: int
    stop: int
    fade_in: int
    fade_out: int

    def weights(self) -> np.ndarray:
        """(stop - start,): with those of the neighbours they sum to one."""
        weights = np.ones(self.stop - self.start)
        weights[: self.fade_in] *= np.arange(1, self.fade_in + 1) / (self.fade_in + 1)
        weights[len(weights) - self.fade_out :] *= np.arange(self.fade_out, 0, -1) / (self.fade_out + 1)
        return weights.astype(np.float32)


def windows(n_frames: int, settings: WindowSettings) -> list[Window]:
    """Windows that cover the frames, all about as long, since a short one at the end would hear too little around it.

    All begin at multiples of 4 frames, where a block of codes begins.
    """
    if n_frames <= settings.longest:
        return [Window(0, n_frames, 0, 0)]
    overlap = settings.overlap
    n = math.ceil((n_frames - overlap) / (settings.longest - overlap - FRAMES_PER_BLOCK))
    starts = [number * (n_frames - overlap) // n // FRAMES_PER_BLOCK * FRAMES_PER_BLOCK for number in range(n)]
    stops = [start + overlap for start in starts[1:]] + [n_frames]
    fades = [0] + [overlap] * (n - 1) + [0]
    return [Window(*each) for each in zip(starts, stops, fades[:-1], fades[1:], strict=True)]


def face_of_long_speech(
    networks: FaceNetworks,
    sound: np.ndarray,
    delivery: Delivery,
    report: Report,
    emotion: EmotionDistribution | None = None,
    settings: WindowSettings = DEFAULT_WINDOWS,
) -> FaceCoefficients:
    """A face that speaks the clip (L,), 16 kHz in -1..1; the sound may lie in a file that is mapped into memory.

    emotion: None for what each window sounds like. report: windows done and their number; what it raises ends the work.
    Raises BadRequest as `face_of_speech` does.
    """
    if sound.ndim != 1 or len(sound) == 0:
        raise BadRequest(f"The sound has the shape {sound.shape} instead of one channel with samples: choose another clip.")
    planned = windows(heard_frames(len(sound)), settings)
    whole: FaceCoefficients | None = None
    for number, window in enumerate(planned):
        report(number, len(planned))
        heard = np.asarray(sound[window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME])
        piece = face_of_speech(networks, heard, emotion or emotion_of_sound(networks, heard), delivery, number)
        whole = whole or _silent(planned[-1].stop, piece)
        _add(whole, piece, window)
    assert whole is not None
    return whole


def _silent(n_frames: int, like: FaceCoefficients) -> FaceCoefficients:
    return FaceCoefficients(*(np.zeros((n_frames, part.shape[1]), np.float32) for part in (like.expression, like.jaw)))


def _add(whole: FaceCoefficients, piece: FaceCoefficients, window: Window) -> None:
    # Axis times angle may be faded like other numbers, because a jaw turns by little and about one axis
    weights = window.weights()[:, None]
    whole.expression[window.start : window.stop] += weights * piece.expression
    whole.jaw[window.start : window.stop] += weights * piece.jaw
