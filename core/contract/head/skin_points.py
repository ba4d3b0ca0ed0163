"""Points of a face's skin and how they move: what two faces are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .face_geometry import FaceGeometry
from .posing import rotation_matrices


@dataclass(frozen=True)
class SkinPoints:
    """N points. expressions: (N, 3, E), jaw_keys: (N, 3, 9), jaw_weights: (N,), as in FaceGeometry."""

    expressions: np.ndarray
    jaw_keys: np.ndarray
    jaw_weights: np.ndarray

    def moved(self, expression: np.ndarray, jaw: np.ndarray) -> np.ndarray:
        """Offsets (T, N, 3) for coefficients (T, E) and turns of the jaw (T, 3); exact where expressions do not move the jaw's joint."""
        shaped = np.tensordot(expression, self.expressions, axes=(1, 2))
        if not jaw.any():
            return np.asarray(shaped)
        changes = jaw_changes(jaw)
        turned = shaped + self.jaw_weights[:, None] * (shaped @ changes.transpose(0, 2, 1))
        return np.asarray(turned + np.tensordot(changes.reshape(len(jaw), 9), self.jaw_keys, axes=(1, 2)))

    def without_jaw(self, moved: np.ndarray, jaw: np.ndarray) -> np.ndarray:
        """Offsets (T, N, 3) that expressions have to make, so that with the jaw turned by (T, 3) they come to `moved` (T, N, 3)."""
        changes = jaw_changes(jaw)
        shaped = moved - np.tensordot(changes.reshape(len(jaw), 9), self.jaw_keys, axes=(1, 2))
        held = self.jaw_weights > 0
        turns = np.eye(3, dtype=np.float32) + self.jaw_weights[held, None, None] * changes[:, None]
        shaped[:, held] = np.linalg.solve(turns, shaped[:, held, :, None])[..., 0]
        return np.asarray(shaped)


def points_at(face: FaceGeometry, corners: np.ndarray, weights: np.ndarray) -> SkinPoints:
    """Points of `face` between vertices: corners (N, C) vertex numbers, weights (N, C) with sums of one."""
    return SkinPoints(
        expressions=np.einsum("nc,ncak->nak", weights, face.expressions[corners]).astype(np.float32),
        jaw_keys=np.einsum("nc,knca->nak", weights, face.jaw_keys[:, corners]).astype(np.float32),
        jaw_weights=np.einsum("nc,nc->n", weights, face.jaw_weights[corners]).astype(np.float32),
    )


def jaw_changes(jaw: np.ndarray) -> np.ndarray:
    """R - I (T, 3, 3) of turns (T, 3)."""
    changes: np.ndarray = rotation_matrices(jaw) - np.eye(3, dtype=np.float32)
    return changes
