"""Sentences for clips: our own from the folder `sentences`, those that came with a pack, and their mirror images."""

from __future__ import annotations

import json
import math
import random
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .motion_capture.packs import Label
from .motion_capture.source_clip import MotionFileError

SENTENCES_FOLDER = Path(__file__).with_name("sentences")
SENTENCES_A_CELL = 256  # of one content in one style: every phrase of the content, most of them twice or more
NEUTRAL_STYLE = "normal"  # what no word on the manner means
GENERAL_SENTENCES = 4  # of each description of a CMU or ACCAD clip: what it shows as a whole
_NEUTRAL = ("a person", "someone", "a man", "a woman", "the character", "he", "she", "somebody")
# Also inside compounds: "left-handed", "turn-left", "leftmost"
_SIDE_WORD = re.compile(r"\b(?:(?P<side>left|right)(?=(?:wards?|hand(?:ed)?|footed|most)?\b)|(?P<against>counter-?|anti-?)?clockwise\b)")


@dataclass(frozen=True)
class Caption:
    """What happens in a clip between two times in seconds; end None is the end of the clip."""

    text: str
    start: float = 0.0
    end: float | None = None


class CaptionBook:
    """Our own sentences for the three packs. phrases: by content, in the third person; subjects: who moves, by style."""

    def __init__(self, folder: Path = SENTENCES_FOLDER) -> None:
        bandai = read_table(folder / "bandai.toml")["bandai"]
        self.phrases: dict[str, list[str]] = {content: entry["phrases"] for content, entry in bandai["content"].items()}
        self._styles = bandai["style"]
        self.subjects: dict[str, list[str]] = {style: entry["subjects"] for style, entry in self._styles.items()}
        self.relabelled: dict[str, str] = bandai["relabelled"]
        self._by_description: dict[str, list[str]] = read_table(folder / "cmu.toml")["cmu"]["description"]
        self._by_clip: dict[str, list[str]] = read_table(folder / "accad.toml")["accad"]["clip"]
        general = read_table(folder / "contents.toml")["content"]
        self._general: dict[str, list[str]] = {content: entry["phrases"] for content, entry in general.items()}
        self._segments: dict[str, list[Caption]] = {}
        self._cells: dict[tuple[str, str], list[str]] = {}
        for segment in read_table(folder / "cmu_segments.toml")["segment"]:
            found = [Caption(text, segment["start"], segment["end"]) for text in segment["text"]]
            self._segments.setdefault(segment["clip"], []).extend(found)

    def captions(self, pack: str, label: Label) -> list[Caption]:
        """All captions for a clip of one of the three packs; empty where the book says to leave the clip out.

        A clip that was looked at and cut into segments has only theirs: the index describes it as a whole. Beside what is seen in them
        each says what the whole is, as most prompts do: a pirouette is a dance.
        """
        segments = self._segments.get(label.clip) if pack == "cmu" else None
        found = segments or [Caption(text) for text in self._whole(pack, label)]
        return found if pack == "bandai_namco" else list(dict.fromkeys(found + self._in_general(label, found)))

    def _in_general(self, label: Label, found: list[Caption]) -> list[Caption]:
        """Some sentences for the content of a clip, for every part of it that has a sentence."""
        dice = random.Random(label.clip)
        phrases = self._general.get(label.content, [])
        parts = dict.fromkeys((caption.start, caption.end) for caption in found)
        return [
            Caption(phrase if dice.random() < 0.3 else f"{self._anybody(dice)} {phrase}", start, end)
            for start, end in parts
            for phrase in dice.sample(phrases, min(GENERAL_SENTENCES, len(phrases)))
        ]

    def _whole(self, pack: str, label: Label) -> list[str]:
        if pack == "accad":
            return self._by_clip[label.clip]
        if pack == "cmu":
            return self._by_description[label.description]
        content = self.relabelled.get(label.clip, label.content)
        if content and (content, label.style) not in self._cells:
            self._cells[content, label.style] = self._cell(content, label.style)
        return self._cells[content, label.style] if content else []

    def _cell(self, content: str, style: str) -> list[str]:
        """All phrases of the content in turn, each time in another sentence."""
        dice = random.Random(f"{content} {style}")
        make = self._plain if style == NEUTRAL_STYLE else self._styled
        rounds = math.ceil(SENTENCES_A_CELL / len(self.phrases[content]))
        made = [make(dice, phrase, style) for _ in range(rounds) for phrase in _shuffled(dice, self.phrases[content])]
        return list(dict.fromkeys(made))[:SENTENCES_A_CELL]

    def _plain(self, dice: random.Random, phrase: str, style: str) -> str:
        entry = self._styles[style]
        if (kind := dice.random()) < 0.25:
            return phrase
        if kind < 0.75:
            return f"{self._anybody(dice)} {phrase}"
        how, lead = dice.choice(entry["adverbs"]), dice.choice(entry["leads"])
        return dice.choice((f"{phrase} {how}", f"{self._anybody(dice)} {phrase} {how}", f"{lead} {phrase}"))

    def _styled(self, dice: random.Random, phrase: str, style: str) -> str:
        entry, who = self._styles[style], self._anybody(dice)
        how = dice.choice(entry["adverbs"])
        forms = {
            f"{dice.choice(entry['subjects'])} {phrase}": 5,
            f"{dice.choice(entry['leads'])} {phrase}": 4,
            f"{who} {phrase} {how}": 5,
            f"{phrase} {how}": 4,
            f"{how}, {who} {phrase}": 2,
        }
        return dice.choices(list(forms), list(forms.values()))[0]

    def _anybody(self, dice: random.Random) -> str:
        """Somebody of no particular manner, half of the time one of the few whom most prompts name."""
        return dice.choice(dice.choice((_NEUTRAL, self.subjects[NEUTRAL_STYLE])))


def _shuffled(dice: random.Random, items: list[str]) -> list[str]:
    return dice.sample(items, len(items))


def read_table(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def mirrored_text(text: str) -> str:
    """Left and right, clockwise and counterclockwise exchanged in lower-case text."""

    def other(word: re.Match[str]) -> str:
        if word["side"]:
            return "right" if word["side"] == "left" else "left"
        return "clockwise" if word["against"] else "counterclockwise"

    return _SIDE_WORD.sub(other, text)


def sides(text: str) -> set[str]:
    """Which of "left" and "right" lower-case text speaks of."""
    return {word["side"] for word in _SIDE_WORD.finditer(text) if word["side"]}


def read_timed_captions(path: Path, source: str = "") -> dict[str, list[Caption]]:
    """JSON lines {"clip", "text"[, "start_s", "end_s", "mirrored", "source"]} by clip. A mirrored line is turned back.

    source: only lines whose source begins so.

    Raises MotionFileError naming the line that cannot be read.
    """
    captions: dict[str, list[Caption]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not row.get("source", "").startswith(source):
                continue
            if not (text := row["text"].strip().lower().rstrip(".")):
                raise ValueError("an empty sentence")
            text = mirrored_text(text) if row.get("mirrored") else text
            end = None if row.get("end_s") is None else float(row["end_s"])
            captions.setdefault(row["clip"], []).append(Caption(text, float(row.get("start_s", 0.0)), end))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise MotionFileError(f'{path.name}, line {number}: not a caption such as {{"clip": "walk_01", "text": "..."}}.') from error
    return captions


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MotionFileError(f"The captions {path} cannot be read ({error}).") from error
