"""A clip counts as what another pack calls the same."""

from __future__ import annotations

import pytest

from understudy.core.training.corpus import Stretch
from understudy.core.training.manners import content, content_told, is_neutral, manner


def stretch(content: str, style: str) -> Stretch:
    return Stretch("clip", "accad", content, style, "train", False, 0, 40, ())


def test_walking_backwards_is_one_content_in_all_packs() -> None:
    assert content(stretch("walk", "backwards")) == content(stretch("walk-back", "sad")) == "walk-back"


def test_other_contents_keep_their_names() -> None:
    assert [content(stretch(*pair)) for pair in (("walk", "turn"), ("run", "backwards"), ("bow", ""))] == ["walk", "run", "bow"]


def test_walks_whose_style_is_a_direction_are_in_no_special_manner_and_runs_keep_it() -> None:
    assert [manner(stretch("walk", style)) for style in ("backwards", "turn", "veer")] == ["normal"] * 3
    assert manner(stretch("run", "turn")) == "turn"
    assert [is_neutral(stretch(*pair)) for pair in (("walk", "turn"), ("bow", ""), ("walk", "normal"), ("walk", "sad"))] == [True] * 3 + [False]


def test_manners_of_two_names_are_one() -> None:
    assert [manner(stretch("walk", style)) for style in ("old", "elderly", "tired", "sad", "")] == [
        "elderly", "elderly", "exhausted", "sad", "",
    ]  # fmt: skip


@pytest.mark.parametrize("style", ["turn", "veer"])
def test_a_walk_that_turns_has_the_content_of_the_side_that_its_sentence_says(style: str) -> None:
    walk = stretch("walk", style)
    told = [content_told(walk, text) for text in ("he walks and turns left", "she bears rightward", "a person turns", "first left, then right")]
    assert told == ["walk-turn-left", "walk-turn-right", "walk", "walk"]


def test_other_sentences_with_sides_are_of_their_clip() -> None:
    assert content_told(stretch("walk", "limp"), "he drags the left leg") == "walk"
    assert content_told(stretch("kick", "turn"), "she kicks with the right leg") == "kick"
    assert content_told(stretch("walk", "backwards"), "turning left") == "walk-back"
