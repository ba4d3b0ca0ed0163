"""Which tokens are made together: a long motion or one of several steps is generated window by window.

Each window begins with the last tokens of what is already there, which stay as they are, so that nothing jumps at a seam.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

LONGEST_WINDOW = 49  # tokens, what the transformers were trained on
CONTEXT = 10  # tokens, 2 s


@dataclass(frozen=True)
class Window:
    """Tokens start..end are made for sentence `step`, seeing those from `context` on."""

    step: int
    context: int
    start: int
    end: int


def plan_windows(step_lengths: list[int]) -> list[Window]:
    """Windows that cover steps of these lengths in tokens, in order; those of one step are about equally long."""
    windows: list[Window] = []
    begin = 0
    for step, length in enumerate(step_lengths):
        for start, end in _pieces(begin, begin + length):
            windows.append(Window(step, max(0, start - CONTEXT), start, end))
        begin += length
    return windows


def _pieces(begin: int, end: int) -> list[tuple[int, int]]:
    first_room = LONGEST_WINDOW - min(begin, CONTEXT)
    if end - begin <= first_room:
        return [(begin, end)]
    count = -(-(end - begin) // (LONGEST_WINDOW - CONTEXT))
    edges = [begin + round((end - begin) * part / count) for part in range(count + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def share_tokens(total: int, count: int) -> list[int]:
    """`total` tokens for `count` steps, all alike, but at least one each (so more than `total` if there are more steps than that).

    How long recordings of a movement are says little of how long it should last: nearly all walks in them go on for as long as there was
    floor.
    """
    total = max(total, count)
    edges = [total * part // count for part in range(count + 1)]
    return [high - low for low, high in zip(edges[:-1], edges[1:], strict=True)]


def share_made_tokens(kept: Tensor, count: int) -> list[int]:
    """Lengths in tokens of `count` steps that share alike what is made between tokens that are kept, (n,) True.

    What is kept before and after belongs to the first and the last step. Raises ValueError for fewer made tokens than steps.
    """
    made = (~kept).nonzero()[:, 0].tolist() or list(range(len(kept)))
    if len(made) < count:
        raise ValueError(f"{count} steps for {len(made)} tokens")
    edges = [0, *(made[len(made) * step // count] for step in range(1, count)), len(kept)]
    return [high - low for low, high in zip(edges[:-1], edges[1:], strict=True)]
