"""How far a face is from the one it should be: in coefficients, on the mesh, and at the lips."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...contract.head import HeadModel
from .lip_line import lip_line

COEFFICIENTS, MESH, LIPS, VELOCITY = 1.0, 0.5, 1.0, 0.5
_CENTIMETRE = 100.0
_SCALE = 10.0  # of coefficients, whose errors are small


class FaceLoss:
    """Mean squared distances; the mesh's is exact for shapes that add up, without the mesh being posed."""

    def __init__(self, head: HeadModel) -> None:
        shapes = head.expressions.reshape(-1, head.expressions.shape[-1]).astype(np.float64)
        moved = (np.abs(head.expressions).max(axis=(1, 2)) > 1e-4).sum()
        values, vectors = np.linalg.eigh(shapes.T @ shapes / moved)
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        self._root = torch.from_numpy(root.astype(np.float32)) * _CENTIMETRE
        self._slopes = torch.from_numpy(lip_line(head).slopes) * _CENTIMETRE

    def __call__(self, made: Tensor, wanted: Tensor) -> Tensor:
        """made, wanted (B, T, 55)."""
        n = len(self._slopes)
        apart = made[..., :n] - wanted[..., :n]
        loss = COEFFICIENTS * _SCALE * (made - wanted).square().mean() + MESH * (apart @ self._root).square().sum(-1).mean()
        loss = loss + LIPS * F.smooth_l1_loss(self.aperture(made), self.aperture(wanted))
        return loss + VELOCITY * _SCALE * (made.diff(dim=1) - wanted.diff(dim=1)).square().mean()

    def aperture(self, motion: Tensor) -> Tensor:
        """(B, T, 55) to (B, T) centimetres between the inner lips, below 0 where they press."""
        return motion[..., : len(self._slopes)] @ self._slopes
