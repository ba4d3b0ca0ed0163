"""Are points on triangles the nearest ones, normals and areas those of the plain formulas, and borders where triangles end?"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.contract.head.triangle_points import at_border, nearest_on_triangles, vertex_areas, vertex_normals

# A unit square in the plane of X and Y, of two triangles that face +Z
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
HALVES = np.array([[0, 1, 2], [0, 2, 3]])
TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_other_point_of_the_triangles_around_is_nearer(seed: int) -> None:
    dice = np.random.default_rng(seed)
    surface, points = dice.normal(size=(4, 3)), dice.normal(0, 2, (20, 3))
    vertices = dice.integers(0, 4, 20)
    corners, weights = nearest_on_triangles(points, vertices, surface, TETRAHEDRON)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-9)
    assert weights.min() >= 0
    assert all(vertex in corner for vertex, corner in zip(vertices, corners, strict=True))
    found = np.linalg.norm(np.einsum("nc,nca->na", weights, surface[corners]) - points, axis=1)
    for triangle in TETRAHEDRON:
        tried = dice.dirichlet(np.ones(3), 200) @ surface[triangle]
        around = np.isin(vertices, triangle)
        nearest = np.linalg.norm(points[around, None] - tried, axis=2).min(1)
        assert (found[around] <= nearest + 1e-9).all()


def test_a_point_above_a_triangle_lies_on_its_foot() -> None:
    corners, weights = nearest_on_triangles(np.array([[0.7, 0.2, 5.0], [2.0, -1.0, 1.0]]), np.array([1, 1]), SQUARE, HALVES)
    np.testing.assert_allclose(np.einsum("nc,nca->na", weights, SQUARE[corners]), [[0.7, 0.2, 0], [1, 0, 0]], atol=1e-12)


def test_normals_and_areas_of_a_square() -> None:
    np.testing.assert_allclose(vertex_normals(SQUARE, HALVES), [[0, 0, 1]] * 4)
    np.testing.assert_allclose(vertex_areas(SQUARE, HALVES), [1 / 3, 1 / 6, 1 / 3, 1 / 6])
    np.testing.assert_array_equal(vertex_normals(np.zeros((4, 3)), HALVES), 0)  # of triangles without area there is none


def test_a_closed_surface_has_no_border() -> None:
    assert not at_border(TETRAHEDRON, 4).any()
    assert at_border(TETRAHEDRON[1:], 5).tolist() == [True, True, True, False, False]
