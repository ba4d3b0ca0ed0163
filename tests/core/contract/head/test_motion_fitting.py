"""Are coefficients and jaw found again where they are known, and are limited ones the best within their limits?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.contract.head.bounded_least_squares import bounded_least_squares
from understudy.core.contract.head.motion_fitting import MotionFit
from understudy.core.contract.head.skin_points import SkinPoints
from understudy.core.contract.head.surface_matching import similarity

POINTS, DIRECTIONS, FRAMES = 200, 12, 25


@pytest.fixture(scope="module")
def skin() -> SkinPoints:
    """Points of nonsense, half of which a jaw turns about the origin."""
    dice = np.random.default_rng(0)
    weights = (np.arange(POINTS) % 2).astype(np.float32)
    places = dice.normal(0, 0.05, (POINTS, 3))
    keys = np.zeros((POINTS, 3, 9), np.float32)
    for row in range(3):
        keys[:, row, 3 * row : 3 * row + 3] = weights[:, None] * places
    return SkinPoints(dice.normal(0, 0.003, (POINTS, 3, DIRECTIONS)).astype(np.float32), keys, weights)


def fit_of(skin: SkinPoints, bounded: bool = False, jaw_turns: bool = True) -> MotionFit:
    even = np.full(POINTS, 1 / POINTS)
    return MotionFit(skin, even, np.array([0, 2]), np.array([1, 3]), unit=0.06, bounded=bounded, jaw_turns=jaw_turns)


def test_what_was_moved_is_found(skin: SkinPoints) -> None:
    dice = np.random.default_rng(1)
    expression = dice.normal(0, 1, (FRAMES, DIRECTIONS)).astype(np.float32)
    jaw = np.column_stack([dice.uniform(-0.1, 0.5, FRAMES), dice.normal(0, 0.05, (FRAMES, 2))]).astype(np.float32)
    fit = fit_of(skin)
    found, turned = fit.fitted(skin.moved(expression, jaw))
    # The prior pulls a little to rest, and the jaw is sought before the expression is known
    np.testing.assert_allclose(turned, jaw, atol=0.03)
    np.testing.assert_allclose(found, expression, atol=0.35)
    missed = fit.moved(found, turned) - skin.moved(expression, jaw)
    assert np.sqrt((missed**2).sum(2).mean()) < 0.001 < np.sqrt((skin.moved(expression, jaw) ** 2).sum(2).mean()) / 4


def test_without_a_jaw_only_expressions_are_found(skin: SkinPoints) -> None:
    expression = np.random.default_rng(2).random((FRAMES, DIRECTIONS)).astype(np.float32)
    still = np.zeros((FRAMES, 3), np.float32)
    for bounded in (False, True):
        found, turned = fit_of(skin, bounded, jaw_turns=False).fitted(skin.moved(expression, still))
        np.testing.assert_allclose(found, expression, atol=0.03)
        assert not turned.any()


@given(st.integers(0, 2**32), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_no_step_within_the_limits_is_better(seed: int, unknowns: int) -> None:
    dice = np.random.default_rng(seed)
    factors = dice.normal(size=(unknowns + 3, unknowns))
    gram, right = factors.T @ factors + 0.05 * np.eye(unknowns), dice.normal(0, 3, (7, unknowns))
    found = bounded_least_squares(gram, right, 0.0, 1.0)
    assert found.min() >= 0 and found.max() <= 1
    slopes = found @ gram - right
    # A slope may only point out of the limits
    tolerance = 0.02 * np.abs(gram).max()
    assert (slopes[found > 1e-9] < tolerance).all() and (slopes[found < 1 - 1e-9] > -tolerance).all()


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_jaw_is_taken_out_again(seed: int) -> None:
    dice = np.random.default_rng(seed)
    points = SkinPoints(dice.normal(size=(5, 3, 2)).astype(np.float32), dice.normal(size=(5, 3, 9)).astype(np.float32), dice.random(5))
    expression, jaw = dice.normal(size=(4, 2)).astype(np.float32), dice.normal(0, 0.4, (4, 3)).astype(np.float32)
    shaped = np.tensordot(expression, points.expressions, axes=(1, 2))
    np.testing.assert_allclose(points.without_jaw(points.moved(expression, jaw), jaw), shaped, atol=1e-4)


@given(st.integers(0, 2**32), st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_a_similarity_is_found_again(seed: int, scale: float) -> None:
    dice = np.random.default_rng(seed)
    points, shift = dice.normal(size=(4, 3)), dice.normal(size=3)
    turn = np.linalg.qr(dice.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    found = similarity(points, scale * points @ turn.T + shift)
    for value, expected in zip(found, (scale, turn, shift), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6 * scale + 1e-8)
