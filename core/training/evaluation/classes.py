"""What a recording counts as for the judge: its content, and its style where it has one."""

from __future__ import annotations

from ..corpus import Corpus, Stretch
from ..manners import common_name

_NOBODY = ("unnamed",)
_NO_CONTENT = ("misc", "")


def content_class(stretch: Stretch) -> str | None:
    return None if stretch.content in _NO_CONTENT or not stretch.is_recorded else stretch.content


def style_class(style: str, pack: str = "bandai_namco") -> str | None:
    """The other packs use this column for something else ("backwards", "turn")."""
    return common_name(style) if pack == "bandai_namco" else None


def class_names(corpus: Corpus) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Contents and styles of the training split, sorted; where it names none, one class that nothing belongs to."""
    stretches = corpus.split("train")
    contents = {name for stretch in stretches if (name := content_class(stretch))}
    styles = {name for stretch in stretches if (name := style_class(stretch.style, stretch.pack))}
    return tuple(sorted(contents)) or _NOBODY, tuple(sorted(styles)) or _NOBODY
