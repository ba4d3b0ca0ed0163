"""The recordings of a held-out split, each with one sentence in words that no training has seen."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..corpus import Corpus, Stretch
from .classes import content_class, style_class
from .held_out_sentences import HeldOutSentences
from .judge import LONGEST_FRAMES

SHORTEST_FRAMES = 20
ALL = "all"  # this split is everything, for recordings that no model has seen


@dataclass(frozen=True)
class HeldOutClip:
    """features: (T, D) raw, up to 9.8 s; content and style as the judge names them."""

    name: str
    features: Tensor
    text: str
    content: str | None
    style: str | None


def held_out_clips(corpus: Corpus, book: HeldOutSentences, split: str) -> list[HeldOutClip]:
    """Each recording or its mirror image, in turn; the same for every model, because nothing is drawn by chance.

    A content that the book has no sentence for keeps one of the corpus.
    """
    clips = []
    for number, stretch in enumerate(_in_turn_mirrored(corpus, split)):
        if not stretch.spans or stretch.count < SHORTEST_FRAMES:
            continue
        span = stretch.spans[0]
        start, end = stretch.first + span.start, stretch.first + min(span.end, span.start + LONGEST_FRAMES)
        content, style = content_class(stretch), style_class(stretch.style, stretch.pack)
        found = book.sentences(content, style) if content else []
        found = found or [corpus.sentences[index] for index in span.sentences]
        clips.append(HeldOutClip(stretch.clip, corpus.features[start:end], found[number % len(found)], content, style))
    return clips


def _in_turn_mirrored(corpus: Corpus, split: str) -> list[Stretch]:
    """Every part of a recording once, every second one mirrored."""
    parts: dict[tuple[str, int], list[Stretch]] = {}
    counts: dict[tuple[str, bool], int] = {}
    recorded = [stretch for stretch in corpus.stretches if stretch.is_recorded and split in (stretch.split, ALL)]
    for stretch in recorded:
        part = counts.get((stretch.clip, stretch.mirrored), 0)
        counts[stretch.clip, stretch.mirrored] = part + 1
        parts.setdefault((stretch.clip, part), []).append(stretch)
    return [sides[number % len(sides)] for number, sides in enumerate(parts.values())]
