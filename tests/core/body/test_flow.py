"""Does the integrator take the published steps, and is it as exact as its method?"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.body.flow import evaluation_times, integrate

START = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)


class Counting:
    """dx/dt = a x + b t + c, remembering when it was asked."""

    def __init__(self, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> None:
        self.a, self.b, self.c = a, b, c
        self.times: list[float] = []

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (len(x),) and t.dtype == x.dtype and len(set(t.tolist())) == 1
        self.times.append(float(t[0]))
        return self.a * x + self.b * t[:, None] + self.c


@pytest.mark.parametrize(("steps", "evaluations"), [(2, 2), (16, 30), (30, 58), (50, 98)])
def test_midpoint_asks_twice_an_interval(steps: int, evaluations: int) -> None:
    field = Counting(1.0)
    integrate(field, START, steps)
    assert len(field.times) == evaluations


@pytest.mark.parametrize(("method", "expected"), [("midpoint", [0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6]), ("euler", [0, 1 / 3, 2 / 3])])
def test_four_grid_points_make_three_intervals(method: str, expected: list[float]) -> None:
    field = Counting(1.0)
    integrate(field, START, 4, method)
    assert field.times == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("method", ["midpoint", "euler"])
@pytest.mark.parametrize("steps", [2, 16, 30])
def test_the_times_are_known_before(method: str, steps: int) -> None:
    field = Counting()
    integrate(field, START.float(), steps, method)
    assert evaluation_times(steps, method).tolist() == field.times


@given(st.floats(-3, 3), st.integers(2, 40))
def test_growth_is_that_of_the_method(a: float, steps: int) -> None:
    h = 1 / (steps - 1)
    for method, factor in (("midpoint", 1 + h * a + (h * a) ** 2 / 2), ("euler", 1 + h * a)):
        expected = START * factor ** (steps - 1)
        torch.testing.assert_close(integrate(Counting(a), START, steps, method), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("a", [-2.0, 0.7])
def test_midpoint_errors_fall_with_the_square_of_the_step(a: float) -> None:
    exact = START * math.exp(a)
    errors = [float((integrate(Counting(a), START, steps) - exact).abs().max()) for steps in (11, 21, 41)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2) and errors[1] / errors[2] == pytest.approx(4, rel=0.2)


@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(2, 20))
def test_midpoint_is_exact_for_a_velocity_that_grows_with_time(b: float, c: float, steps: int) -> None:
    torch.testing.assert_close(integrate(Counting(0, b, c), START, steps), START + b / 2 + c, atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ["midpoint", "euler"])
@pytest.mark.parametrize("steps", [2, 3, 16])
def test_a_straight_flow_reaches_its_data_in_any_number_of_steps(method: str, steps: int) -> None:
    data = torch.tensor([[4.0, 5], [6, 7]], dtype=torch.float64)
    torch.testing.assert_close(integrate(lambda x, t: data - START, START, steps, method), data, atol=1e-7, rtol=0)


def test_the_noise_is_left_as_it_was() -> None:
    noise = START.clone()
    integrate(Counting(1.0), noise, 5)
    assert torch.equal(noise, START)


def test_each_interval_is_told() -> None:
    told: list[tuple[int, int]] = []
    integrate(Counting(), START, 4, on_step=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
