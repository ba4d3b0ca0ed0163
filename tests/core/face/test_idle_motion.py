"""Do blinks, head and gaze have the statistics of speakers, and do they depend on the sound, the seed and nothing else?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import REPO

from understudy.core.face.idle_motion import IdleMotion, idle_motion
from understudy.core.face.liveliness import EMOTIONS
from understudy.core.face.speech_rhythm import LEVEL_HZ, LOOKAHEAD_S, SOUND_HZ, sound_levels, speech_rhythm

GRID = Path(os.environ.get("UNDERSTUDY_DATA", REPO.parent / "shared" / "data")) / "speech" / "grid"
FPS = 25.0
BANDS_HZ = ((0.2, 0.7), (0.7, 1.5), (1.5, 2.5), (2.5, 4.0))


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Levels (L,) of phrases of 1 to 4 s out of syllables of 0.2 s, every fifth of them stressed, with pauses of half a second."""
    generator = np.random.default_rng(seed)
    levels: list[np.ndarray] = []
    while sum(map(len, levels)) < seconds * LEVEL_HZ:
        for _ in range(generator.integers(5, 20)):
            peak = -25 + 9 * (generator.random() < 0.2) + generator.standard_normal()
            levels.append(peak - 14 * np.linspace(-1, 1, 20) ** 2)
        levels.append(np.full(50, -80.0))
    return np.concatenate(levels)[: round(seconds * LEVEL_HZ)]


@pytest.fixture(scope="module")
def ten_minutes() -> IdleMotion:
    return idle_motion(speech(600), round(600 * FPS), FPS, seed=5)


def test_blinks_are_as_many_and_as_long_as_those_of_speakers(ten_minutes: IdleMotion) -> None:
    closing, opening = crossings(ten_minutes.blinks, 0.5)
    durations, intervals = (opening - closing) / FPS, np.diff(closing) / FPS
    assert 15 <= len(closing) / 10 <= 25
    # In GRID's whole blinks lids are at least half as far closed as at most for 0.08 to 0.2 s, 0.15 s on average
    assert 0.12 <= durations.mean() <= 0.18 and durations.max() <= 0.3
    assert 0.45 <= np.log(intervals).std() <= 0.75  # log-normal
    assert intervals.min() >= 0.4
    assert (ten_minutes.blinks.max(initial=0), ten_minutes.blinks.min()) == (1, 0)


def test_lids_close_faster_than_they_open() -> None:
    motion = idle_motion(speech(120), 120 * 200, 200, seed=1)
    closing, opening = crossings(motion.blinks, 0.1)
    for start, end in zip(closing, opening, strict=True):
        blink = motion.blinks[start:end]
        assert np.argmax(blink) < len(blink) - np.argmax(blink[::-1])


def test_blinks_gather_where_speech_pauses() -> None:
    levels = speech(600)
    closing, _ = crossings(idle_motion(levels, round(600 * FPS), FPS, seed=5).blinks, 0.3)
    pauses = speech_rhythm(levels).pauses
    since_pause = closing / FPS - pauses[np.maximum(np.searchsorted(pauses, closing / FPS) - 1, 0)]
    by_chance = 0.4 * len(pauses) / 600
    assert ((since_pause > 0) & (since_pause < 0.4)).mean() > 1.8 * by_chance


def test_heads_sway_within_their_range_and_more_in_speech(ten_minutes: IdleMotion) -> None:
    degrees = np.degrees(ten_minutes.head)
    speed = np.abs(np.diff(degrees, axis=0)) * FPS
    assert np.abs(degrees).max() < 10 and 0.5 < degrees[:, 0].std() < 2
    assert speed.max() < 60 and 1 < speed[:, 0].mean() < 8
    still = np.degrees(idle_motion(np.full(60000, -80.0), round(600 * FPS), FPS, seed=5).head)
    assert 0.1 < still.std() < 0.7 * degrees.std()


def test_heads_nod_where_syllables_are_stressed() -> None:
    levels = speech(600)
    stresses = speech_rhythm(levels).stresses
    pitch = np.mean([np.degrees(idle_motion(levels, round(600 * FPS), FPS, seed).head[:, 0]) for seed in range(4)], axis=0)
    frames = (stresses[5:-5] * FPS).astype(int)
    assert (pitch[frames] - pitch[frames - 8]).mean() > 0.3


