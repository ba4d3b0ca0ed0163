"""Do the windows cover a motion exactly, within what the networks were trained on?"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.token_plan import CONTEXT, LONGEST_WINDOW, plan_windows, share_made_tokens, share_tokens

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=12)


@given(lengths)
def test_windows_cover_every_token_once_and_in_order(step_lengths: list[int]) -> None:
    windows = plan_windows(step_lengths)
    made = [(window.step, token) for window in windows for token in range(window.start, window.end)]
    steps = [step for step, length in enumerate(step_lengths) for _ in range(length)]
    assert made == list(zip(steps, range(sum(step_lengths)), strict=True))


@given(lengths)
def test_no_window_is_longer_than_the_training_ones(step_lengths: list[int]) -> None:
    assert all(window.end - window.context <= LONGEST_WINDOW == 49 for window in plan_windows(step_lengths))


@given(lengths)
def test_a_window_sees_ten_tokens_before_it_or_as_many_as_there_are(step_lengths: list[int]) -> None:
    assert all(window.context == max(0, window.start - CONTEXT) and window.start < window.end for window in plan_windows(step_lengths))


@given(st.integers(1, 2000), st.integers(1, 12))
def test_shares_add_up_and_are_alike_to_one_token_and_nobody_goes_without(total: int, count: int) -> None:
    shares = share_tokens(total, count)
    assert len(shares) == count and min(shares) >= 1 and max(shares) - min(shares) <= 1
    assert sum(shares) == max(total, count)


@pytest.mark.parametrize(("kept", "count", "lengths"), [
    ("..........", 2, [5, 5]), ("..........", 3, [3, 3, 4]), ("##....###", 2, [4, 5]), ("##....###", 1, [9]), ("....##", 4, [1, 1, 1, 3]),
    ("#..##..#", 2, [5, 3]), ("####", 2, [2, 2]),
])  # fmt: skip
def test_steps_share_what_is_made_between_what_is_kept(kept: str, count: int, lengths: list[int]) -> None:
    mask = torch.tensor([each == "#" for each in kept], dtype=torch.bool)
    assert share_made_tokens(mask, count) == lengths


def test_more_steps_than_made_tokens() -> None:
    with pytest.raises(ValueError, match="3 steps for 2 tokens"):
        share_made_tokens(torch.tensor([True, False, False, True]), 3)
