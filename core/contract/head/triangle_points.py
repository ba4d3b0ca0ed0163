"""Normals of a surface of triangles, and the points on it that are nearest to others."""

from __future__ import annotations

import numpy as np


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), of larger triangles more than of smaller ones; zero where a vertex has none."""
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(second - first, third - first)
    normals = np.zeros(points.shape)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20))


def vertex_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V,) square metres: a third of the triangles around each vertex."""
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    areas = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    return np.bincount(triangles.ravel(), np.repeat(areas / 3, 3), len(points))


def at_border(triangles: np.ndarray, vertices: int) -> np.ndarray:
    """(V,) whether a vertex lies on an edge that has a triangle on one side only."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    single, counts = np.unique(edges, axis=0, return_counts=True)
    border = np.zeros(vertices, bool)
    border[single[counts == 1].ravel()] = True
    return border


def nearest_on_triangles(
    points: np.ndarray, vertices: np.ndarray, surface: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest point to each of `points` (N, 3) on the triangles (F, 3) around the vertex that `vertices` (N,) names for it.

    Returns corners (N, 3), vertices of `surface` (V, 3), and their weights (N, 3).
    """
    around = _triangles_around(triangles, len(surface))[vertices]
    corners = triangles[around]
    weights = _nearest_weights(points[:, None], surface[corners])
    places = np.einsum("nkc,nkca->nka", weights, surface[corners])
    gaps = np.where(around < 0, np.inf, np.linalg.norm(places - points[:, None], axis=2))
    best = gaps.argmin(1)[:, None, None]
    return np.take_along_axis(corners, best, 1)[:, 0], np.take_along_axis(weights, best, 1)[:, 0]


def _triangles_around(triangles: np.ndarray, vertices: int) -> np.ndarray:
    """(V, most) numbers of the triangles at each vertex, filled up with -1."""
    corners = triangles.ravel()
    order = np.argsort(corners, kind="stable")
    counts = np.bincount(corners, minlength=vertices)
    places = np.arange(len(corners)) - np.repeat(np.cumsum(counts) - counts, counts)
    around = np.full((vertices, max(int(counts.max(initial=0)), 1)), -1)
    around[corners[order], places] = order // 3
    return around


def _nearest_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights (..., 3) of the corners (..., 3, 3) at the points of triangles nearest to `points` (..., 3).

    The foot of the perpendicular where it is inside, else the best of the nearest points on the three edges.
    """
    inside = _barycentric(points, corners)
    edges = np.stack([_on_edge(points, corners, start, (start + 1) % 3) for start in range(3)], axis=-2)
    gaps = np.linalg.norm(np.einsum("...ec,...ca->...ea", edges, corners) - points[..., None, :], axis=-1)
    best = np.take_along_axis(edges, gaps.argmin(-1)[..., None, None], -2)[..., 0, :]
    return np.asarray(np.where((inside >= 0).all(-1, keepdims=True), inside, best))


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    one, two, off = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :], points - corners[..., 0, :]
    a, b, c = (one * one).sum(-1), (one * two).sum(-1), (two * two).sum(-1)
    d, e = (off * one).sum(-1), (off * two).sum(-1)
    whole = np.maximum(a * c - b * b, 1e-30)
    second, third = (c * d - b * e) / whole, (a * e - b * d) / whole
    return np.stack([1 - second - third, second, third], axis=-1)


def _on_edge(points: np.ndarray, corners: np.ndarray, start: int, end: int) -> np.ndarray:
    along = corners[..., end, :] - corners[..., start, :]
    share = ((points - corners[..., start, :]) * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-30)
    weights = np.zeros((*share.shape, 3))
    weights[..., end] = np.clip(share, 0, 1)
    weights[..., start] = 1 - weights[..., end]
    return weights
