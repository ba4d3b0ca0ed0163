"""Held-out clips and sentences: every recording once, in words that fit it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from understudy.core.training.captions import mirrored_text
from understudy.core.training.corpus import Corpus, Span, Stretch
from understudy.core.training.evaluation.classes import class_names, content_class, style_class
from understudy.core.training.evaluation.held_out_clips import held_out_clips
from understudy.core.training.evaluation.held_out_sentences import HeldOutSentences

BOOK = HeldOutSentences()


def stretch(clip: str, content: str, style: str, mirrored: bool, first: int, pack: str = "bandai_namco") -> Stretch:
    return Stretch(clip, pack, content, style, "test", mirrored, first, 60, (Span(0, 60, (0,)),))


def corpus(*stretches: Stretch) -> Corpus:
    return Corpus(torch.randn(60 * len(stretches), 161), stretches, ("a sentence of the corpus",))


def both_sides(clip: str, content: str, style: str, first: int) -> tuple[Stretch, Stretch]:
    return stretch(clip, content, style, False, first), stretch(clip, mirrored_text(content), style, True, first + 60)


def test_every_recording_is_there_once_and_every_second_one_mirrored() -> None:
    pairs = [both_sides(f"clip{number}", "walk-turn-left", "normal", 120 * number) for number in range(6)]
    clips = held_out_clips(corpus(*(side for pair in pairs for side in pair)), BOOK, "test")
    assert [clip.name for clip in clips] == [f"clip{number}" for number in range(6)]
    assert [clip.content for clip in clips] == ["walk-turn-left", "walk-turn-right"] * 3


def test_all_is_every_recording_and_no_mixture() -> None:
    one, other = stretch("one", "walk", "sad", False, 0), dataclasses.replace(stretch("two", "run", "sad", False, 60), split="train")
    mixture = dataclasses.replace(stretch("one+two", "mixed", "sad", False, 120), pack="mixed")
    assert [clip.name for clip in held_out_clips(corpus(one, other, mixture), BOOK, "all")] == ["one", "two"]


@pytest.mark.parametrize("content", ["walk-turn-left", "wave-right-hand", "raise-up-left-hand"])
@pytest.mark.parametrize("style", ["normal", "elderly", "happy"])
def test_sentences_name_the_side_of_the_recording(content: str, style: str) -> None:
    side, other = ("left", "right") if "left" in content else ("right", "left")
    for text in BOOK.sentences(content, style):
        assert side in text or "clockwise" in text, text
        assert f"{other} " not in f"{text} ", text


def test_a_content_that_only_its_mirror_image_names_gets_mirrored_sentences() -> None:
    assert BOOK.sentences("walk-left", "normal")
    cut = HeldOutSentences()
    right = cut.contents.pop("walk-turn-right")
    assert cut.sentences("walk-turn-right", "normal") == [mirrored_text(text) for text in cut.contents["walk-turn-left"]] != right


def test_a_recording_without_a_held_out_sentence_keeps_its_own() -> None:
    clips = held_out_clips(corpus(stretch("one", "nobody does this", "", False, 0, "cmu")), BOOK, "test")
    assert [clip.text for clip in clips] == ["a sentence of the corpus"]


def test_a_style_is_named_by_its_sentence() -> None:
    plain, sad = BOOK.sentences("walk", "normal"), BOOK.sentences("walk", "sad")
    assert len(sad) >= 8 and set(plain).isdisjoint(sad)


def test_classes_of_the_two_data_sets_are_the_same_and_columns_of_the_others_no_style() -> None:
    assert style_class("old") == style_class("elderly") == "elderly"
    assert style_class("backwards", "accad") is None
    mixture = dataclasses.replace(stretch("a+b", "mixed", "sad", False, 0), pack="mixed")
    assert content_class(mixture) is None and style_class("sad", "mixed") is None
    made = corpus(*(dataclasses.replace(each, split="train") for each in both_sides("a", "walk-turn-left", "old", 0)))
    assert class_names(made) == (("walk-turn-left", "walk-turn-right"), ("elderly",))
