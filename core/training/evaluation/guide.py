"""The prompt guide: what a model does when it is asked, out of a stored evaluation, best first, worst included."""

from __future__ import annotations

import json
from pathlib import Path

from ...contract import BadRequest

# Lower limits of the shares, and what they are called
_GROUPS = ((0.85, "nearly always"), (0.6, "mostly"), (0.3, "sometimes"), (0.0, "hardly ever"))
_HEADINGS = {"contents": "What to do", "styles": "In which manner", "directions": "Where, with which hand, how fast"}
# Names of the data, as one would say them
_SAID = {
    "bye": "wave goodbye", "byebye": "wave goodbye with both hands", "respond": "answer with a raised hand", "guide": "show the way",
    "call": "call out to someone", "slash": "slash with a sword", "dance-short": "dance to pop music", "dash": "sprint",
    "raise-up-both-hands": "raise both hands", "raise-up-left-hand": "raise the left hand", "raise-up-right-hand": "raise the right hand",
    "walk-left": "walk to the left looking right", "walk-right": "walk to the right looking left", "chimpira": "like a thug",
    "not-confident": "shy", "box": "carry a box", "wave-left-hand": "wave the left hand", "wave-right-hand": "wave the right hand",
    "wave-both-hands": "wave both hands", "walk-back": "walk backward", "walk-turn-left": "walk and turn left",
    "walk-turn-right": "walk and turn right",
}  # fmt: skip


def guide(evaluation: Path) -> str:
    """Markdown of a stored evaluation. Raises BadRequest for a file that is none."""
    try:
        stored = json.loads(evaluation.read_text(encoding="utf-8"))
        obeyed = {name: {str(key): float(share) for key, share in stored["obedience"][name].items()} for name in (*_HEADINGS, "steps")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"{evaluation} is no evaluation: make one with `python -m core evaluate body --out FOLDER`.") from error
    lines = ["| asked for, in words it never read | obeyed | |", "|---|---|---|"]
    for name, heading in _HEADINGS.items():
        for low, called, shares in _grouped(obeyed[name]):
            listed = ", ".join(f"{_SAID.get(key, key)} {share:.0%}" for key, share in shares)
            lines.append(f"| {heading} | {called} ({low:.0%} and more) | {listed} |")
            heading = ""
    steps = list(obeyed["steps"].values())
    if steps:
        lines.append(f'| Two steps, "..., then ..." | {sum(steps) / len(steps):.0%} | both seen, in order, mean of {len(steps)} prompts |')
    return "\n".join(lines)


def _grouped(shares: dict[str, float]) -> list[tuple[float, str, list[tuple[str, float]]]]:
    groups = []
    rest = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    for low, called in _GROUPS:
        inside = [item for item in rest if item[1] >= low]
        rest = rest[len(inside) :]
        if inside:
            groups.append((low, called, inside))
    return groups
