"""Does our WordPiece cut every text as the tokenizers library does?"""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.wordpiece import WordPiece

tokenizers = pytest.importorskip("tokenizers", reason="the tokenizers library, which this test compares with, is not installed")

WORDS = ["a", "person", "walks", "forward", "then", "waves", "with", "the", "right", "hand", "kicks", "somersaults", "tiptoes", "clockwise", "unbelievably", "cartwheeling", "pneumonoultramicroscopicsilicovolcanoconiosis", "naïve", "café", "résumé", "Übung", "İstanbul", "ẞ", "Straße", "é", "ΣΟΦΟΣ", "привет", "中文字", "日本語", "한국어", "ไทย", "שלום", "مرحبا", "नमस्ते", "🕺", "👩\u200d🦯", "☃️", "don't", "it's", "3.14", "1,000", "x2", "#tag", "@me", "a/b", "c\\d", "“quoted”", "—", "…", "½", "²", "€5", "\xa0", "\u3000", "\u200b", "[CLS]", "[SEP]", "[MASK]", "##ing", "\t", "\n", "\r", "\x00", "\x0b", "\x1f", "\x7f", "\x85", "\u2028", "�", "\ufeff"]  # fmt: skip


@pytest.fixture(scope="module")
def ours(minilm_folder: Path) -> WordPiece:
    return WordPiece(minilm_folder / "vocab.txt", 10_000)


@pytest.fixture(scope="module")
def theirs(minilm_folder: Path) -> object:
    words = (minilm_folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {word: index for index, word in enumerate(words) if word}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def same(ours: WordPiece, theirs: object, text: str) -> None:
    assert ours.encode(text) == [101, *theirs.encode(text).ids, 102]  # type: ignore[attr-defined]


def known_to_both(character: str) -> bool:
    """The library carries older Unicode tables than Python: leave out what came after them."""
    return unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character) not in ("Cs", "Cn")


old = st.characters(max_codepoint=0x2FFFF, exclude_categories=["Cs", "Cn"]).filter(known_to_both)
mixed = st.lists(st.sampled_from(WORDS) | st.text(old, max_size=6) | st.sampled_from([" ", "  ", "", ".", "-"]), max_size=12)


def test_thousands_of_random_texts(ours: WordPiece, theirs: object) -> None:
    dice = random.Random(0)
    anywhere = [character for character in map(chr, [*range(0x3000), *range(0x3000, 0x30000, 7)]) if known_to_both(character)]
    latin = [character for character in anywhere if ord(character) < 0x250]
    for _ in range(5000):
        alphabet = dice.choice((anywhere, latin, latin))
        same(ours, theirs, "".join(dice.choice((*dice.choices(alphabet, k=4), " ", "e", "s")) for _ in range(dice.randrange(40))))


@given(text=st.text(old, max_size=30))
def test_random_characters(text: str, ours: WordPiece, theirs: object) -> None:
    same(ours, theirs, text)


@given(words=mixed, glue=st.sampled_from([" ", ""]), case=st.sampled_from([str, str.upper, str.title, str.lower]))
def test_words_of_many_scripts(words: list[str], glue: str, case: object, ours: WordPiece, theirs: object) -> None:
    same(ours, theirs, case(glue.join(words)))  # type: ignore[operator]


@given(text=st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz .,'-0123456789"), max_size=60))
def test_letters_of_prompts(text: str, ours: WordPiece, theirs: object) -> None:
    same(ours, theirs, text)


def test_every_word_of_the_vocabulary(ours: WordPiece, theirs: object, minilm_folder: Path) -> None:
    words = (minilm_folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    for start in range(0, len(words), 200):
        same(ours, theirs, " ".join(words[start : start + 200]))


@pytest.mark.parametrize("length", [99, 100, 101, 1000])
def test_words_of_more_than_a_hundred_letters_are_unknown(length: int, ours: WordPiece, theirs: object) -> None:
    same(ours, theirs, "jump " + "a" * length + " high")
    assert (ours.encode("a" * length) == [101, 100, 102]) == (length > 100)


@pytest.mark.parametrize(
    "text", ["\U0001f57a dances", "\U0001f9d1\u200d\U0001f9bd rolls", "\U0001f3c3\U0001f3fd runs", "walks \u2764\ufe0f"]
)
def test_emoji(text: str, ours: WordPiece, theirs: object) -> None:
    same(ours, theirs, text)


@pytest.mark.parametrize("limit", [3, 4, 5, 256])
def test_long_texts_are_cut_before_the_separator(limit: int, minilm_folder: Path) -> None:
    ids = WordPiece(minilm_folder / "vocab.txt", limit).encode("walk " * 300)
    assert ids == [101, *[3328] * (limit - 2), 102]


def test_a_lone_surrogate_is_dropped(ours: WordPiece) -> None:
    assert ours.encode("walks \ud83d forward") == ours.encode("walks  forward")