def test_eyes_stay_on_the_listener_most_of_the_time_and_hold_while_the_head_moves(ten_minutes: IdleMotion) -> None:
    gaze = np.degrees(ten_minutes.eyes[:, 0, :2] + ten_minutes.head[:, :2])
    away = np.linalg.norm(gaze, axis=1) > 2.8
    assert 0.1 < away.mean() < 0.4 and np.abs(gaze).max() < 14
    resting = np.linalg.norm(np.diff(gaze, axis=0), axis=1) < 0.02
    assert resting.mean() > 0.85  # what moves else are jumps, and these last less than three frames
    np.testing.assert_array_equal(ten_minutes.eyes[:, 0], ten_minutes.eyes[:, 1])


@pytest.mark.skipif(not GRID.exists(), reason="needs the speech data pack beside the repository")
def test_heads_move_in_the_bands_of_tracked_heads() -> None:
    soundfile = pytest.importorskip("soundfile")
    tracked, made = [], []
    for path in sorted((GRID / "measures").glob("*.csv")):
        columns = np.genfromtxt(path, delimiter=",", names=True)
        tracked.append(np.stack([columns[f"{axis}_deg"] for axis in ("pitch", "yaw", "roll")], axis=1))
        levels = np.tile(sound_levels([soundfile.read(GRID / "audio" / f"{path.stem}.flac", dtype="float32")[0]]), 3)
        # The middle one of three, as the ends rest
        made += [np.degrees(idle_motion(levels, 225, FPS, seed).head[75:150]) for seed in range(8)]
    ratio = band_sizes(np.array(made)) / band_sizes(np.array(tracked))
    # Measured: 0.78 to 1.2 below 1.5 Hz, 0.6 to 0.9 up to 2.5 Hz, 0.35 to 0.55 up to 4 Hz, where the tracker's own noise begins
    assert (ratio[:2] > 0.6).all() and (ratio[:2] < 1.5).all(), ratio
    assert (ratio[2:] > 0.25).all() and (ratio[2:] < 1.2).all(), ratio


@given(st.integers(-(2**40), 2**63), st.floats(0.01, 12), st.sampled_from([12.0, 24.0, 25.0, 29.97, 60.0]))
@settings(max_examples=40, deadline=None)
def test_the_same_seed_gives_the_same_and_every_number_is_within_limits(seed: int, seconds: float, fps: float) -> None:
    frames = max(int(seconds * fps), 1)
    motion, again = (idle_motion(speech(seconds), frames, fps, seed) for _ in range(2))
    for name, shape in (("blinks", (frames,)), ("head", (frames, 3)), ("eyes", (frames, 2, 3))):
        array = getattr(motion, name)
        assert array.shape == shape and array.dtype == np.float32 and np.isfinite(array).all()
        np.testing.assert_array_equal(array, getattr(again, name))
    assert motion.blinks.min() >= 0 and motion.blinks.max() <= 1
    assert np.abs(motion.head).max() < np.radians(15) and np.abs(motion.eyes).max() < np.radians(26)
    for rest in (motion.head[0], motion.head[-1], motion.eyes[0], motion.eyes[-1]):
        np.testing.assert_allclose(rest, 0, atol=1e-6)


