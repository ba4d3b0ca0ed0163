"""What a conversion between face spaces has to know about a face: its skin at rest and how expressions and jaw move it.

A HeadModel has all of it; so has a mesh in Blender with its shape keys and its jaw bone, without the file that it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..face_spaces import ARKIT
from .head_model import FLAME_JOINTS, HeadModel
from .linear_jaw import linear_jaw_keys

_SKIN = "skin"
_NOSE = (0.0, -0.6, 0.2)  # from between the eyes, in distances between them
_STIFF = 0.5  # weight of an eye from which on a vertex is part of the eyeball


@dataclass(frozen=True)
class FaceGeometry:
    """Metres, Y up, facing +Z, left is +X; float32.

    neutral: (V, 3). triangles: (F, 3). expressions: (V, 3, E) offsets for a coefficient of one, with their names in `space`.
    jaw_weights: (V,) share of the jaw's turn. jaw_keys: (9, V, 3) offsets for the entries of R - I of the jaw, row by row.
    eyes: (2, 3) centres of the left and the right eyeball.
    """

    space: str
    expression_names: tuple[str, ...]
    neutral: np.ndarray
    triangles: np.ndarray
    expressions: np.ndarray
    jaw_weights: np.ndarray
    jaw_keys: np.ndarray
    eyes: np.ndarray

    @property
    def jaw_turns(self) -> bool:
        """Whether motions of its space open the mouth by a turn of the jaw."""
        return self.space != ARKIT


def face_geometry(head: HeadModel) -> FaceGeometry:
    """The skin of a head model, without eyeballs, teeth and tongue."""
    eyes = [FLAME_JOINTS.index("left_eye"), FLAME_JOINTS.index("right_eye")]
    faces = head.faces[head.material == head.material_names.index(_SKIN)] if _SKIN in head.material_names else head.faces
    jaw = head.weights[:, FLAME_JOINTS.index("jaw")]
    return skin_of(
        FaceGeometry(
            space=head.space,
            expression_names=head.expression_names,
            neutral=head.template,
            triangles=triangulated(faces),
            expressions=head.expressions,
            jaw_weights=jaw,
            jaw_keys=linear_jaw_keys(head),
            eyes=head.joints[eyes],
        ),
        kept=head.weights[:, eyes].max(1) < _STIFF,
    )


def eye_distance(face: FaceGeometry) -> float:
    """Metres from one eye to the other, by which the sizes of heads are compared."""
    return float(np.linalg.norm(face.eyes[0] - face.eyes[1]))


def face_region(face: FaceGeometry, radius: float) -> FaceGeometry:
    """What lies within `radius` distances between the eyes from a point on the nose: the face without ears, neck and back of the head."""
    unit = eye_distance(face)
    centre = face.eyes.mean(0) + unit * np.array(_NOSE)
    return skin_of(face, np.linalg.norm(face.neutral - centre, axis=1) < radius * unit)


def skin_of(face: FaceGeometry, kept: np.ndarray) -> FaceGeometry:
    """Only the triangles whose vertices are all `kept` (V,), and only the vertices that these have."""
    triangles = face.triangles[kept[face.triangles].all(1)]
    vertices, numbers = np.unique(triangles, return_inverse=True)
    return FaceGeometry(
        space=face.space,
        expression_names=face.expression_names,
        neutral=face.neutral[vertices],
        triangles=numbers.reshape(triangles.shape),
        expressions=face.expressions[vertices],
        jaw_weights=face.jaw_weights[vertices],
        jaw_keys=face.jaw_keys[:, vertices],
        eyes=face.eyes,
    )


def triangulated(faces: np.ndarray) -> np.ndarray:
    """(F, 3) or (F, 4) faces as triangles (F', 3)."""
    return faces if faces.shape[1] == 3 else np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
