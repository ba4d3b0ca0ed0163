"""A prompt of several steps, "walks forward, then waves", as one sentence a step."""

from __future__ import annotations

import re

# "next" ends a step only behind a comma or an "and": "next to a wall" and "to the next chair" are places
_BREAK = re.compile(
    r"\s*(?:[.;!]+\s+|[,.;]?\s*\b(?:and\s+)?(?:then|afterwards?|after\s+that|finally)\b[,:]?\s+"
    r"|(?:[,;]\s*(?:and\s+)?|\band\s+)next\b(?!\s+to\b)[,:]?\s+"
    r"|,?\s+before\s+(?=(?:he|she|it)\s+\w+s\b))(?:and\s+)?",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:first|at first|next(?!\s+to\b))[,\s]+", re.IGNORECASE)
_EDGES = re.compile(r"^[\s,.;!]+|[\s,.;!]+$")
# Words that end like a verb in the third person and are none
_NOT_VERBS = {"his", "this", "its", "is", "as", "always", "us", "yes", "hers"}
_MAX_STEPS = 12


def prompt_steps(text: str) -> list[str]:
    """The steps in order; at least one. A step without a subject ("waves") gets that of the first ("a person waves")."""
    parts = [_EDGES.sub("", part) for part in _BREAK.split(text.strip())]
    steps = [step for part in parts if (step := _EDGES.sub("", _LEAD.sub("", part)))]
    if not steps:
        return [text.strip()]
    merged = [*steps[: _MAX_STEPS - 1], " and ".join(steps[_MAX_STEPS - 1 :])] if len(steps) > _MAX_STEPS else steps
    subject = _subject(merged[0])
    return [merged[0], *(f"{subject} {step}" if subject and _begins_with_verb(step) else step for step in merged[1:])]


def _begins_with_verb(step: str) -> bool:
    first = step.split()[0]
    return _is_verb(first) or first.lower() == "is"


def _subject(step: str) -> str:
    """Everything before the first verb: "an old man" of "an old man walks"; empty where there is none."""
    words = step.split()
    for index, word in enumerate(words):
        if _begins_with_verb(word):
            return " ".join(words[:index])
    return ""


def _is_verb(word: str) -> bool:
    word = word.lower().strip(",")
    return word.endswith("s") and not word.endswith(("ss", "'s", "\u2019s")) and word not in _NOT_VERBS and len(word) > 2
