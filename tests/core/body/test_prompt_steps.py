"""Is a prompt of several steps cut where one step ends, and nowhere else?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.prompt_steps import prompt_steps

ONE_STEP = [
    "a person walks forward", "a person walks forward and waves", "a man sits down next to a table", "she stands next to him and claps",
    "a person walks 2.5 meters", "a person walks, turning left", "someone kicks with the right leg", "an athlete strengthens the arms",
    "a man walks like Mr.Bean", "he authenticates himself", "jumping jacks", "walk",
    "a man looks around before crossing", "someone stands before the door", "a person rests before a long walk",
]  # fmt: skip


@pytest.mark.parametrize("text", ONE_STEP)
def test_one_step_stays_one(text: str) -> None:
    assert prompt_steps(text) == [text]


@pytest.mark.parametrize(("text", "steps"), [
    ("a person walks forward, then waves", ["a person walks forward", "a person waves"]),
    ("a person walks forward then waves", ["a person walks forward", "a person waves"]),
    ("a person walks forward and then waves", ["a person walks forward", "a person waves"]),
    ("a person walks forward; waves; sits down", ["a person walks forward", "a person waves", "a person sits down"]),
    ("An old man walks forward. He sits down.", ["An old man walks forward", "He sits down"]),
    ("a woman runs, jumps over a wall and then, finally, rests", ["a woman runs, jumps over a wall", "a woman rests"]),
    ("First, a man bows. Next, he turns around. After that he leaves!", ["a man bows", "he turns around", "he leaves"]),
    ("walk forward, then wave", ["walk forward", "wave"]),
    ("the dancer spins. afterwards the dancer bows", ["the dancer spins", "the dancer bows"]),
    ("a person is sitting, then stands up", ["a person is sitting", "a person stands up"]),
    ("a man walks, then is waving", ["a man walks", "a man is waving"]),
    ("a person walks THEN jumps", ["a person walks", "a person jumps"]),
    ("a person's arm rises, then falls", ["a person's arm rises", "a person's arm falls"]),
    ("a woman shuffles backward before she bows", ["a woman shuffles backward", "she bows"]),
    ("a man runs, before he jumps high", ["a man runs", "he jumps high"]),
    ("a man sits next to a wall, then stands up", ["a man sits next to a wall", "a man stands up"]),
])  # fmt: skip
def test_steps_are_cut_and_given_the_first_subject(text: str, steps: list[str]) -> None:
    assert prompt_steps(text) == steps


def test_more_than_twelve_steps_are_merged_into_the_last() -> None:
    steps = prompt_steps(", then ".join(f"a person does thing {number}" for number in range(20)))
    assert len(steps) == 12 and steps[0] == "a person does thing 0"
    assert steps[-1].count(" and ") == 8 and steps[-1].endswith("thing 19")


pieces = st.sampled_from(
    ["then", "next", "finally", "after that", "afterwards", "and", "first", "First,", "at first", "a man", "walks", "waves", "his", "is", ".", ",", ";", "!", " ", "\t", "\n",
     "\u00a0", "\u2003", "...", ", then ", "2.5", "\u8df3"]
)  # fmt: skip


@given(st.lists(pieces, min_size=1, max_size=15), st.sampled_from([" ", ""]))
def test_any_prompt_gives_between_one_and_twelve_steps_with_words_in_them(words: list[str], glue: str) -> None:
    text = glue.join(words)
    steps = prompt_steps(text)
    assert 1 <= len(steps) <= 12
    if any(character.isalnum() for character in text):
        assert all(step.strip() == step and step for step in steps)


@given(st.text(max_size=40).filter(str.strip))
def test_any_text_gives_a_step(text: str) -> None:
    assert prompt_steps(text) and all(isinstance(step, str) for step in prompt_steps(text))


@given(st.lists(pieces, min_size=1, max_size=15))
def test_no_word_of_a_step_is_invented_or_lost(words: list[str]) -> None:
    """All words but those that join the steps are still there, in their order."""
    text = " ".join(words)
    joining = {"then", "next", "finally", "after", "that", "afterwards", "and", "first", "at"}

    def plain(text: str) -> list[str]:
        return [word for part in text.split() if (word := part.strip(" ,.;!").lower()) and word not in joining]

    steps = prompt_steps(text)
    told, subject = [], plain(steps[0])
    for step in steps:
        told += plain(step)
    if "walks" not in text and "waves" not in text:
        assert told == plain(text)
    assert set(told) <= set(plain(text)) and len(told) <= len(plain(text)) + len(steps) * len(subject)
