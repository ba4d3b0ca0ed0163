"""Does every request that cannot be used say so in one sentence, and does no other one?"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import BadRequest, BodyMotion, BodyRequest, MotionEdit

GOOD = BodyRequest(1, "a person walks")


def sentence(request: BodyRequest) -> str:
    with pytest.raises(BadRequest) as caught:
        request.validate()
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", ")", '".')) and text[0].isupper()
    return text


@pytest.mark.parametrize(("field", "value", "shown"), [
    ("seconds", 0.0, "0 s"), ("seconds", -1.0, "-1 s"), ("seconds", 600.0, "600 s"), ("seconds", 0.49, "0.49 s"), ("seconds", 300.1, "300.1 s"),
    ("seconds", math.nan, "nan"), ("seconds", math.inf, "inf"), ("seconds", -math.inf, "-inf"), ("seconds", 1e300, "1e+300"),
    ("seed", -1, "-1"), ("seed", 2**31, "between 0 and"), ("seed", -(2**63), "between"), ("seed", 10**30, "between"),
    ("steps", 1, "1"), ("steps", 0, "0"), ("steps", -5, "-5"), ("steps", 201, "201"), ("steps", 10**9, "200"),
    ("guidance", -0.1, "-0.1"), ("guidance", 20.5, "20.5"), ("guidance", math.nan, "nan"), ("guidance", math.inf, "inf"),
    ("variations", 0, "0"), ("variations", -1, "-1"), ("variations", 17, "17"), ("variations", 10**9, "16"),
])  # fmt: skip
def test_a_value_out_of_range(field: str, value: float, shown: str) -> None:
    assert shown in sentence(dataclasses.replace(GOOD, **{field: value}))


@pytest.mark.parametrize("text", ["", " ", "\n\t  ", "\u00a0\u2003"])
def test_an_empty_prompt(text: str) -> None:
    assert "empty" in sentence(dataclasses.replace(GOOD, text=text))


def test_a_prompt_of_ten_thousand_characters() -> None:
    text = sentence(dataclasses.replace(GOOD, text="walks and " * 1000))
    assert "9,999" in text and "1,000" in text and len(text) < 200


def test_a_prompt_of_just_too_many_characters() -> None:
    assert "1,001" in sentence(dataclasses.replace(GOOD, text="a" * 1001))


@pytest.mark.parametrize(("field", "value"), [
    ("seconds", None), ("seconds", 0.5), ("seconds", 300.0), ("seed", 0), ("seed", 2**31 - 1), ("steps", 2), ("steps", 200),
    ("guidance", None), ("guidance", 0.0), ("guidance", 20.0), ("variations", 1), ("variations", 16), ("text", "a" * 1000), ("text", "  " * 1000 + "walks"), ("text", "\u8df3"),
])  # fmt: skip
def test_values_up_to_the_limits(field: str, value: object) -> None:
    dataclasses.replace(GOOD, **{field: value}).validate()  # type: ignore[arg-type]


@given(st.floats())
def test_only_lengths_between_the_limits_pass(seconds: float) -> None:
    request = dataclasses.replace(GOOD, seconds=seconds)
    if 0.5 <= seconds <= 300:
        request.validate()
    else:
        sentence(request)


STILL = BodyMotion(
    np.zeros((41, 3), np.float32), np.tile(np.float32((1, 0, 0, 0)), (41, 1, 1)), np.zeros((41, 4), np.float32), ("pelvis",), (-1,),
    np.zeros((1, 3), np.float32), 20.0,
)  # fmt: skip


@pytest.mark.parametrize(("start", "end", "shown"), [
    (1.0, 1.0, "1 s to 1 s"), (1.5, 1.0, "1.5 s to 1 s"), (-0.1, 1.0, "-0.1 s to 1 s"), (1.0, 3.0, "0 s to 2.05 s"), (3.0, 4.0, "3 s to 4 s"),
    (math.nan, 1.0, "nan"), (0.5, math.nan, "nan"), (-math.inf, math.inf, "inf"), (1.0, 1.1, "0.1 s is too short"), (1.0, 1.19, "at least 0.2 s"),
])  # fmt: skip
def test_a_range_that_cannot_be_made_anew(start: float, end: float, shown: str) -> None:
    assert shown in sentence(dataclasses.replace(GOOD, edit=MotionEdit(STILL, start, end)))


def test_a_range_between_two_frames_is_too_short() -> None:
    slow = dataclasses.replace(STILL, fps=2.0)
    assert "too short" in sentence(dataclasses.replace(GOOD, edit=MotionEdit(slow, 1.1, 1.4)))


def test_a_range_that_is_too_long_for_one_job() -> None:
    slow = dataclasses.replace(STILL, fps=0.1)
    assert "400 s is too long" in sentence(dataclasses.replace(GOOD, edit=MotionEdit(slow, 0.0, 400.0)))


def test_a_range_keeps_its_own_length() -> None:
    assert "leave the length out" in sentence(dataclasses.replace(GOOD, seconds=2.0, edit=MotionEdit(STILL, 0.5, 1.0)))


def test_an_upper_body_carries_nothing() -> None:
    assert "leads nowhere" in sentence(dataclasses.replace(GOOD, edit=MotionEdit(STILL, 0.5, 1.0, carries_rest=True, upper_body=True)))


def test_a_motion_with_holes() -> None:
    rotations = STILL.rotations.copy()
    rotations[7] = np.nan
    assert "1 frames of 41" in sentence(dataclasses.replace(GOOD, edit=MotionEdit(dataclasses.replace(STILL, rotations=rotations), 0.5, 1.0)))


@pytest.mark.parametrize(("start", "end", "frames"), [
    (0.0, 2.05, (0, 41)), (0.0, 0.2, (0, 4)), (0.51, 1.0, (11, 20)), (1.0, 2.0, (20, 40)), (0.1 + 0.2, 1.1, (6, 22)), (1.85, 2.05, (37, 41)),
])  # fmt: skip
def test_frames_of_a_range(start: float, end: float, frames: tuple[int, int]) -> None:
    edit = MotionEdit(STILL, start, end)
    dataclasses.replace(GOOD, edit=edit).validate()
    assert (edit.first_frame, edit.end_frame) == frames
