"""Sentences that no training has seen, by what they ask for (sentences/held_out.toml)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..captions import NEUTRAL_STYLE, SENTENCES_FOLDER, mirrored_text, read_table
from .classes import style_class

HELD_OUT_FILE = SENTENCES_FOLDER / "held_out.toml"


@dataclass(frozen=True)
class StepPrompt:
    """first and second are contents; text asks for one, then the other."""

    first: str
    second: str
    text: str


class HeldOutSentences:
    """contents, directions: sentences by what they ask for; styles: (content, sentence) by style; steps: "A, then B"."""

    def __init__(self, path: Path = HELD_OUT_FILE) -> None:
        book = read_table(path)
        self.contents: dict[str, list[str]] = book["content"]
        self.styles: dict[str, list[tuple[str, str]]] = {}
        for style, pairs in book["style"].items():
            self.styles.setdefault(style_class(style) or style, []).extend((content, text) for content, text in pairs)
        self._manners: dict[str, list[str]] = {}
        for style, words in book["manner"].items():
            self._manners.setdefault(style_class(style) or style, []).extend(words)
        self.directions: dict[str, list[str]] = book["direction"]
        self.steps = [StepPrompt(**pair) for pair in book["steps"]["pairs"]]

    def sentences(self, content: str, style: str | None) -> list[str]:
        """For a recording of this content in this style; empty where there is none."""
        if content not in self.contents and mirrored_text(content) in self.contents:
            return [mirrored_text(text) for text in self.sentences(mirrored_text(content), style)]
        plain = self.contents.get(content, [])
        if style in (None, NEUTRAL_STYLE):
            return plain
        named = [text for named_content, text in self.styles.get(style or "", []) if named_content == content]
        return named + [f"{text} {manner}" for text in plain for manner in self._manners.get(style or "", [])]
