"""Simple things to see in a motion: where it goes, how fast, how it turns, which hand is up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.features import FPS, heading
from ...contract import BodyMotion
from ...geometry.skeleton import REST_SKELETON
from ..motion_capture.ground import joint_positions


@dataclass(frozen=True)
class Measured:
    """What the rules look at; positions (T, 22, 3) metres, rotations of the pelvis (T, 4), seconds between frames 1 / 20."""

    positions: Tensor
    pelvis: Tensor

    @classmethod
    def of(cls, motion: BodyMotion) -> Measured:
        return cls(joint_positions(motion), torch.from_numpy(motion.rotations[:, 0].copy()).double())

    def joint(self, name: str) -> Tensor:
        return self.positions[:, REST_SKELETON.index(name)]

    @property
    def speed(self) -> float:
        """Travelled way of the pelvis over the floor, metres a second."""
        steps = (self.joint("pelvis")[1:] - self.joint("pelvis")[:-1])[:, [0, 2]]
        return float(steps.norm(dim=-1).sum() / (len(steps) / FPS))

    @property
    def turn(self) -> float:
        """Degrees that the body turned to the left from beginning to end."""
        angles = heading(self.pelvis)
        return math.degrees(float(angles[-5:].mean() - angles[:5].mean()))

    @property
    def forward(self) -> float:
        """Metres travelled along the direction faced at each moment."""
        steps = (self.joint("pelvis")[1:] - self.joint("pelvis")[:-1])[:, [0, 2]]
        angles = heading(self.pelvis)[:-1]
        facing = torch.stack((torch.sin(angles), torch.cos(angles)), dim=-1)
        return float((steps * facing).sum())

    def raised(self, side: str) -> float:
        """Share of the time in which a wrist is above its elbow and near or above the shoulder."""
        wrist, elbow, shoulder = (self.joint(f"{side}_{name}")[:, 1] for name in ("wrist", "elbow", "shoulder"))
        return float(((wrist > elbow) & (wrist > shoulder - 0.15)).double().mean())

    def highest(self, name: str) -> float:
        return float(self.joint(name)[:, 1].max())

    def rise(self, name: str) -> float:
        """How far a joint goes above where it was in the first quarter second, metres."""
        return self.highest(name) - float(self.joint(name)[:5, 1].mean())

    def lean(self) -> float:
        """Largest angle of the trunk from the vertical, degrees."""
        trunk = self.joint("neck") - self.joint("pelvis")
        upright = trunk[:, 1] / trunk.norm(dim=-1)
        return math.degrees(float(torch.arccos(upright.clamp(-1, 1)).max()))

    def movement(self, name: str) -> float:
        """Mean speed of a joint relative to the pelvis, metres a second."""
        relative = self.joint(name) - self.joint("pelvis")
        return float((relative[1:] - relative[:-1]).norm(dim=-1).mean() * FPS)
