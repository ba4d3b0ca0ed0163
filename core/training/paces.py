"""The same walk slower and faster, with sentences that say so: the recordings hardly tell "slowly" from "quickly"."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..body.features import FPS
from ..contract import BodyMotion
from .captions import NEUTRAL_STYLE, SENTENCES_FOLDER, Caption, read_table
from .mixing import SHORTEST_FRAMES, Part, by_style_and_content
from .motion_capture.packs import Label

# What a walk or run at each pace travels in metres a second, as far as the rates allow
TARGETS = {
    "slow": {"walk": 0.6, "walk-back": 0.5, "run": 1.4},
    "fast": {"walk": 1.9, "walk-back": 1.2, "run": 3.5},
}
RATES = {"slow": (0.5, 0.8), "fast": (1.2, 1.6)}
CLIPS, NEUTRAL_CLIPS = 2, 8  # of each style, content and pace; most prompts name no manner
SENTENCES = 32  # of each clip


def at_any_pace(content: str) -> str:
    """The content without its pace."""
    return content.removesuffix(" slow").removesuffix(" fast")


def may_be_paced(label: Label) -> bool:
    return label.content in TARGETS["slow"]


def paced(motion: BodyMotion, pace: str, content: str) -> BodyMotion:
    """The motion slower or faster, at the same frames a second."""
    way = np.linalg.norm(np.diff(motion.translation[:, [0, 2]], axis=0), axis=-1).sum()
    slowest, fastest = RATES[pace]
    rate = float(np.clip(TARGETS[pace][content] / max(way / motion.seconds, 1e-3), slowest, fastest))
    return replace(motion, fps=motion.fps * rate).resampled(FPS)


def paces(parts: list[Part], subjects: dict[str, list[str]], phrases: dict[str, list[str]]) -> Iterator[tuple[Part, list[Caption]]]:
    """Some clips of every style and content at each pace, with their sentences.

    subjects: who moves in a style; phrases: what a content does, in the third person.
    """
    dice = random.Random(11)
    book = read_table(SENTENCES_FOLDER / "paces.toml")["pace"]
    cells = by_style_and_content([part for part in parts if may_be_paced(part.label)])
    for (style, content), members in sorted(cells.items(), key=lambda item: item[0]):
        for pace in TARGETS:
            for part in dice.sample(members, min(NEUTRAL_CLIPS if style == NEUTRAL_STYLE else CLIPS, len(members))):
                motion = paced(part.motion, pace, content)
                if len(motion.translation) >= SHORTEST_FRAMES:
                    # Only of the neutral style may a sentence lack its subject, which is what tells the manner
                    who = [*subjects[style], ""] if style == NEUTRAL_STYLE else subjects[style]
                    texts = _sentences(dice, who, phrases[content], book[pace], content)
                    # A content of its own: drawn as often as those that were recorded
                    label = Label(f"{part.label.clip}*{pace}", "", f"{content} {pace}", style, "")
                    yield Part(label, motion), [Caption(text) for text in texts]


def _sentences(dice: random.Random, subjects: list[str], phrases: list[str], book: dict[str, Any], content: str) -> list[str]:
    made = []
    for _ in range(SENTENCES):
        plain = f"{dice.choice(phrases)} {dice.choice(book['adverbs'])}"
        phrase = dice.choice((plain, dice.choice(book["phrases"][content])))
        made.append(f"{dice.choice(subjects)} {phrase}".strip())
    return list(dict.fromkeys(made))
