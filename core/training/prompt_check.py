"""Does a model do what simple prompts say? Each prompt has a rule that is measured on the motion, counted over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..body.features import heading
from ..contract import BodyMotion, BodyRequest, Quality
from ..geometry.skeleton import REST_SKELETON
from ..service import Service
from .motion_capture.ground import joint_positions

FPS = 20.0


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


Rule = Callable[[Measured], bool]


@dataclass(frozen=True)
class Check:
    """A prompt, and a rule that its motion must meet."""

    prompt: str
    meaning: str
    rule: Rule


CHECKS = (
    Check("a person walks forward", "travels forward at 0.4 to 2 m/s", lambda m: m.forward > 1.2 and 0.4 < m.speed < 2.0),
    Check("a person runs", "travels forward faster than 1.8 m/s", lambda m: m.forward > 3.0 and m.speed > 1.8),
    Check("a person walks backward", "travels backward", lambda m: m.forward < -0.6),
    Check("a person walks and turns left", "ends turned left by 45 degrees or more", lambda m: m.turn > 45),
    Check("a person walks and turns right", "ends turned right by 45 degrees or more", lambda m: m.turn < -45),
    Check("someone waves with the right hand", "right hand up, left not", lambda m: m.raised("right") > 0.3 and m.raised("left") < 0.2),
    Check("someone waves with the left hand", "left hand up, right not", lambda m: m.raised("left") > 0.3 and m.raised("right") < 0.2),
    Check("a person raises both hands", "both hands up", lambda m: m.raised("left") > 0.15 and m.raised("right") > 0.15),
    Check("a person bows", "trunk bends by 25 degrees or more, on the spot", lambda m: m.lean() > 25 and m.speed < 0.5),
    Check("a person kicks", "a foot rises above 0.5 m", lambda m: max(m.highest("left_foot"), m.highest("right_foot")) > 0.5),
    Check("a person punches", "wrists move at 0.5 m/s on average", lambda m: m.movement("left_wrist") + m.movement("right_wrist") > 1.0),
    Check("a person dances", "wrists and feet move at 0.4 m/s on average", lambda m: m.movement("left_wrist") > 0.4 and m.speed > 0.15),
    Check("a person jumps", "the pelvis rises by 8 cm or more", lambda m: m.rise("pelvis") > 0.08),
    Check("an old man walks", "slower than 1 m/s, trunk bent by 8 degrees", lambda m: 0.1 < m.speed < 1.0 and m.lean() > 8),
    Check("a tired person walks", "slower than 1.1 m/s", lambda m: 0.1 < m.speed < 1.1),
    Check("a happy person walks", "wrists move at 0.4 m/s on average", lambda m: m.movement("left_wrist") > 0.4 and m.speed > 0.3),
    Check("an angry person walks", "travels at 0.5 m/s or more", lambda m: m.forward > 1.0 and m.speed > 0.5),
)  # fmt: skip


def check_prompts(model: str, seeds: int, seconds: float, report: Callable[[str, int, int], None]) -> dict[Check, float]:
    """Share of seeds whose motion meets the rule, for every check."""
    service, shares = Service(), {}
    for number, check in enumerate(CHECKS):
        report("checking prompts", number, len(CHECKS))
        motions: list[BodyMotion] = []
        for start in range(0, seeds, 10):
            count = min(10, seeds - start)
            request = BodyRequest(1, check.prompt, seconds, 1000 + start, Quality.NORMAL.value, variations=count, model=model, device="cpu")
            motions += service.body(request, lambda _stage, _step, _total: None).motions
        shares[check] = sum(check.rule(Measured.of(motion)) for motion in motions) / len(motions)
    return shares
