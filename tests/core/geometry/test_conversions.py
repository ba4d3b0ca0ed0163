"""Do all notations of one rotation mean the same turn?"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.geometry.rotations import (
    matrix_about_axis,
    matrix_from_euler,
    matrix_from_quaternion,
    matrix_from_rotation_6d,
    matrix_from_rotation_vector,
    quaternion_about_y,
    quaternion_conjugate,
    quaternion_from_matrix,
    quaternion_from_rotation_vector,
    quaternion_multiply,
    rotate,
    rotation_6d_from_matrix,
    rotation_vector_from_quaternion,
    wrap_angle,
)

number = st.floats(-1, 1, allow_subnormal=False)
angle = st.floats(-math.pi, math.pi, allow_subnormal=False) | st.sampled_from([0.0, math.pi, -math.pi, math.pi / 2, 1e-9, math.pi - 1e-9])
vector = st.tuples(number, number, number).map(lambda v: torch.tensor(v, dtype=torch.float64))
direction = vector.filter(lambda v: float(v.norm()) > 1e-3).map(lambda v: v / v.norm()) | st.sampled_from(
    [torch.tensor(v, dtype=torch.float64) for v in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, -1, 0))]
)
rotation_vector = st.builds(lambda axis, turn: axis * turn, direction, angle)


def skew(v: Tensor) -> Tensor:
    x, y, z = v.tolist()
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=v.dtype)


def exponential(v: Tensor) -> Tensor:
    return torch.linalg.matrix_exp(skew(v))


def spinor(q: Tensor) -> Tensor:
    """A quaternion as a complex 2x2 matrix, whose products are quaternion products."""
    w, x, y, z = q.tolist()
    return torch.tensor([[complex(w, x), complex(y, z)], [complex(-y, z), complex(w, -x)]], dtype=torch.complex128)


def assert_close(a: Tensor, b: Tensor, atol: float = 1e-9) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


@given(rotation_vector)
def test_a_rotation_vector_is_the_exponential_of_its_cross_product_matrix(v: Tensor) -> None:
    assert_close(matrix_from_rotation_vector(v), exponential(v))


@given(rotation_vector)
def test_a_rotation_vector_gives_half_angles_in_its_quaternion(v: Tensor) -> None:
    turn = float(v.norm())
    axis = v / turn if turn > 1e-12 else v
    expected = torch.tensor([math.cos(turn / 2), *(float(a) * math.sin(turn / 2) for a in axis)], dtype=torch.float64)
    assert_close(quaternion_from_rotation_vector(v), expected)


@given(direction, st.floats(0, 3.1), st.sampled_from((1.0, -1.0)))
def test_a_quaternion_of_either_sign_gives_the_rotation_vector_back(axis: Tensor, turn: float, sign: float) -> None:
    assert_close(rotation_vector_from_quaternion(sign * quaternion_from_rotation_vector(axis * turn)), axis * turn)


@given(rotation_vector, rotation_vector)
def test_a_product_of_quaternions_turns_first_by_the_right_one(a: Tensor, b: Tensor) -> None:
    qa, qb = quaternion_from_rotation_vector(a), quaternion_from_rotation_vector(b)
    product = quaternion_multiply(qa, qb)
    assert_close(spinor(product).real, (spinor(qa) @ spinor(qb)).real)
    assert_close(spinor(product).imag, (spinor(qa) @ spinor(qb)).imag)
    assert_close(matrix_from_quaternion(product), exponential(a) @ exponential(b))


@given(rotation_vector, vector)
def test_rotating_a_vector_is_the_sandwich_product(v: Tensor, point: Tensor) -> None:
    q = quaternion_from_rotation_vector(v)
    pure = torch.cat((torch.zeros(1, dtype=torch.float64), point))
    sandwich = quaternion_multiply(quaternion_multiply(q, pure), quaternion_conjugate(q))
    assert_close(rotate(q, point), sandwich[1:])
    assert_close(rotate(q, point), exponential(v) @ point)


@given(rotation_vector)
def test_conjugating_undoes_the_turn(v: Tensor) -> None:
    q = quaternion_from_rotation_vector(v)
    assert_close(quaternion_multiply(q, quaternion_conjugate(q)), torch.tensor([1.0, 0, 0, 0], dtype=torch.float64))


@given(rotation_vector)
def test_quaternions_come_back_from_matrices_with_positive_w(v: Tensor) -> None:
    q = quaternion_from_rotation_vector(v)
    back = quaternion_from_matrix(exponential(v))
    assert float(back[0]) >= 0
    assert abs(float(back.norm()) - 1) < 1e-12
    assert abs(abs(float(back @ q)) - 1) < 1e-12
    assert_close(matrix_from_quaternion(back), exponential(v), atol=1e-8)


@pytest.mark.parametrize("axis", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (0.6, 0.8, 0), (0, -0.6, 0.8), (1.0, 1.0, 1.0), (-1.0, 0.1, 3.0)])
@pytest.mark.parametrize("short_of_half", [0.0, 1e-7, 1e-4, -1e-4])
def test_half_turns_come_back_exactly(axis: tuple[float, ...], short_of_half: float) -> None:
    unit = torch.tensor(axis, dtype=torch.float64) / math.hypot(*axis)
    m = exponential(unit * (math.pi - short_of_half))
    for back in (matrix_from_quaternion(quaternion_from_matrix(m)), matrix_from_rotation_6d(rotation_6d_from_matrix(m))):
        assert_close(back, m)
    assert_close(2 * torch.outer(unit, unit) - torch.eye(3), exponential(unit * math.pi))


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_survive_in_single_precision(axis: int) -> None:
    m = -torch.eye(3)
    m[axis, axis] = 1
    assert_close(matrix_from_quaternion(quaternion_from_matrix(m)), m, atol=1e-6)


@given(angle, st.sampled_from("XYZ"))
def test_turns_about_an_axis_follow_the_right_hand_rule(turn: float, axis: str) -> None:
    i = "XYZ".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[i, i] = 1
    expected[j, j] = expected[k, k] = math.cos(turn)
    expected[k, j], expected[j, k] = math.sin(turn), -math.sin(turn)
    assert_close(matrix_about_axis(axis, torch.tensor(turn, dtype=torch.float64)), expected)


@given(st.tuples(angle, angle, angle), st.sampled_from(["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "ZXZ"]))
def test_euler_angles_turn_about_the_axes_that_were_turned_before(angles: tuple[float, float, float], order: str) -> None:
    turned = torch.eye(3, dtype=torch.float64)
    for turn, axis in zip(angles, order, strict=True):
        moving_axis = turned[:, "XYZ".index(axis)]
        turned = exponential(moving_axis * turn) @ turned
    assert_close(matrix_from_euler(torch.tensor(angles, dtype=torch.float64), order), turned)


@given(rotation_vector)
def test_six_numbers_are_the_first_two_columns_and_lead_back(v: Tensor) -> None:
    m = exponential(v)
    six = rotation_6d_from_matrix(m)
    assert six.tolist() == [*m[:, 0].tolist(), *m[:, 1].tolist()]
    assert_close(matrix_from_rotation_6d(six), m)


@given(st.tuples(*[number] * 6).map(lambda v: torch.tensor(v, dtype=torch.float64)))
def test_any_six_numbers_become_the_rotation_of_the_published_formula(six: Tensor) -> None:
    c0, c1 = six[:3], six[3:]
    normal = torch.linalg.cross(c0, c1)
    if float(normal.norm()) < 1e-3:
        return
    x = c0 / c0.norm()
    z = normal / normal.norm()
    m = matrix_from_rotation_6d(six)
    assert_close(m, torch.stack((x, torch.linalg.cross(z, x), z), dim=-1))
    assert_close(m.T @ m, torch.eye(3, dtype=torch.float64))
    assert float(torch.linalg.det(m)) > 0.999


@given(angle)
def test_a_quaternion_about_y_turns_forward_to_the_left(turn: float) -> None:
    forward = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    turned = rotate(quaternion_about_y(torch.tensor(turn, dtype=torch.float64)), forward)
    assert_close(turned, torch.tensor([math.sin(turn), 0, math.cos(turn)], dtype=torch.float64))


@given(st.floats(-100, 100))
def test_wrapped_angles_point_the_same_way_within_half_a_turn(turn: float) -> None:
    wrapped = float(wrap_angle(torch.tensor(turn, dtype=torch.float64)))
    assert -math.pi <= wrapped < math.pi
    assert math.isclose(math.remainder(wrapped - turn, 2 * math.pi), 0, abs_tol=1e-9)


def test_leading_dimensions_broadcast() -> None:
    q = quaternion_from_rotation_vector(torch.randn(5, 1, 3, generator=torch.Generator().manual_seed(0)))
    v = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    turned = rotate(q, v)
    assert turned.shape == (5, 4, 3)
    assert_close(turned[3, 2], matrix_from_quaternion(q[3, 0]) @ v[2], atol=1e-6)
    assert matrix_from_euler(torch.zeros(2, 7, 3), "ZXY").shape == (2, 7, 3, 3)
    assert quaternion_from_matrix(torch.eye(3).expand(2, 7, 3, 3)).shape == (2, 7, 4)
