"""Does a model do what simple prompts say? Each prompt has a rule that is measured on the motion, counted over seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..checkpoints import typed_bundle
from ..contract import BodyMotion, BodyRequest, Quality
from ..service import Service
from .evaluation.directions import Rule
from .evaluation.measured import Measured


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
    service, shares, model = Service(), {}, typed_bundle(model)
    for number, check in enumerate(CHECKS):
        report("checking prompts", number, len(CHECKS))
        motions: list[BodyMotion] = []
        for start in range(0, seeds, 10):
            count = min(10, seeds - start)
            request = BodyRequest(1, check.prompt, seconds, 1000 + start, Quality.NORMAL.value, variations=count, model=model, device="cpu")
            motions += service.body(request, lambda _stage, _step, _total: None).motions
        shares[check] = sum(check.rule(Measured.of(motion)) for motion in motions) / len(motions)
    return shares
