"""Words out of files that nobody vouches for, made fit for a sentence on a terminal."""

from __future__ import annotations


def shown(words: object, limit: int = 160) -> str:
    """One line of printable signs, cut at `limit`."""
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(str(words).split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."
