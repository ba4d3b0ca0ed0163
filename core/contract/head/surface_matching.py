"""Which point of one face lies where on another: both at rest, of any shapes and triangles.

Landmarks that every head has (eyes, nose, lips) give a first similarity. Then the one skin is drawn onto the other's nearest points, of
like normals and on the same side of the lips, by a field that is smoothed less and less (as the stiffness of Amberg et al. 2007 falls).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .face_geometry import FaceGeometry, eye_distance
from .lip_line import LipLine, lip_line
from .triangle_points import at_border, nearest_on_triangles, vertex_normals

# In distances between the eyes:
_SMOOTHING = (0.5, 0.35, 0.25, 0.18, 0.13, 0.09)  # width of the field's kernel
_NORMAL, _SIDE = 0.15, 0.35  # what a normal at right angles, and what a whole side of the lips, count for as distances
_AROUND_LIPS = 0.5  # where the side of the lips counts
_TOO_FAR = 0.5  # pairs further apart do not pull
_LIP_SHARE = 0.4  # of the jaw's weight, as a width of that kernel
_ROUNDS = 3  # for each width
_LANDMARK_PULL = 10.0  # pairs that one landmark counts for


@dataclass(frozen=True)
class SurfaceMatch:
    """For V vertices of a face their places on another.

    corners: (V, 3) vertex numbers there, weights: (V, 3) with sums of one. turn: (3, 3) and scale: an offset there is here
    scale * turn @ offset. distances: (V,) metres here, between the drawn skin and the places it came to lie on.
    """

    corners: np.ndarray
    weights: np.ndarray
    turn: np.ndarray
    scale: float
    distances: np.ndarray


@dataclass(frozen=True)
class _Skin:
    """A face's points (V, 3) at rest, its triangles (F, 3), their sides (V,) of the lips, and what distances are measured by."""

    points: np.ndarray
    triangles: np.ndarray
    sides: np.ndarray
    unit: float
    origin: np.ndarray  # (3,) near it, as squares of coordinates far from zero would be rounded by millimetres

    def features(self, points: np.ndarray) -> np.ndarray:
        """(V, 7) coordinates of `points` (V, 3) whose distances also tell normals and sides apart."""
        normals = vertex_normals(points, self.triangles)
        return np.asarray(
            np.column_stack([points - self.origin, _NORMAL * self.unit * normals, _SIDE * self.unit * self.sides]), np.float32
        )


def match_surfaces(face: FaceGeometry, other: FaceGeometry) -> SurfaceMatch:
    """Where the vertices of `face` lie on `other`."""
    lips, other_lips = lip_line(face), lip_line(other)
    both = lips is not None and other_lips is not None
    marks, other_marks = landmarks(face, lips if both else None), landmarks(other, other_lips if both else None)
    scale, turn, shift = similarity(marks, other_marks)
    unit = eye_distance(other)
    skin, other_skin = (
        _Skin(each.neutral, each.triangles, _sides(each, line), unit, other_marks[0]) for each, line in ((face, lips), (other, other_lips))
    )
    placed = scale * np.concatenate([face.neutral, marks]) @ turn.T + shift
    drawn = _drawn(placed, skin, other_marks, other_skin)
    nearest, _ = _nearest(skin.features(drawn), other_skin.features(other.neutral))
    corners, weights = nearest_on_triangles(drawn, nearest, other.neutral, other.triangles)
    places = np.einsum("vc,vca->va", weights, other.neutral[corners])
    scale, turn, _ = similarity(face.neutral, places)
    return SurfaceMatch(corners, weights, turn.T, 1 / scale, np.linalg.norm(drawn - places, axis=1) / scale)


def landmarks(face: FaceGeometry, lips: LipLine | None) -> np.ndarray:
    """(3 or 4, 3) metres: both eyes, the tip of the nose and, where lips are known, the middle of their line."""
    eyes, unit = face.eyes.mean(0), eye_distance(face)
    below = (eyes[1] - face.neutral[:, 1]) / unit
    lowest = 1.1 if lips is None else (eyes[1] - lips.points[lips.middle, 1]) / unit
    central = (np.abs(face.neutral[:, 0] - eyes[0]) < 0.2 * unit) & (below > 0) & (below < lowest)
    front = np.where(central, face.neutral[:, 2], -np.inf).argmax()
    marks = [*face.eyes, face.neutral[front]]
    return np.array(marks if lips is None else [*marks, lips.points[lips.middle]])


