"""Are signs, twists and shortest arcs right where they are easily wrong?"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.geometry.rotations import (
    angle_about,
    matrix_from_quaternion,
    quaternion_about_y,
    quaternion_from_rotation_vector,
    quaternion_multiply,
    rotate,
    shortest_arc,
    sign_continuous,
    twist_about_y,
)

number = st.floats(-1, 1, allow_subnormal=False)
direction = (
    st.tuples(number, number, number)
    .filter(lambda v: math.hypot(*v) > 1e-3)
    .map(lambda v: torch.tensor(v, dtype=torch.float64) / math.hypot(*v))
)
AXES = [torch.tensor(v, dtype=torch.float64) for v in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))]


def random_walk(seed: int, frames: int = 200) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    turns = torch.cumsum(torch.randn(frames, 3, 3, generator=generator, dtype=torch.float64) * 0.3, dim=0)
    return quaternion_from_rotation_vector(turns)


@given(st.integers(0, 1000), st.lists(st.booleans(), min_size=200, max_size=200))
def test_flipped_signs_are_mended_without_turning_anything(seed: int, flips: list[bool]) -> None:
    walk = random_walk(seed)
    flipped = walk * torch.where(torch.tensor(flips), -1.0, 1.0)[:, None, None]
    mended = sign_continuous(flipped)
    assert torch.equal(mended[0], flipped[0])
    assert bool(((mended[1:] * mended[:-1]).sum(-1) >= 0).all())
    assert torch.equal(matrix_from_quaternion(mended), matrix_from_quaternion(walk))


def test_each_joint_has_its_own_sign() -> None:
    steady = torch.tensor([1.0, 0, 0, 0]).repeat(4, 2, 1)
    steady[2, 1] *= -1
    assert torch.equal(sign_continuous(steady), torch.tensor([1.0, 0, 0, 0]).repeat(4, 2, 1))


def test_one_frame_keeps_its_sign() -> None:
    q = torch.tensor([[-1.0, 0, 0, 0]])
    assert torch.equal(sign_continuous(q), q)


@given(st.floats(-3.1, 3.1), st.floats(-2.9, 2.9), st.floats(-math.pi, math.pi), st.booleans(), st.booleans())
def test_the_twist_about_y_is_what_a_tilt_about_a_level_axis_leaves(
    yaw: float, tilt: float, level: float, tilt_first: bool, flipped: bool
) -> None:
    turn = quaternion_about_y(torch.tensor(yaw, dtype=torch.float64))
    axis = torch.tensor([math.cos(level), 0, math.sin(level)], dtype=torch.float64)
    lean = quaternion_from_rotation_vector(axis * tilt)
    q = quaternion_multiply(turn, lean) if tilt_first else quaternion_multiply(lean, turn)
    found = float(twist_about_y(-q if flipped else q))
    assert math.isclose(math.remainder(found - yaw, 2 * math.pi), 0, abs_tol=1e-7)


@given(direction, direction, st.floats(-3.1, 3.1), st.floats(0.1, 10))
def test_the_angle_about_an_axis_is_the_one_that_was_turned_by(axis: Tensor, other: Tensor, angle: float, length: float) -> None:
    start = torch.linalg.cross(axis, other)
    assume(float(start.norm()) > 1e-3)
    end = length * rotate(quaternion_from_rotation_vector(axis * angle), start)
    assert math.isclose(float(angle_about(axis, start, end)), angle, abs_tol=1e-7)


@given(direction, direction)
def test_the_shortest_arc_brings_one_direction_to_the_other_and_turns_no_further(a: Tensor, b: Tensor) -> None:
    m = shortest_arc(3.0 * a, 0.1 * b)
    torch.testing.assert_close(m @ a, b, atol=1e-7, rtol=0)
    cosine = (float(torch.trace(m)) - 1) / 2
    assert math.isclose(cosine, max(-1.0, min(1.0, float(a @ b))), abs_tol=1e-6)


@pytest.mark.parametrize("short_of_half", [1e-7, 1e-5, 1e-4, 1e-3])
def test_nearly_opposite_directions_meet(short_of_half: float) -> None:
    a = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    b = torch.tensor([math.sin(short_of_half), 0, -math.cos(short_of_half)], dtype=torch.float64)
    torch.testing.assert_close(shortest_arc(a, b) @ a, b, atol=1e-7, rtol=0)


@given(direction)
def test_opposite_directions_are_half_a_turn_apart(a: Tensor) -> None:
    m = shortest_arc(a, -a)
    torch.testing.assert_close(m @ a, -a, atol=1e-7, rtol=0)
    torch.testing.assert_close(m @ m, torch.eye(3, dtype=torch.float64), atol=1e-7, rtol=0)
    assert math.isclose(float(torch.linalg.det(m)), 1, abs_tol=1e-9)


@pytest.mark.parametrize("a", AXES, ids=str)
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_opposite_axes_are_turned_over(a: Tensor, precision: torch.dtype) -> None:
    a = a.to(precision)
    torch.testing.assert_close(shortest_arc(a, -a) @ a, -a, atol=1e-6, rtol=0)


def test_no_direction_is_without_an_axis_across_it() -> None:
    spread = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    diagonals = torch.tensor([[1, 1, 1], [1, -1, 1], [1, 1, 0], [0, 1, 1], [1, 0, -1]], dtype=torch.float64)
    once_turned_wrongly = torch.tensor(
        [[-0.3857756655237942, -0.6643878061688837, -0.6401296578848451], [0.723044603611003, 0.467962875469076, 0.5081508126252702]],
        dtype=torch.float64,
    )
    a = torch.nn.functional.normalize(torch.cat((spread, diagonals, once_turned_wrongly)), dim=-1)
    for opposite in (a, a.float()):
        turned = (shortest_arc(opposite, -opposite) @ opposite[..., None]).squeeze(-1)
        torch.testing.assert_close(turned, -opposite, atol=1e-6, rtol=0)


def test_equal_directions_are_not_turned() -> None:
    a = torch.tensor([0.2, -0.5, 0.7])
    torch.testing.assert_close(shortest_arc(a, a), torch.eye(3), atol=1e-6, rtol=0)
