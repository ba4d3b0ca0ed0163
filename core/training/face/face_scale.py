"""Faces in numbers that are easy to learn: each of deviation one, and the lips' opening as one of them.

In coefficients the lips' opening is the small difference of two large ones, jawOpen and mouthClose. A finished network takes and gives
coefficients, because its first and last layers are linear and take this step in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...face.expression_tokens import ExpressionTokenizer
from .lip_line import LipLine

LEAST_DEVIATION = 0.03  # so that shapes that hardly move are not blown up


@dataclass(frozen=True)
class FaceScale:
    """mean: (F,) of coefficients; there: (F, F), back: its inverse. lips: the column that the lips' opening is in; lips_mm: its unit."""

    mean: Tensor
    there: Tensor
    back: Tensor
    lips: int
    lips_mm: float

    def of(self, motion: Tensor) -> Tensor:
        """Coefficients (..., F) to scaled numbers (..., F)."""
        return (motion - self.mean) @ self.there

    def motion(self, scaled: Tensor) -> Tensor:
        """The coefficients of scaled numbers."""
        return scaled @ self.back + self.mean

    def lips_of(self, scaled: Tensor) -> Tensor:
        """(..., F) to how far the inner lips are apart (...), in millimetres from the mean."""
        return scaled[..., self.lips] * self.lips_mm

    @torch.no_grad()
    def take_in(self, tokens: ExpressionTokenizer) -> None:
        """Turns a tokenizer of scaled numbers into one of coefficients that has the same codes."""
        first = next(layer for layer in tokens.encoder_b.squasher.modules() if isinstance(layer, nn.Conv1d))
        last = tokens.decoder_b.cross_smooth_layer
        assert first.bias is not None and last.bias is not None
        # Edges are padded by repetition, which a shift of all frames does not change
        first.weight.copy_(torch.einsum("ij,ojk->oik", self.there, first.weight))
        first.bias.sub_(torch.einsum("oik,i->o", first.weight, self.mean))
        last.weight.copy_(torch.einsum("ji,jck->ick", self.back, last.weight))
        last.bias.copy_(last.bias @ self.back + self.mean)


def face_scale(motion: Tensor, line: LipLine) -> FaceScale:
    """Of faces (N, T, F), whose first coefficients are those of the line."""
    rows = motion.flatten(0, 1).double().numpy()
    mean, deviation = rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_DEVIATION)
    there = np.diag(1 / deviation)
    opening = rows[:, : len(line.slopes)] @ line.slopes.astype(np.float64)
    lips = line.names.index("mouthClose")
    there[:, lips] = 0
    there[: len(line.slopes), lips] = line.slopes / opening.std()
    return FaceScale(_tensor(mean), _tensor(there), _tensor(np.linalg.inv(there)), lips, float(opening.std() * 1000))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
