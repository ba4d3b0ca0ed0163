"""Do the windows cover a motion exactly, within what the networks were trained on?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.token_plan import CONTEXT, LONGEST_WINDOW, plan_windows, share_tokens

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


@given(st.integers(1, 2000), st.integers(0, 60))
def test_windows_of_one_step_are_about_equally_long(length: int, before: int) -> None:
    windows = [window for window in plan_windows([before, length] if before else [length]) if window.step == bool(before)]
    sizes = [window.end - window.start for window in windows]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) <= -(-length // (LONGEST_WINDOW - CONTEXT))


@pytest.mark.parametrize("length", [1, 10, 49])
def test_what_fits_into_one_window_is_made_in_one(length: int) -> None:
    assert len(plan_windows([length])) == 1


def test_a_second_step_has_room_beside_its_context() -> None:
    assert len(plan_windows([49, 39])) == 2
    assert len(plan_windows([49, 40])) == 3
    assert len(plan_windows([3, 46])) == 2


@given(st.integers(1, 2000), st.lists(st.integers(1, 49), min_size=1, max_size=12))
def test_shares_add_up_and_nobody_goes_without(total: int, wishes: list[int]) -> None:
    shares = share_tokens(total, wishes)
    assert len(shares) == len(wishes) and min(shares) >= 1
    assert sum(shares) == max(total, len(wishes))


@given(st.integers(200, 2000), st.lists(st.integers(10, 49), min_size=1, max_size=12))
def test_shares_are_proportional_where_there_is_enough(total: int, wishes: list[int]) -> None:
    for share, wish in zip(share_tokens(total, wishes), wishes, strict=True):
        assert abs(share - total * wish / sum(wishes)) <= 1


def test_one_wish_takes_all() -> None:
    assert share_tokens(37, [12]) == [37]
