"""Planted feet stand still on the floor, bones keep their lengths, and what moves on purpose goes on moving."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.body.foot_lock import FARTHEST, lock_feet
from understudy.core.contract import BodyMotion
from understudy.core.geometry.rotations import matrix_from_quaternion
from understudy.core.geometry.skeleton import REST_SKELETON, REST_SOLE, forward_kinematics

FPS = 20.0
LEGS = [[REST_SKELETON.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot")] for side in ("left", "right")]
FEET = [joint for leg in LEGS for joint in leg[2:]]
ALL_PLANTED = np.ones(4, np.float32)


def about_x(angle: np.ndarray) -> np.ndarray:
    zero = np.zeros_like(angle)
    return np.stack((np.cos(angle / 2), np.sin(angle / 2), zero, zero), axis=-1).astype(np.float32)


def squatting(frames: int = 80, bend: float = 0.5) -> BodyMotion:
    """Both legs bend and stretch, the feet flat on the floor right under the hips and both always planted."""
    angle = bend * (1.2 + np.sin(np.arange(frames) / 6)) / 2
    rotations = np.zeros((frames, 22, 4), np.float32)
    rotations[..., 0] = 1
    for hip, knee, ankle, _ in LEGS:
        rotations[:, hip], rotations[:, knee], rotations[:, ankle] = about_x(-angle), about_x(2 * angle), about_x(-angle)
    motion = made(np.zeros((frames, 3), np.float32), rotations, np.tile(ALL_PLANTED, (frames, 1)))
    ankle = places(motion)[:, LEGS[0][2]]
    flat = float(REST_SKELETON.rest_positions()[LEGS[0][2], 1] - REST_SOLE)
    path = np.array([0.0, flat, 0.0]) - ankle * np.array([0, 1, 1])
    return dataclasses.replace(motion, translation=path.astype(np.float32))


def made(translation: np.ndarray, rotations: np.ndarray, contacts: np.ndarray) -> BodyMotion:
    skeleton = REST_SKELETON
    offsets = skeleton.offsets.float().numpy()
    return BodyMotion(translation, rotations, contacts.astype(np.float32), skeleton.names, skeleton.parents, offsets, FPS)


def places(motion: BodyMotion) -> np.ndarray:
    return posed(motion)[0]


def posed(motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
    rotations = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
    positions, turned = forward_kinematics(REST_SKELETON, rotations, torch.from_numpy(motion.translation.astype(np.float64)))
    return positions.numpy(), turned.numpy()


def speeds(motion: BodyMotion, joints: list[int] = FEET) -> np.ndarray:
    """Horizontal speed (T - 1, joints) in m/s."""
    return np.linalg.norm(np.diff(places(motion)[:, joints][..., [0, 2]], axis=0), axis=-1) * FPS


def drifting(motion: BodyMotion, metres_a_second: float) -> BodyMotion:
    way = np.arange(len(motion.translation), dtype=np.float32)[:, None] / np.float32(FPS)
    return dataclasses.replace(motion, translation=motion.translation + way * np.array([metres_a_second, 0, 0], np.float32))


def shaking(motion: BodyMotion, radians: float, seed: int = 0) -> BodyMotion:
    """Hips and knees tremble, as those of a decoder do."""
    dice = np.random.default_rng(seed)
    rotations = motion.rotations.copy()
    for leg in LEGS:
        for joint in leg[:2]:
            noise = about_x(dice.normal(0, radians, len(rotations)))
            real, axis = rotations[:, joint, :1], rotations[:, joint, 1:2]
            rotations[:, joint, 0], rotations[:, joint, 1] = (
                (real * noise[:, :1] - axis * noise[:, 1:2])[:, 0], (real * noise[:, 1:2] + axis * noise[:, :1])[:, 0],
            )  # fmt: skip
    return dataclasses.replace(motion, rotations=rotations)


def test_a_motion_whose_feet_stand_stays_as_it_is() -> None:
    motion = squatting()
    locked = lock_feet(motion)
    assert np.abs(places(locked) - places(motion)).max() < 2e-3


@pytest.mark.parametrize("speed", [0.1, 0.3, 0.6])
def test_a_body_that_drifts_over_its_planted_feet_is_held(speed: float) -> None:
    motion = drifting(squatting(), speed)
    assert speeds(motion).mean() > 0.9 * speed
    locked = lock_feet(motion)
    assert speeds(locked).max() < 0.02
    assert np.ptp(locked.translation[:, 0]) < 0.05


def test_trembling_legs_leave_the_feet_in_their_places() -> None:
    motion = shaking(squatting(), 0.01)
    locked = lock_feet(motion)
    assert speeds(motion).mean() > 0.1
    assert speeds(locked).mean() < 0.1 * speeds(motion).mean()


def test_feet_that_sank_are_set_on_the_floor() -> None:
    motion = squatting()
    sunk = dataclasses.replace(motion, translation=motion.translation - np.array([0, 0.05, 0], np.float32))
    flat = (REST_SKELETON.rest_positions()[FEET, 1] - REST_SOLE).numpy()
    assert (places(lock_feet(sunk))[:, FEET, 1] - flat).min() > -2e-3


def test_a_foot_in_the_air_that_dips_below_the_floor_is_lifted() -> None:
    motion = squatting()
    contacts = np.zeros_like(motion.contacts)
    sunk = dataclasses.replace(motion, translation=motion.translation - np.array([0, 0.05, 0], np.float32), contacts=contacts)
    flat = (REST_SKELETON.rest_positions()[FEET, 1] - REST_SOLE).numpy()
    assert (places(lock_feet(sunk))[:, FEET, 1] - flat).min() > -2e-3


def test_a_body_in_the_air_is_left_alone() -> None:
    motion = dataclasses.replace(drifting(squatting(), 1.5), contacts=np.zeros((80, 4), np.float32))
    flying = dataclasses.replace(motion, translation=motion.translation + np.array([0, 0.6, 0], np.float32))
    assert np.abs(places(lock_feet(flying)) - places(flying)).max() < 1e-5


def test_what_moves_fast_is_stepping_whatever_the_contact_says() -> None:
    running = drifting(squatting(), 3.0)
    assert np.abs(places(lock_feet(running)) - places(running)).max() < 2e-3


@given(st.integers(0, 10_000), st.floats(0.0, 0.1), st.floats(-0.5, 0.5))
@settings(max_examples=25, deadline=None)
def test_whatever_comes_bones_keep_their_lengths_and_feet_their_directions(seed: int, radians: float, speed: float) -> None:
    dice = np.random.default_rng(seed)
    contacts = (dice.random((80, 4)) < 0.6).astype(np.float32)
    motion = dataclasses.replace(drifting(shaking(squatting(), radians, seed), speed), contacts=contacts)
    locked = lock_feet(motion)
    (before, turned_before), (after, turned_after) = posed(motion), posed(locked)
    assert np.isfinite(locked.rotations).all() and np.allclose(np.linalg.norm(locked.rotations, axis=-1), 1, atol=1e-5)
    for hip, knee, ankle, foot in LEGS:
        assert np.allclose(turned_before[:, ankle], turned_after[:, ankle], atol=1e-4)
        for upper, lower in ((hip, knee), (knee, ankle), (ankle, foot)):
            lengths = [np.linalg.norm(each[:, upper] - each[:, lower], axis=-1) for each in (before, after)]
            assert np.allclose(*lengths, atol=1e-5)
    path = (locked.translation - motion.translation)[:, None]
    assert np.linalg.norm(after - before - path, axis=-1)[:, FEET].max() < FARTHEST + 1e-3
    others = [joint for joint in range(22) if joint not in {each for leg in LEGS for each in leg}]
    assert np.allclose(after[:, others] - before[:, others], path, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_very_short_motions_pass(frames: int) -> None:
    motion = squatting(frames)
    assert lock_feet(motion).translation.shape == motion.translation.shape


def test_five_minutes_take_less_than_two_seconds() -> None:
    motion = squatting(6000)
    began = time.perf_counter()
    lock_feet(motion)
    assert time.perf_counter() - began < 2.0
