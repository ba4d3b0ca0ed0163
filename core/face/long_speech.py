"""Speech of any length, in windows that overlap: time and memory for the networks grow with the length alone, not with its square.

DEEPTalk's own program goes over a whole clip at once, up to 48 s, with one emotion from its first 10 s. A model that was released with it
does so here too, and has windows, each with an emotion of its own, only beyond that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from torch import Tensor

from .emotion_embedding import EmotionDistribution
from .layer_progress import layer_progress
from .sound_frames import FRAMES_PER_BLOCK, SAMPLES_PER_FRAME, heard_frames
from .speech_to_face import (
    Delivery,
    FaceCoefficients,
    FaceNetworks,
    content_of_sound,
    emotion_of_sound,
    face_of_content,
    heard_through,
)

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class WindowSettings:
    """longest: frames of a window at most; overlap: frames that two neighbours share, over which one fades into the other.

    one_pass: frames of a clip that is not cut at all.
    """

    longest: int = 240
    overlap: int = 32
    one_pass: int = 0

    def __post_init__(self) -> None:
        # Shorter windows could share frames with three others
        fits = self.overlap >= 0 and self.longest >= 3 * self.overlap + 4 * FRAMES_PER_BLOCK
        if not fits or self.longest % FRAMES_PER_BLOCK or self.overlap % FRAMES_PER_BLOCK:
            raise ValueError(f"windows of {self.longest} frames that share {self.overlap}: multiples of 4, at most a third of it shared")

    @property
    def longest_pass(self) -> int:
        """Frames that the networks are given at once, at most."""
        return max(self.longest, self.one_pass)


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


@dataclass(frozen=True)
class EmotionPart:
    """weights: (frames of the window,) float32, how much of the face is this emotion's; those of a window's parts sum to one."""

    emotion: EmotionDistribution
    weights: np.ndarray


OwnEmotion = Callable[[], EmotionDistribution]  # what a window sounds like, found out only where somebody asks
WindowEmotions = Callable[[Window, OwnEmotion], Sequence[EmotionPart]]


class Samples(Protocol):
    """Sound (L,) that need not lie in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


def windows(n_frames: int, settings: WindowSettings) -> list[Window]:
    """Windows that cover the frames, all about as long, since a short one at the end would hear too little around it.

    All begin at multiples of 4 frames, where a block of codes begins.
    """
    if n_frames <= settings.longest_pass:
        return [Window(0, n_frames, 0, 0)]
    overlap = settings.overlap
    n = math.ceil((n_frames - overlap) / (settings.longest - overlap - FRAMES_PER_BLOCK))
    starts = [number * (n_frames - overlap) // n // FRAMES_PER_BLOCK * FRAMES_PER_BLOCK for number in range(n)]
    stops = [start + overlap for start in starts[1:]] + [n_frames]
    fades = [0] + [overlap] * (n - 1) + [0]
    return [Window(*each) for each in zip(starts, stops, fades[:-1], fades[1:], strict=True)]


def faces_of_long_speech(
    networks: FaceNetworks,
    sound: Samples,
    deliveries: Sequence[Delivery],
    emotions: WindowEmotions,
    report: Report,
    settings: WindowSettings = DEFAULT_WINDOWS,
) -> list[FaceCoefficients]:
    """Faces that speak the clip (L,), 16 kHz in -1..1, one a delivery; only the window that is at work is taken out of the sound.

    emotions: of each window. report: layers of all windows that were begun and their number; what it raises ends the work. Raises
    BadRequest as `face_of_speech` does.
    """
    planned = windows(heard_frames(len(sound)), settings)
    wholes: list[FaceCoefficients] = []
    with layer_progress(heard_through(networks), len(planned), report) as progress:
        for number, window in enumerate(planned):
            progress.begin(number)
            heard = np.asarray(sound[window.start * SAMPLES_PER_FRAME : window.stop * SAMPLES_PER_FRAME])
            content = content_of_sound(networks, heard)
            parts = emotions(window, partial(emotion_of_sound, networks, heard, content))
            pieces = []
            for delivery in deliveries:
                progress.alive()
                pieces.append(_spoken(networks, content, window, parts, delivery, number))
            wholes = wholes or [_silent(planned[-1].stop, piece) for piece in pieces]
            for whole, piece in zip(wholes, pieces, strict=True):
                _add(whole, piece, window.start, window.weights())
    return wholes


def face_of_long_speech(
    networks: FaceNetworks,
    sound: Samples,
    delivery: Delivery,
    report: Report,
    emotion: EmotionDistribution | None = None,
    settings: WindowSettings = DEFAULT_WINDOWS,
) -> FaceCoefficients:
    """One face of one emotion; None for what each window sounds like."""

    def alike(window: Window, own: OwnEmotion) -> list[EmotionPart]:
        return [EmotionPart(emotion or own(), np.ones(window.stop - window.start, np.float32))]

    return faces_of_long_speech(networks, sound, [delivery], alike, report, settings)[0]


def _spoken(
    networks: FaceNetworks, content: Tensor, window: Window, parts: Sequence[EmotionPart], delivery: Delivery, number: int
) -> FaceCoefficients:
    """Every emotion of a window speaks all of it, because the networks learned clips of one emotion; then they fade into each other."""
    n_frames = window.stop - window.start
    pieces = [face_of_content(networks, content, n_frames, part.emotion, delivery, number) for part in parts]
    whole = _silent(n_frames, pieces[0])
    for piece, part in zip(pieces, parts, strict=True):
        _add(whole, piece, 0, part.weights)
    return whole


def _silent(n_frames: int, like: FaceCoefficients) -> FaceCoefficients:
    return FaceCoefficients(*(np.zeros((n_frames, part.shape[1]), np.float32) for part in (like.expression, like.jaw)))


def _add(whole: FaceCoefficients, piece: FaceCoefficients, start: int, weights: np.ndarray) -> None:
    # Axis times angle may be faded like other numbers, because a jaw turns by little and about one axis
    stop = start + len(weights)
    whole.expression[start:stop] += weights[:, None] * piece.expression
    whole.jaw[start:stop] += weights[:, None] * piece.jaw
