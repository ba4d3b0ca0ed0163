"""What a clip shows under one name, whichever pack it is from."""

from __future__ import annotations

from .corpus import Stretch

# The two data sets of Bandai-Namco name the same manner differently (data card, section 3)
_SAME_STYLE = {"masculinity": "masculine", "old": "elderly", "tired": "exhausted"}
# ACCAD calls a manner of walking what is a content of its own with Bandai-Namco
_SAME_CONTENT = {("walk", "backwards"): "walk-back"}


def content(stretch: Stretch) -> str:
    return _SAME_CONTENT.get((stretch.content, stretch.style), stretch.content)


def manner(stretch: Stretch) -> str:
    return common_name(stretch.style)


def common_name(style: str) -> str:
    return _SAME_STYLE.get(style, style)
