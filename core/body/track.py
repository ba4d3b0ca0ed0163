"""A body's way and pose, and how both are turned, bent, and led over to those of another motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..contract import BodyMotion
from ..geometry.rotations import (
    quaternion_about_y,
    quaternion_conjugate,
    quaternion_from_rotation_vector,
    quaternion_multiply,
    rotate,
    rotation_vector_from_quaternion,
)
from .time_series import path_of

LEVEL = (1.0, 0.0, 1.0)  # without the height


@dataclass(frozen=True)
class Track:
    """Root translation (T, 3) and local rotations (T, J, 4) wxyz, float64."""

    translation: Tensor
    rotations: Tensor

    @classmethod
    def of(cls, motion: BodyMotion, frames: slice = slice(None)) -> Track:
        return cls(
            torch.from_numpy(motion.translation[frames].astype(np.float64)), torch.from_numpy(motion.rotations[frames].astype(np.float64))
        )

    def turned(self, angles: Tensor, pivot: Tensor, to: Tensor) -> Track:
        """Turned by angles (T,) or () about +Y around `pivot` (3,), which comes to `to` (3,); heights stay."""
        turn = quaternion_about_y(angles)
        level = self.translation.new_tensor(LEVEL)
        moved = rotate(turn, (self.translation - pivot) * level) + to * level + self.translation * (1 - level)
        return Track(moved, self._facing(turn))

    def bent(self, angles: Tensor, weights: Tensor, to: Tensor, at: int) -> Track:
        """Steps turned by angles (T,) about +Y, and then moved by weights (T,) of the way that lacks to `to` (3,) in frame `at`."""
        turn = quaternion_about_y(angles)
        middle = quaternion_about_y((angles[1:] + angles[:-1]) / 2)
        moved = self.translation[:1] + path_of(rotate(middle, self.translation[1:] - self.translation[:-1]))
        lacking = (to - moved[at]) * moved.new_tensor(LEVEL)
        return Track(moved + weights[:, None] * lacking, self._facing(turn))

    def _facing(self, turn: Tensor) -> Tensor:
        root = quaternion_multiply(turn.expand(len(self.rotations), 4), self.rotations[:, 0])
        return torch.cat((root[:, None], self.rotations[:, 1:]), dim=1)

    def led_over(self, other: Track, at: int, direction: int, fade: int) -> Track:
        """As the other one in frame `at`, with its speed, and its own `fade` frames later (direction 1) or earlier (-1).

        What both differ by follows a cubic that has the difference and its speed here, and neither there. Frames beyond stay.
        """
        outer = at - direction if 0 <= at - direction < len(self.translation) else at
        kept, frames = [at, outer], at + direction * torch.arange(fade + 1)
        apart = quaternion_multiply(other.rotations[kept], quaternion_conjugate(self.rotations[kept]))
        turns = quaternion_from_rotation_vector(_fading(rotation_vector_from_quaternion(apart), fade))
        moved, turned = self.translation.clone(), self.rotations.clone()
        moved[frames] += _fading(other.translation[kept] - self.translation[kept], fade)
        turned[frames] = quaternion_multiply(turns, turned[frames])
        return Track(moved, turned)


def _fading(differences: Tensor, fade: int) -> Tensor:
    """(fade + 1, ...) from differences (2, ...) in a frame and in the one before it to nought."""
    share = (torch.arange(fade + 1, dtype=torch.float64) / fade).reshape(-1, *(1 for _ in differences.shape[1:]))
    level, speed = (1 + 2 * share) * (1 - share) ** 2, fade * share * (1 - share) ** 2
    return level * differences[0] + speed * (differences[0] - differences[1])
