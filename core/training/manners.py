"""What a clip shows, and what a sentence says of it, under one name, whichever pack it is from."""

from __future__ import annotations

from .captions import NEUTRAL_STYLE, sides
from .corpus import Stretch

# The two data sets of Bandai-Namco name the same manner differently (data card, section 3)
_SAME_STYLE = {"masculinity": "masculine", "old": "elderly", "tired": "exhausted"}
# ACCAD calls a manner of walking what is a content of its own with Bandai-Namco
_SAME_CONTENT = {("walk", "backwards"): "walk-back"}

# Where the others have a content for each side, CMU and ACCAD have a manner of walking, and only the sentence says the side
_TURNING = ("turn", "veer")


def content(stretch: Stretch) -> str:
    return _SAME_CONTENT.get((stretch.content, stretch.style), stretch.content)


def content_told(stretch: Stretch, sentence: str) -> str:
    """The content that a sentence of a clip speaks of."""
    said = sides(sentence)
    if content(stretch) == "walk" and stretch.style in _TURNING and len(said) == 1:
        return f"walk-turn-{said.pop()}"
    return content(stretch)


def manner(stretch: Stretch) -> str:
    """Walks whose style is a direction are walked in no special manner."""
    if stretch.content == "walk" and stretch.style in ("backwards", *_TURNING):
        return NEUTRAL_STYLE
    return common_name(stretch.style)


def is_neutral(stretch: Stretch) -> bool:
    return manner(stretch) in (NEUTRAL_STYLE, "")


def common_name(style: str) -> str:
    return _SAME_STYLE.get(style, style)
