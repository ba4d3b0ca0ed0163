"""Two movements at once: the arms of one clip on the body of another (Athanasiou et al., SINC, ICCV 2023).

"walks and waves" is in no recording, but in two of the same manner it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..contract import BodyMotion
from .captions import Caption
from .motion_capture.packs import Label

# What the legs do, as it follows "while"
LOWER = {
    "walk": "walking", "run": "running", "walk-turn-left": "walking and turning left", "walk-turn-right": "walking and turning right"
}  # fmt: skip
UPPER = tuple(f"{what}-{which}" for what in ("raise-up", "wave") for which in ("left-hand", "right-hand", "both-hands"))
ARMS = ("collar", "shoulder", "elbow", "wrist")
SHORTEST_FRAMES = 40
SENTENCES = 8  # a clip


@dataclass(frozen=True)
class Part:
    """A clip that may be mixed, at the training rate."""

    label: Label
    motion: BodyMotion


def may_be_mixed(label: Label) -> bool:
    return label.content in LOWER or label.content in UPPER


def mixed(lower: BodyMotion, upper: BodyMotion) -> BodyMotion:
    """The body of `lower` with the arms of `upper`, as long as the shorter one."""
    frames = min(len(lower.translation), len(upper.translation))
    arms = [index for index, name in enumerate(lower.joint_names) if name.split("_")[-1] in ARMS]
    rotations = lower.rotations[:frames].copy()
    rotations[:, arms] = upper.rotations[:frames, arms]
    return replace(lower, translation=lower.translation[:frames], rotations=rotations, contacts=lower.contacts[:frames])


def by_style_and_content(parts: list[Part]) -> dict[tuple[str, str], list[Part]]:
    cells: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        cells.setdefault((part.label.style, part.label.content), []).append(part)
    return cells


def mixtures(parts: list[Part], subjects: dict[str, list[str]], phrases: dict[str, list[str]]) -> Iterator[tuple[Part, list[Caption]]]:
    """One clip for every style, movement of the legs and movement of the arms, with its sentences.

    subjects: who moves in a style; phrases: what a content does, in the third person.
    """
    dice = random.Random(7)
    cells = by_style_and_content(parts)
    for style in sorted({part.label.style for part in parts}):
        for low in LOWER:
            for up in UPPER:
                if (style, low) not in cells or (style, up) not in cells:
                    continue
                lower, upper = dice.choice(cells[style, low]), dice.choice(cells[style, up])
                motion = mixed(lower.motion, upper.motion)
                if len(motion.translation) < SHORTEST_FRAMES:
                    continue
                label = Label(f"{lower.label.clip}+{upper.label.clip}", "", "mixed", style, "")
                yield Part(label, motion), [Caption(text) for text in _sentences(dice, subjects[style], low, phrases[low], phrases[up])]


def _sentences(dice: random.Random, subjects: list[str], low: str, legs: list[str], arms: list[str]) -> list[str]:
    made = []
    for _ in range(SENTENCES):
        who, leg, arm = dice.choice(subjects), dice.choice(legs[:6]), dice.choice(arms[:8])
        made.append(dice.choice((f"{who} {leg} and {arm}", f"{who} {arm} while {LOWER[low]}", f"{who} {leg} and {arm} at the same time")))
    return list(dict.fromkeys(made))