def similarity(points: np.ndarray, others: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, turn (3, 3) and shift (3,) that bring `points` (N, 3) nearest to `others`: s * turn @ p + shift (Umeyama 1991)."""
    centre, other_centre = points.mean(0), others.mean(0)
    left, sizes, right = np.linalg.svd((others - other_centre).T @ (points - centre))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ (signs[:, None] * right)
    scale = float((sizes * signs).sum() / ((points - centre) ** 2).sum())
    return scale, turn, other_centre - scale * turn @ centre


def _sides(face: FaceGeometry, lips: LipLine | None) -> np.ndarray:
    """(V,) the jaw's weight around the lips, fading with the distance to them."""
    if lips is None:
        return np.zeros(len(face.neutral))
    away = np.linalg.norm(face.neutral[:, None] - lips.points, axis=2).min(1) / (_AROUND_LIPS * eye_distance(face))
    return np.asarray(face.jaw_weights * np.exp(-(away**2)))


def _drawn(placed: np.ndarray, skin: _Skin, other_marks: np.ndarray, other: _Skin) -> np.ndarray:
    """Vertices (V, 3) drawn onto another skin. placed: (V + L, 3), the last of which are landmarks."""
    points, sides = placed.astype(np.float32), np.concatenate([skin.sides, np.zeros(len(other_marks))])
    n_vertices, other_marks = len(skin.sides), other_marks.astype(np.float32)
    pull = _Pull(skin, other)
    for smoothing in _SMOOTHING:
        kernel = _kernel(placed, sides, smoothing * skin.unit)
        for _ in range(_ROUNDS):
            way, pairs = pull.of(points[:n_vertices])
            way = np.concatenate([way, _LANDMARK_PULL * (other_marks - points[n_vertices:])])
            pairs = np.concatenate([pairs, np.full(len(other_marks), _LANDMARK_PULL, np.float32)])
            points += kernel @ way / np.maximum(kernel @ pairs, 1e-3)[:, None]
    return np.asarray(points[:n_vertices])


class _Pull:
    """How far nearest points of two skins are apart: from one to the other and from the other to the one.

    Borders do not pull, as the one skin may end where the other goes on.
    """

    def __init__(self, skin: _Skin, other: _Skin) -> None:
        self._skin, self._others = skin, other.features(other.points)
        self._inner = ~at_border(skin.triangles, len(skin.points))
        self._other_inner = ~at_border(other.triangles, len(other.points))

    def of(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums (V, 3) of the ways from `points` (V, 3) to their partners, and numbers (V,) of these."""
        features = self._skin.features(points)
        nearest, from_there = _nearest(features, self._others)
        pull, pairs = np.zeros((len(features), 3), np.float32), np.zeros(len(features), np.float32)
        for one, other in ((np.arange(len(features)), nearest), (from_there, np.arange(len(self._others)))):
            way = self._others[other, :3] - features[one, :3]
            counts = self._inner[one] & self._other_inner[other] & (np.linalg.norm(way, axis=1) < _TOO_FAR * self._skin.unit)
            np.add.at(pull, one[counts], way[counts])
            np.add.at(pairs, one[counts], 1.0)
        return pull, pairs


def _nearest(features: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of features (V, D) the number of the nearest of others (V', D), and the other way round."""
    squares = -2 * features @ others.T
    squares += (features**2).sum(1)[:, None]
    squares += (others**2).sum(1)
    return squares.argmin(1), squares.argmin(0)


def _kernel(points: np.ndarray, sides: np.ndarray, width: float) -> np.ndarray:
    """(N, N) how much each point's pull counts for another: less with distance, and not across the lips."""
    places = np.column_stack([(points - points.mean(0)) / width, sides / _LIP_SHARE]).astype(np.float32)
    halves = (places**2).sum(1) / 2
    kernel: np.ndarray = np.exp(places @ places.T - halves[:, None] - halves)
    return kernel
