"""Does a motion keep its path, speed and duration at another frame rate?"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import BodyMotion
from understudy.core.contract.interpolation import slerp

RATES = [24.0, 25.0, 30.0, 59.94, 120.0]


def turn(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    unit = np.array(axis) / np.linalg.norm(axis)
    return np.concatenate(([math.cos(angle / 2)], unit * math.sin(angle / 2)))


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """By the chord, which is exact for small angles too."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    chord = np.minimum(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    return 4 * np.arcsin(np.clip(chord / 2, 0, 1))


def motion_of(rotations: np.ndarray, fps: float = 20.0) -> BodyMotion:
    frames = len(rotations)
    steps = np.arange(frames, dtype=np.float32)
    return BodyMotion(
        np.stack([steps, 0 * steps, -2 * steps], -1), rotations.astype(np.float32).reshape(frames, 1, 4), np.stack([steps / frames] * 4, -1),
        ("pelvis",), (-1,), np.zeros((1, 3), np.float32), fps,
    )  # fmt: skip


@pytest.fixture
def spinning() -> BodyMotion:
    """Ten radians a second for two seconds: through several half turns, with signs as they fall."""
    return motion_of(np.stack([turn((1, 2, -1), 0.5 * frame) for frame in range(41)]))


@pytest.mark.parametrize("fps", RATES)
def test_duration_and_rate(fps: float, spinning: BodyMotion) -> None:
    resampled = spinning.resampled(fps)
    assert resampled.fps == fps
    assert spinning.seconds - 1 / fps < resampled.seconds <= spinning.seconds + 1e-9
    assert len(resampled.translation) == len(resampled.rotations) == len(resampled.contacts)


@pytest.mark.parametrize("fps", [25.0, 24.0, 30.0, 60.0, 120.0, 10.0])
def test_the_last_pose_stays_where_the_rates_meet_it(fps: float, spinning: BodyMotion) -> None:
    resampled = spinning.resampled(fps)
    assert len(resampled.translation) == 2 * fps + 1
    np.testing.assert_allclose(resampled.translation[-1], spinning.translation[-1], atol=1e-5)


@pytest.mark.parametrize("fps", RATES)
def test_angular_speed_stays_constant(fps: float, spinning: BodyMotion) -> None:
    rotations = spinning.resampled(fps).rotations[:, 0]
    np.testing.assert_allclose(angle_between(rotations[1:], rotations[:-1]), 10 / fps, rtol=1e-4)
    for frame in (0, 1, 17, len(rotations) - 1):
        assert angle_between(rotations[frame], turn((1, 2, -1), 10 * frame / fps)) < 1e-4


@pytest.mark.parametrize("fps", RATES)
def test_the_root_moves_on_straight_lines(fps: float, spinning: BodyMotion) -> None:
    resampled = spinning.resampled(fps)
    times = np.arange(len(resampled.translation)) / fps
    np.testing.assert_allclose(resampled.translation, np.stack([times * 20, times * 0, times * -40], -1), atol=1e-4)
    np.testing.assert_allclose(resampled.contacts[:, 2], times * 20 / 41, atol=1e-5)


def test_the_same_rate_changes_nothing(spinning: BodyMotion) -> None:
    same = spinning.resampled(20.0)
    np.testing.assert_allclose(same.translation, spinning.translation, atol=1e-6)
    assert angle_between(same.rotations, spinning.rotations).max() < 1e-5


@pytest.mark.parametrize("fps", [*RATES, 1.0, 0.4])
def test_a_single_frame_stays_one(fps: float) -> None:
    still = motion_of(turn((0, 1, 0), 1.0)[None])
    assert still.seconds == 0
    assert len(still.resampled(fps).translation) == 1
    np.testing.assert_allclose(still.resampled(fps).rotations, still.rotations, atol=1e-6)


def test_opposite_signs_do_not_make_a_long_way_round() -> None:
    short = motion_of(np.stack([turn((0, 0, 1), 0.1), -turn((0, 0, 1), 0.3)]))
    middle = short.at(np.array([0.025])).rotations[0, 0]
    assert angle_between(middle, turn((0, 0, 1), 0.2)) < 1e-5


def test_poses_are_held_before_the_first_and_after_the_last_frame(spinning: BodyMotion) -> None:
    held = spinning.at(np.array([-5.0, -1e-9, 2.0 + 1e-9, 2.5, 1e6]))
    for row, frame in zip(range(5), (0, 0, -1, -1, -1), strict=True):
        np.testing.assert_allclose(held.translation[row], spinning.translation[frame], atol=1e-5)
        np.testing.assert_allclose(held.contacts[row], spinning.contacts[frame], atol=1e-6)
        assert angle_between(held.rotations[row, 0], spinning.rotations[frame, 0]) < 1e-5


@given(st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_times_may_come_in_any_order(times: list[float]) -> None:
    spinning = motion_of(np.stack([turn((1, 2, -1), 0.5 * frame) for frame in range(41)]))
    poses = spinning.at(np.array(times))
    for time, rotation in zip(times, poses.rotations[:, 0], strict=True):
        assert angle_between(rotation, turn((1, 2, -1), 10 * time)) < 1e-4


number = st.floats(-1, 1, allow_subnormal=False)
axis = st.tuples(number, number, number).filter(lambda v: math.hypot(*v) > 0.1)


@given(axis, st.floats(-3.1, 3.1), axis, st.floats(-3, 3), st.floats(0, 1), st.booleans())
def test_slerp_is_the_start_times_a_share_of_the_turn_between(
    start_axis: tuple[float, float, float], start: float, way: tuple[float, float, float], angle: float, weight: float, flipped: bool
) -> None:
    def product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return np.concatenate(([p[0] * q[0] - p[1:] @ q[1:]], p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:])))

    a = turn(start_axis, start)
    b = product(a, turn(way, angle))
    mixed = slerp(a, -b if flipped else b, np.array([weight]))
    assert abs(np.linalg.norm(mixed) - 1) < 1e-12
    assert angle_between(mixed, product(a, turn(way, weight * angle))) < 1e-6


def test_rotations_stay_of_unit_length_and_single_precision(spinning: BodyMotion) -> None:
    for fps in RATES:
        resampled = spinning.resampled(fps)
        np.testing.assert_allclose(np.linalg.norm(resampled.rotations, axis=-1), 1, atol=1e-6)
        assert {array.dtype for array in (resampled.rotations, resampled.translation, resampled.contacts)} == {np.dtype(np.float32)}


def test_everything_else_is_kept(spinning: BodyMotion) -> None:
    resampled = spinning.resampled(24.0)
    for field in dataclasses.fields(BodyMotion):
        if field.name not in ("translation", "rotations", "contacts", "fps"):
            assert getattr(resampled, field.name) is getattr(spinning, field.name)
