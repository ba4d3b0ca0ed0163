"""Names as they stand in a sentence: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 4


def listed(names: Sequence[str]) -> str:
    """Such as "left_hip, right_hip, spine1, left_knee and 17 more"."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
