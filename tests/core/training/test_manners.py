"""A clip counts as what another pack calls the same."""

from __future__ import annotations

from understudy.core.training.corpus import Stretch
from understudy.core.training.manners import content, manner


def stretch(content: str, style: str) -> Stretch:
    return Stretch("clip", "accad", content, style, "train", False, 0, 40, ())


def test_walking_backwards_is_one_content_in_all_packs() -> None:
    assert content(stretch("walk", "backwards")) == content(stretch("walk-back", "sad")) == "walk-back"


def test_other_contents_keep_their_names() -> None:
    assert [content(stretch(*pair)) for pair in (("walk", "turn"), ("run", "backwards"), ("bow", ""))] == ["walk", "run", "bow"]


def test_manners_of_two_names_are_one() -> None:
    assert [manner(stretch("walk", style)) for style in ("old", "elderly", "tired", "sad", "")] == [
        "elderly", "elderly", "exhausted", "sad", "",
    ]  # fmt: skip
