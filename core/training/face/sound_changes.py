"""Other voices, rooms and microphones out of the same recording, so that a network learns none of them by heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from ...face.sound_frames import SAMPLE_RATE

SEMITONES = 5.0  # up or down, with the vocal tract and the rate
ROOM_SHARE, NOISE_SHARE, COLOUR_SHARE = 0.3, 0.5, 0.5
ROOM_SECONDS = (0.08, 0.35)
SIGNAL_TO_NOISE = (12.0, 40.0)  # dB
TILT = 6.0  # dB, at most, between the lowest and the highest frequency


@dataclass(frozen=True)
class Change:
    """rate: how much faster and higher the clip is; generator: draws the rest."""

    rate: float
    generator: np.random.Generator


def drawn_change(generator: np.random.Generator) -> Change:
    return Change(2.0 ** (generator.uniform(-SEMITONES, SEMITONES) / 12), generator)


def changed(sound: np.ndarray, change: Change) -> np.ndarray:
    """(L,) to (L / rate,): faster and higher, in a room, through a microphone, with noise; each by chance but the first."""
    draw = change.generator
    result = soxr.resample(sound, SAMPLE_RATE * change.rate, SAMPLE_RATE).astype(np.float32)
    if draw.random() < ROOM_SHARE:
        result = _in_room(result, draw)
    if draw.random() < COLOUR_SHARE:
        result = _coloured(result, draw)
    if draw.random() < NOISE_SHARE:
        result = _noisy(result, draw)
    return result


def _in_room(sound: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """An echo that decays by 60 dB in ROOM_SECONDS: noise under an exponential."""
    seconds = draw.uniform(*ROOM_SECONDS)
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    echo = draw.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    echo *= draw.uniform(0.1, 0.5) / np.linalg.norm(echo)
    echo[0] = 1.0
    size = len(sound) + len(echo) - 1
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(echo, size), size)
    return wet[: len(sound)].astype(np.float32)


def _coloured(sound: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A microphone that hears low and high tones unequally, by a random smooth curve."""
    spectrum = np.fft.rfft(sound)
    curve = np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, 6), draw.uniform(-TILT, TILT, 6))
    return np.fft.irfft(spectrum * 10 ** (curve / 20), len(sound)).astype(np.float32)


def _noisy(sound: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """White to pink noise."""
    spectrum = np.fft.rfft(draw.standard_normal(len(sound)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** draw.uniform(0, 0.5)
    noise = np.fft.irfft(spectrum, len(sound))
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-draw.uniform(*SIGNAL_TO_NOISE) / 20)
    return (sound + noise * level / (noise.std() + 1e-12)).astype(np.float32)
