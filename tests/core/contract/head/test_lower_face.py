"""Does the lower face's part of an expression move the mouth and leave the rest alone?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from understudy.core.contract.head import DEFAULT_HEAD, FaceGeometry, HeadModel, face_geometry, lower_face, read_head
from understudy.core.contract.head.face_geometry import eye_distance
from understudy.tests.core.contract.head.other_heads import other_head


@pytest.fixture(scope="module")
def ours() -> HeadModel:
    return read_head(DEFAULT_HEAD)


@pytest.fixture(scope="module")
def mixed(ours: HeadModel) -> FaceGeometry:
    """Every direction of it moves brows and mouth."""
    return face_geometry(other_head(ours).model)


def test_shapes_of_one_half_belong_to_it(ours: HeadModel) -> None:
    part = np.diag(lower_face(face_geometry(ours), ours.expression_names))
    of = dict(zip(ours.expression_names, part, strict=True))
    assert min(of[name] for name in ("mouthFunnel", "mouthPucker", "jawOpen", "mouthRollUpper")) > 0.9
    assert 0.5 < of["mouthSmileLeft"] < 0.9  # it lifts the cheek, too
    assert max(of[name] for name in ("browInnerUp", "browDownLeft", "eyeBlinkRight", "eyeWideLeft", "eyeSquintRight")) < 0.1


def test_mixed_directions_are_told_apart(mixed: FaceGeometry) -> None:
    coefficients = np.random.default_rng(2).normal(0, 0.3, (50, len(mixed.expression_names)))
    lower = lower_face(mixed, mixed.expression_names)
    whole, below = coefficients @ np.eye(len(lower)), coefficients @ lower.T
    mouth, brows = regions(mixed)
    # Measured: 5 % of the mouth's movement is lost, and 8 % of the brows' stays; halving all coefficients would make both 50 %
    assert rms(mixed, whole - below, mouth) < 0.15 * rms(mixed, whole, mouth)
    assert rms(mixed, below, brows) < 0.2 * rms(mixed, whole, brows)


def test_both_parts_are_the_whole_and_size_does_not_matter(mixed: FaceGeometry) -> None:
    larger = replace(mixed, neutral=7 * mixed.neutral, expressions=7 * mixed.expressions, eyes=7 * mixed.eyes)
    np.testing.assert_allclose(lower_face(larger, larger.expression_names), lower_face(mixed, mixed.expression_names), atol=1e-3)
    assert lower_face(mixed, mixed.expression_names).shape == (len(mixed.expression_names),) * 2


def test_of_some_coefficients_only_these_are_used(mixed: FaceGeometry) -> None:
    names = ("Exp3", "Exp1")
    lower = lower_face(mixed, names)
    assert lower.shape == (2, 2)
    np.testing.assert_allclose(lower, lower_face(mixed, names[::-1])[::-1, ::-1], atol=1e-5)
    with pytest.raises(ValueError):
        lower_face(mixed, ("Exp1", "Exp999"))


def test_a_face_without_a_jaw_is_divided_by_its_eyes(mixed: FaceGeometry) -> None:
    stiff = replace(mixed, jaw_weights=np.zeros_like(mixed.jaw_weights))
    assert np.abs(lower_face(stiff, stiff.expression_names) - lower_face(mixed, mixed.expression_names)).max() < 0.2


def regions(face: FaceGeometry) -> tuple[np.ndarray, np.ndarray]:
    """(V,) what lies around the mouth, and around the brows."""
    off = (face.neutral - face.eyes.mean(0)) / eye_distance(face)
    front = (np.abs(off[:, 0]) < 0.6) & (off[:, 2] > -0.2)
    return front & (np.abs(off[:, 1] + 1.15) < 0.25), front & (off[:, 1] > 0.1) & (off[:, 1] < 0.6)


def rms(face: FaceGeometry, coefficients: np.ndarray, vertices: np.ndarray) -> float:
    moved = np.tensordot(coefficients, face.expressions[vertices], axes=(1, 2))
    return float(np.sqrt((moved**2).sum(2).mean()))
