"""What lips are measured by: lags that were put in are found, closures are counted as they are."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.training.face.face_judge import trained_judge
from understudy.core.training.face.measured_lips import best_lag, correlation, nearest_lips
from understudy.core.training.face.visemes import Segment


@pytest.mark.parametrize("lag", [-3, 0, 2])
def test_a_lag_is_found(lag: int) -> None:
    generator = np.random.default_rng(0)
    tracked = [np.convolve(generator.standard_normal(90), np.ones(4), mode="same") for _ in range(3)]
    made = [np.roll(each, lag) for each in tracked]
    assert best_lag(made, tracked) == lag


def test_correlation_is_pearsons() -> None:
    first, second = np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 0.0])
    a, b = first - first.mean(), second - second.mean()
    assert correlation(first, second) == pytest.approx(a @ b / np.sqrt(a @ a * (b @ b)))


def test_lips_are_watched_at_bilabials_alone() -> None:
    aperture = np.full(40, 0.01)
    aperture[[10, 31]] = 0.0, 0.001
    said = [Segment("PP", 0.36, 0.44), Segment("aa", 0.44, 0.6), Segment("PP", 0.7, 0.74), Segment("PP", 1.2, 1.24)]
    assert nearest_lips(aperture, said) == pytest.approx([0, 10, 1])


def test_the_judge_tells_faces_apart_by_level_and_by_liveliness() -> None:
    generator = np.random.default_rng(1)

    def face(level: float, lively: float) -> np.ndarray:
        return level + lively * generator.standard_normal((30, 5))

    kinds = [(0.1, 0.02), (0.4, 0.02), (0.1, 0.2)]
    faces = [face(*kind) for kind in kinds * 12]
    judge = trained_judge(faces, np.array([0, 1, 2] * 12))
    assert (judge.seen([face(*kind) for kind in kinds]) == [0, 1, 2]).all()
