"""The manner of a clip under one name, whichever pack it is from."""

from __future__ import annotations

from .corpus import Stretch

# The two data sets of Bandai-Namco name the same manner differently (data card, section 3)
_SAME = {"masculinity": "masculine", "old": "elderly", "tired": "exhausted"}


def manner(stretch: Stretch) -> str:
    return common_name(stretch.style)


def common_name(style: str) -> str:
    return _SAME.get(style, style)
