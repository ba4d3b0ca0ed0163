"""Which part of an expression is around the mouth, for spaces whose coefficients move the whole face at once, as FLAME's do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .face_geometry import FaceGeometry, eye_distance, face_region
from .lip_line import lip_line
from .triangle_points import vertex_areas

_REGION = 1.7  # distances between the eyes
_MOUTH_BELOW = 1.15  # the same, where no lips are found
_FROM, _TO = 0.45, 0.75  # of the way from the eyes down to the mouth, over which one half goes over into the other
_RIDGE = 1e-4  # of the directions' mean square


def lower_face(face: FaceGeometry, names: Sequence[str]) -> np.ndarray:
    """(E, E) matrix L for the coefficients `names`: L @ coefficients move the mouth's surroundings as the coefficients do, the rest least.

    By least squares over the skin, of which each part is wanted as it moves or at rest; the upper face has what L leaves of identity.
    Raises ValueError for a name that the face does not have.
    """
    region = face_region(face, _REGION)
    directions = region.expressions[..., [face.expression_names.index(name) for name in names]].astype(np.float64)
    weights = vertex_areas(region.neutral, region.triangles)
    weighed = directions * (weights / weights.sum())[:, None, None]
    gram = np.tensordot(directions, weighed, axes=((0, 1), (0, 1)))
    wanted = np.tensordot(weighed, directions * _below(region)[:, None, None], axes=((0, 1), (0, 1)))
    return np.asarray(np.linalg.solve(gram + _RIDGE * np.diag(gram).mean() * np.eye(len(gram)), wanted), np.float32)


def _below(face: FaceGeometry) -> np.ndarray:
    """(V,) 0 at the eyes and above, 1 at the mouth and below."""
    lips, eyes = lip_line(face), float(face.eyes[:, 1].mean())
    mouth = eyes - _MOUTH_BELOW * eye_distance(face) if lips is None else float(lips.points[lips.middle, 1])
    share = np.clip(((eyes - face.neutral[:, 1]) / (eyes - mouth) - _FROM) / (_TO - _FROM), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
