"""The inner lips of the default head: how far apart they are, as a linear function of its shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.head import HeadModel

UPPER, LOWER = 474, 493  # vertices in the middle of the inner lips, which touch at rest (MakeHuman's hm08 base mesh)
EYE_CORNERS = 0.09  # metres between the outer corners of its eyes
_Y = 1


@dataclass(frozen=True)
class LipLine:
    """names: (E,) of the shapes; slopes: (E,) metres by which the lips part for a coefficient of one."""

    names: tuple[str, ...]
    slopes: np.ndarray

    def aperture(self, expression: np.ndarray) -> np.ndarray:
        """expression (..., E) to metres (...), 0 for closed lips; what presses them together opens nothing."""
        return np.maximum(expression @ self.slopes, 0.0)

    def slope(self, name: str) -> float:
        return float(self.slopes[self.names.index(name)])


def lip_line(head: HeadModel) -> LipLine:
    """Of the default head."""
    return LipLine(head.expression_names, (head.expressions[UPPER, _Y] - head.expressions[LOWER, _Y]).astype(np.float32))
