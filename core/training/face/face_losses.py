"""How far a face is from the one it should be, in scaled numbers: all of them, how they change, and the lips once more."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .face_scale import FaceScale

LIPS, VELOCITY = 0.5, 0.5


def face_loss(scale: FaceScale, made: Tensor, wanted: Tensor, lips_weight: float = LIPS) -> Tensor:
    """made, wanted (B, T, F), scaled."""
    lips, wanted_lips = made[..., scale.lips], wanted[..., scale.lips]
    changes = F.mse_loss(made.diff(dim=1), wanted.diff(dim=1)) + lips_weight * F.mse_loss(lips.diff(dim=1), wanted_lips.diff(dim=1))
    return F.mse_loss(made, wanted) + lips_weight * F.mse_loss(lips, wanted_lips) + VELOCITY * changes


def lips_apart(scale: FaceScale, made: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance of the lips' openings in millimetres."""
    return (scale.lips_of(made) - scale.lips_of(wanted)).abs().mean()


def lips_correlation(scale: FaceScale, made: Tensor, wanted: Tensor) -> Tensor:
    """Mean over windows of Pearson's r of the lips' openings."""
    first, second = (scale.lips_of(each) - scale.lips_of(each).mean(1, keepdim=True) for each in (made, wanted))
    return ((first * second).sum(1) / (first.norm(dim=1) * second.norm(dim=1) + 1e-6)).mean()
