"""A head that is moved by expressions and by five joints, as FLAME is (Li et al., SIGGRAPH Asia 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

FLAME_JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
FLAME_PARENTS = (-1, 0, 1, 1, 1)
CORRECTED_JOINTS = FLAME_JOINTS[1:]  # nine correctives for each of these, in this order
_JAW = 9 * CORRECTED_JOINTS.index("jaw")
JAW_CORRECTIVES = slice(_JAW, _JAW + 9)  # the jaw's among them


@dataclass(frozen=True)
class HeadModel:
    """V vertices, S directions of identity, E of expression; float32, metres, Y up, facing +Z, left is +X.

    space: name of the face space that expression coefficients for this head belong to. expression_names: (E,).
    template: (V, 3). shapes: (V, 3, S). expressions: (V, 3, E): offsets for a coefficient of one.
    correctives: (V, 3, 36): offsets for each of the nine entries, row by row, of R - I of the joints after the root.
    joint_regressor: (5, V), joints out of vertices that identity and expression have moved. weights: (V, 5), sums of one.
    faces: (F, 3) or (F, 4) int32, counter-clockwise from outside. material: (F,) uint8, into material_names.
    """

    space: str
    expression_names: tuple[str, ...]
    template: np.ndarray
    shapes: np.ndarray
    expressions: np.ndarray
    correctives: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    material_names: tuple[str, ...]

    @property
    def joints(self) -> np.ndarray:
        """(5, 3) positions at rest, without expression."""
        return self.joint_regressor @ self.template

    def with_identity(self, coefficients: np.ndarray) -> HeadModel:
        """The same head with another person's shape; `coefficients`: (S,) or fewer, the others are zero."""
        return replace(self, template=self.template + self.shapes[..., : len(coefficients)] @ np.asarray(coefficients, np.float32))