@given(st.floats(3, 20), st.floats(0.1, 20), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_longer_sound_begins_the_same(shorter_s: float, more_s: float, seed: int) -> None:
    levels = speech(shorter_s + more_s)
    moods = [(1.0, "sad", 1.0), (2.5, "angry", 0.5)]
    short = idle_motion(levels[: round(shorter_s * LEVEL_HZ)], int(shorter_s * FPS), FPS, seed, moods)
    long = idle_motion(levels, int((shorter_s + more_s) * FPS), FPS, seed, moods)
    same = int((shorter_s - LOOKAHEAD_S) * FPS)
    for name in ("blinks", "head", "eyes"):
        np.testing.assert_allclose(getattr(short, name)[:same], getattr(long, name)[:same], atol=1e-5)


def test_another_rate_gives_the_same_motion_at_other_times() -> None:
    at_25, at_50 = (idle_motion(speech(10), round(10 * fps), fps, seed=2) for fps in (25.0, 50.0))
    np.testing.assert_allclose(at_25.head[:200], at_50.head[:400:2], atol=1e-5)
    np.testing.assert_allclose(at_25.blinks[:200], at_50.blinks[:400:2], atol=1e-5)


def test_other_seeds_give_other_motion() -> None:
    one, other = (idle_motion(speech(30), 750, FPS, seed) for seed in (1, 2))
    assert np.corrcoef(one.head[:, 1], other.head[:, 1])[0, 1] < 0.6
    assert np.abs(one.blinks - other.blinks).max() > 0.5


@pytest.mark.parametrize("samples", [0, 1, 160, 8000])
def test_a_sound_of_nothing_or_10_ms_makes_a_resting_face(samples: int) -> None:
    levels = sound_levels([np.zeros(samples, np.float32)])
    motion = idle_motion(levels, max(round(samples / SOUND_HZ * FPS), 1), FPS, seed=0)
    assert all(np.isfinite(array).all() for array in (motion.blinks, motion.head, motion.eyes))
    assert np.abs(motion.head).max() < 0.02


@pytest.mark.parametrize(("frames", "fps"), [(0, 25.0), (5, 0.0), (5, float("inf")), (5, float("nan"))])
def test_no_frames_or_no_rate_is_refused(frames: int, fps: float) -> None:
    with pytest.raises(ValueError):
        idle_motion(np.zeros(10), frames, fps, seed=0)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_levels_do_not_depend_on_how_the_sound_is_cut(lengths: list[int]) -> None:
    sound = np.random.default_rng(3).standard_normal(sum(lengths)).astype(np.float32)
    blocks = np.split(sound, np.cumsum(lengths)[:-1])
    np.testing.assert_allclose(sound_levels(blocks), sound_levels([sound]), atol=1e-9)
    assert len(sound_levels(blocks)) == -(-len(sound) // (SOUND_HZ // LEVEL_HZ))


def test_levels_are_decibels_of_full_scale() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SOUND_HZ) / SOUND_HZ).astype(np.float32)
    np.testing.assert_allclose(sound_levels([0.1 * tone]), -20 - 10 * np.log10(2), atol=0.01)


def test_a_quieter_recording_has_the_same_rhythm() -> None:
    loud, quiet = speech_rhythm(speech(60)), speech_rhythm(np.maximum(speech(60) - 20, -85))
    np.testing.assert_allclose(loud.pauses, quiet.pauses, atol=0.06)
    nearest = np.abs(loud.stresses[:, None] - quiet.stresses).min(1)
    assert (nearest < 0.03).mean() > 0.95


def test_emotions_change_how_lively_a_face_is() -> None:
    def made(emotion: str, intensity: float = 1.0) -> IdleMotion:
        return idle_motion(speech(300), round(300 * FPS), FPS, 7, [(0.0, emotion, intensity)])

    def speed(motion: IdleMotion) -> float:
        return float(np.abs(np.diff(motion.head[:, 0])).mean())

    def blinks(motion: IdleMotion) -> int:
        return len(crossings(motion.blinks, 0.5)[0])

    neutral, sad, fearful, angry = map(made, ("neutral", "sad", "fearful", "angry"))
    assert speed(sad) < 0.8 * speed(neutral) < speed(fearful) and speed(angry) > speed(neutral)
    assert blinks(sad) < blinks(neutral) < blinks(fearful)
    assert np.median(sad.blinks) > 0.1 > np.median(neutral.blinks)
    np.testing.assert_array_equal(made("sad", 0.0).head, neutral.head)
    for emotion in EMOTIONS:
        extreme = made(emotion, 2.0)
        assert np.isfinite(extreme.head).all() and extreme.blinks.max() <= 1


def crossings(track: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames at which whole excursions above `level` begin and end."""
    above = np.concatenate([[False], track > level, [False]])
    return np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(~above[1:] & above[:-1])


def band_sizes(degrees: np.ndarray) -> np.ndarray:
    """(bands, 3) root of the mean power of clips (N, T, 3) in BANDS_HZ, by Hann's window."""
    frames = degrees.shape[1]
    window = np.hanning(frames)[None, :, None]
    spectra = np.abs(np.fft.rfft((degrees - degrees.mean(1, keepdims=True)) * window, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(frames, 1 / FPS)
    bands = [spectra.mean(0)[(frequencies >= low) & (frequencies < high)].sum(0) for low, high in BANDS_HZ]
    return np.sqrt(np.array(bands))
