"""What a journey must have seen."""

from __future__ import annotations

from typing import Any

PROMPT = "a person waves with the right hand"
MOST_CLICKS = 6


def judge_first_keys(seen: dict[str, Any]) -> None:
    """Few clicks and one sentence, a bar that moved meanwhile, and a character that moves as its keys say."""
    assert "error" not in seen, seen["error"]
    assert seen["clicks"] <= MOST_CLICKS and seen["typed"] == 1
    assert seen["first"]["prompt"] == PROMPT and seen["first"]["action"].startswith(PROMPT)
    assert len({stage for stage, _ in seen["stages"]}) >= 2, "the bar said nothing while the engine worked"
    judge_keyed(seen["first"])


def judge_presence(presence: dict[str, Any]) -> None:
    """What was added is at hand, whole in the view, large enough to be judged, and not inside the cube that Blender starts with."""
    assert presence["is_active"] and presence["is_free_of_cube"]
    (left, right), (low, high) = presence["across"], presence["up"]
    assert 0.0 < left < right < 1.0 and 0.0 < low < high < 1.0, "it is not in view"
    assert high - low > 0.2, "it is tiny"


def judge_keyed(facts: dict[str, Any]) -> None:
    """The character has keys that move it: on Blender 4.4 and later, an Action without its slot moves nothing."""
    assert facts["action"] and facts["range"] == [1.0, 97.0]
    assert facts["moved"] > 0.1, "there are keys, and the character stands still"


def judge_without_keys(facts: dict[str, Any]) -> None:
    assert facts["characters"] == 1 and facts["action"] == "" and facts["actions"] == {} and facts["moved"] < 1e-4
