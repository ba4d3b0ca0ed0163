"""Are nine linear keys what is left of the jaw's formula without its cross terms, and is their error told as it is?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from understudy.core.contract.head import LINEAR_JAW_NAMES, HeadModel, linear_jaw_error, linear_jaw_keys, linear_jaw_values, posed
from understudy.core.contract.head.linear_jaw import only_jaw
from understudy.core.contract.head.posing import rotation_matrices

OPEN = np.radians([[0, 0, 0], [5, 0, 0], [15, 0, 0], [15, 6, -4]]).astype(np.float32)
NEUTRAL = np.zeros((len(OPEN), 0), np.float32)


@pytest.fixture
def uncorrected(head: HeadModel) -> HeadModel:
    return dataclasses.replace(head, correctives=np.zeros_like(head.correctives))


def with_keys(head: HeadModel, jaw: np.ndarray) -> np.ndarray:
    return head.template + np.einsum("tk,kva->tva", linear_jaw_values(jaw), linear_jaw_keys(head))


def test_names_and_values_go_row_by_row() -> None:
    assert LINEAR_JAW_NAMES[:4] == ("JawR00", "JawR01", "JawR02", "JawR10") and LINEAR_JAW_NAMES[-1] == "JawR22"
    changes = rotation_matrices(OPEN) - np.eye(3)
    for name, values in zip(LINEAR_JAW_NAMES, linear_jaw_values(OPEN).T, strict=True):
        np.testing.assert_allclose(values, changes[:, int(name[4]), int(name[5])], atol=1e-7)


def test_a_neutral_face_without_correctives_is_exact(uncorrected: HeadModel) -> None:
    np.testing.assert_allclose(with_keys(uncorrected, OPEN), posed(uncorrected, NEUTRAL, only_jaw(OPEN)), atol=1e-6)
    assert linear_jaw_error(uncorrected, NEUTRAL, OPEN).worst_mm < 1e-3


def test_the_rest_is_the_two_cross_terms(head: HeadModel) -> None:
    """What expression and correctives, but not the template, are turned by; the joint goes with the expression."""
    expression = np.random.default_rng(1).normal(0, 2, (len(OPEN), 50)).astype(np.float32)
    moved = np.einsum("vak,tk->tva", head.expressions[..., :50], expression)
    corrected = np.einsum("vak,tk->tva", head.correctives[..., 9:18], linear_jaw_values(OPEN))
    changes = rotation_matrices(OPEN) - np.eye(3)
    turned = moved - (head.joint_regressor @ moved)[:, 2, None] + corrected
    cross = head.weights[:, 2, None] * (turned @ changes.transpose(0, 2, 1))
    distances = 1000 * np.linalg.norm(cross, axis=-1)
    error = linear_jaw_error(head, expression, OPEN)
    assert error.mean_mm == pytest.approx(distances.mean(), rel=1e-3)
    assert error.worst_mm == pytest.approx(distances.max(), rel=1e-3)
    assert error.worst_mm > 0.1


def test_the_mean_is_over_what_the_jaw_moves(head: HeadModel) -> None:
    weights = head.weights.copy()
    weights[::2, 1] += weights[::2, 2]
    weights[::2, 2] = 0
    half = dataclasses.replace(head, weights=weights)
    moving = dataclasses.replace(
        half, template=half.template[1::2], expressions=half.expressions[1::2], correctives=half.correctives[1::2], weights=weights[1::2],
        joint_regressor=np.linalg.lstsq(np.c_[half.template[1::2], np.ones(20)].T, np.c_[half.joints, np.ones(5)].T, rcond=None)[0].T,
    )  # fmt: skip
    assert linear_jaw_error(half, NEUTRAL, OPEN).mean_mm == pytest.approx(linear_jaw_error(moving, NEUTRAL, OPEN).mean_mm, rel=1e-4)


def test_a_closed_jaw_has_no_error(head: HeadModel) -> None:
    expression = np.ones((2, 100), np.float32)
    assert linear_jaw_error(head, expression, np.zeros((2, 3), np.float32)).worst_mm == 0
