"""Which part of an expression is around the mouth, for spaces whose coefficients move the whole face at once, as FLAME's do."""

from __future__ import annotations

import numpy as np

from .face_geometry import FaceGeometry, eye_distance, face_region
from .lip_line import lip_line
from .triangle_points import vertex_areas

_REGION = 1.7  # distances between the eyes
_MOUTH_BELOW = 1.15  # the same, where no lips are found
_FROM, _TO = 0.45, 0.75  # of the way from the eyes down to the mouth, over which one half goes over into the other
_RIDGE = 1e-4  # of the directions' mean square


def lower_face(face: FaceGeometry) -> np.ndarray:
    """(E, E) matrix L, so that L @ coefficients move the mouth and what is around it as the coefficients do, and the upper face least.

    By least squares over the skin, of which each part is wanted as it is or at rest; the upper face's matrix is what L leaves of identity.
    """
    region = face_region(face, _REGION)
    weights = vertex_areas(region.neutral, region.triangles)
    weighed = np.einsum("v,vae->vae", weights / weights.sum(), region.expressions.astype(np.float64))
    gram = np.tensordot(region.expressions, weighed, axes=((0, 1), (0, 1)))
    wanted = np.tensordot(weighed, _below(region)[:, None, None] * region.expressions, axes=((0, 1), (0, 1)))
    return np.asarray(np.linalg.solve(gram + _RIDGE * np.diag(gram).mean() * np.eye(len(gram)), wanted), np.float32)


def _below(face: FaceGeometry) -> np.ndarray:
    """(V,) 0 at the eyes and above, 1 at the mouth and below."""
    lips, eyes = lip_line(face), float(face.eyes[:, 1].mean())
    mouth = eyes - _MOUTH_BELOW * eye_distance(face) if lips is None else float(lips.points[lips.middle, 1])
    share = np.clip(((eyes - face.neutral[:, 1]) / (eyes - mouth) - _FROM) / (_TO - _FROM), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
