from __future__ import annotations

import numpy as np
import pytest
from mathutils import Matrix, Quaternion, Vector

from understudy.blender_addon.animation import quaternions

RANDOM = np.random.default_rng(0)


def units(count: int) -> np.ndarray:
    q = RANDOM.normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def test_product_and_inverse_agree_with_blender_s() -> None:
    for a, b in zip(units(20), units(20), strict=True):
        assert np.allclose(quaternions.multiply(a, b), Quaternion(a) @ Quaternion(b), atol=1e-6)
        assert np.allclose(quaternions.inverse(a), Quaternion(a).inverted(), atol=1e-6)


def test_rotate_agrees_with_blender_s() -> None:
    q, v = units(20), RANDOM.normal(size=(20, 3))
    expected = [Quaternion(one) @ Vector(vector) for one, vector in zip(q, v, strict=True)]
    assert np.allclose(quaternions.rotate(q, v), expected, atol=1e-5)


def test_from_matrices_agrees_with_blender_s_also_at_half_turns() -> None:
    half_turns = [Matrix.Rotation(np.pi, 3, axis) for axis in ("X", "Y", "Z", Vector((1, 2, 3)).normalized())]
    matrices = [Matrix.Identity(3), *half_turns, *(Quaternion(q).to_matrix() for q in units(20))]
    for q, matrix in zip(quaternions.from_matrices(np.array(matrices)), matrices, strict=True):
        assert q[0] >= 0
        assert np.allclose(Quaternion(q).to_matrix(), matrix, atol=1e-6)


def test_shortest_arc() -> None:
    a, b = RANDOM.normal(size=3), RANDOM.normal(size=3)
    q = quaternions.shortest_arc(a, b)
    assert np.allclose(quaternions.rotate(q, a / np.linalg.norm(a)), b / np.linalg.norm(b))
    assert q[1:] @ a == pytest.approx(0)


def test_signs_become_continuous_and_start_positive() -> None:
    time = np.linspace(0, 7 * np.pi, 200)
    q = np.column_stack((np.cos(time / 2), 0 * time, np.sin(time / 2), 0 * time))
    flipped = quaternions.sign_continuous(q * RANDOM.choice((-1, 1), size=(200, 1)))
    assert np.allclose(flipped, q)
    assert quaternions.sign_continuous(-q[:1])[0, 0] == 1.0
