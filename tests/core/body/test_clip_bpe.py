"""Does our byte pair encoding cut every text as the tokenizers library does, after cleaning it as CLIP's training did?"""

from __future__ import annotations

import gzip
import html
import random
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.clip_bpe import END, START, ClipBPE, clean, pieces, read_merges
from understudy.core.contract import BadRequest

tokenizers = pytest.importorskip("tokenizers", reason="the tokenizers library, which this test compares with, is not installed")
ftfy = pytest.importorskip("ftfy", reason="ftfy, which repairs prompts that are not plain English, is not installed")

WORDS = ["a", "person", "walks", "forward", "then", "waves", "tiptoes", "somersaults", "clockwise", "pneumonoultramicroscopicsilicovolcanoconiosis", "naïve", "café", "e\u0301", "résumé", "Übung", "İstanbul", "ẞ", "Straße", "ΣΟΦΟΣ", "привет", "中文字", "日本語", "한국어", "ไทย", "שלום", "مرحبا", "नमस्ते", "🕺", "👩\u200d🦯", "☃️", "don't", "it's", "I'LL", "we've", "they're", "he'd", "I'm", "'s", "''s", "!'s", "'ſ", "'S", "can’t", "3.14", "1,000", "١٢٣", "Ⅷ", "½", "²", "x2", "#tag", "a_b", "a/b", "c\\d", "“quoted”", "—", "…", "€5", "&amp;", "&amp;amp;", "&lt;b&gt;", "&eacute;", "&EACUTE;", "&#233;", "&#x1F57A;", "&nosuch;", "&", "<", "Ã©", "â€™", "schÃ¶n", "ﬁ", "Ａ１", "\xa0", "\u3000", "\u200b", "<|start", "</w>", "\t", "\n", "\r\n", "\x00", "\x0b", "\x1b[31m", "\x1f", "\x7f", "\x85", "\u2028", "�", "\ufeff", "\ud83d"]  # fmt: skip
PATTERN = r"(?i)<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
Ids = Callable[[str], list[int]]


@pytest.fixture(scope="session")
def made_merges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hundred random merges, of which every one is reached from single bytes; a later one never spells what an earlier one does."""
    dice = random.Random(0)
    words = [[*signs[:-1], signs[-1] + "</w>"] for word in WORDS[:40] if (signs := [byte_sign(byte) for byte in word.encode()])]
    pairs: dict[str, str] = {}
    while len(pairs) < 400:
        word = dice.choice([word for word in words if len(word) > 1])
        at = dice.randrange(len(word) - 1)
        pairs.setdefault(word[at] + word[at + 1], f"{word[at]} {word[at + 1]}")
        word[at : at + 2] = [word[at] + word[at + 1]]
        if len(word) == 1:
            words.append([byte_sign(dice.randrange(97, 123)) for _ in range(6)])
    path = tmp_path_factory.mktemp("merges") / "merges.txt.gz"
    path.write_bytes(gzip.compress("\n".join(['"merges#version: 0.2', *pairs.values(), ""]).encode()))
    return path


@pytest.fixture(scope="session", params=["made", "published"])
def merges(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue({"made": "made_merges", "published": "clip_merges"}[request.param])


@pytest.fixture(scope="session")
def ours(merges: Path) -> ClipBPE:
    return ClipBPE(merges, 100_000)


@pytest.fixture(scope="session")
def theirs(merges: Path) -> Ids:
    """The library's byte pair encoding of a cleaned text. Its vocabulary is numbered as section 2.2 of the specification says."""
    lines = gzip.decompress(merges.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    pairs = [tuple(line.split(" ")) for line in lines if line]
    shown = [byte for byte in range(256) if byte_sign(byte) == chr(byte)]
    signs = [byte_sign(byte) for byte in [*shown, *(byte for byte in range(256) if byte not in shown)]]
    vocabulary = [*signs, *(f"{sign}</w>" for sign in signs), *(first + second for first, second in pairs), START, END]
    ids = {symbol: index for index, symbol in enumerate(vocabulary)}
    library = tokenizers.Tokenizer(tokenizers.models.BPE(ids, pairs, end_of_word_suffix="</w>"))
    library.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERN), "removed", invert=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    return lambda text: [ids[START], *library.encode(text).ids, ids[END]]


def byte_sign(byte: int) -> str:
    """What byte-level vocabularies write for a byte: printable ones as they are, others as the next free letters from U+0100."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    return chr(byte) if byte in printable else chr(256 + sum(other not in printable for other in range(byte)))


def cleaned(text: str) -> str:
    """Section 2.2 of the specification, word for word."""
    unescaped = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", unescaped).strip().lower()


def same(ours: ClipBPE, theirs: Ids, text: str) -> None:
    assert clean(text) == cleaned(text)
    assert ours.encode(text) == theirs(cleaned(text))


def known_to_both(character: str) -> bool:
    """The library carries other Unicode tables than Python: leave out what came after them.

    And the iota below Greek letters, a mark that the library takes for a letter where case is ignored.
    """
    return character != "\u0345" and unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character) not in ("Cs", "Cn")


old = st.characters(max_codepoint=0x2FFFF, exclude_categories=["Cs", "Cn"]).filter(known_to_both)
mixed = st.lists(st.sampled_from(WORDS) | st.text(old, max_size=6) | st.sampled_from([" ", "  ", "", ".", "-", "'"]), max_size=12)
plain = st.text(st.sampled_from([chr(code) for code in range(32, 127) if chr(code) != "&"] + list("\t\n\r")), max_size=60)


def test_thousands_of_random_texts(ours: ClipBPE, theirs: Ids) -> None:
    dice = random.Random(0)
    anywhere = [character for character in map(chr, [*range(0x3000), *range(0x3000, 0x30000, 7)]) if known_to_both(character)]
    latin = [character for character in anywhere if ord(character) < 0x250]
    for _ in range(2500):
        alphabet = dice.choice((anywhere, latin, latin))
        same(ours, theirs, "".join(dice.choice((*dice.choices(alphabet, k=4), " ", "e", "s", "'")) for _ in range(dice.randrange(40))))


@given(text=st.text(old, max_size=30))
def test_random_characters(text: str, ours: ClipBPE, theirs: Ids) -> None:
    same(ours, theirs, text)


@given(words=mixed, glue=st.sampled_from([" ", ""]), case=st.sampled_from([str, str.upper, str.title, str.lower]))
def test_words_of_many_scripts(words: list[str], glue: str, case: Callable[[str], str], ours: ClipBPE, theirs: Ids) -> None:
    same(ours, theirs, case(glue.join(words)))


@given(text=plain)
def test_letters_of_prompts(text: str, ours: ClipBPE, theirs: Ids) -> None:
    same(ours, theirs, text)


@pytest.mark.parametrize("word", WORDS, ids=ascii)
def test_each_odd_word(word: str, ours: ClipBPE, theirs: Ids) -> None:
    for text in (word, f"he {word} on", f"he{word}on", word * 3):
        same(ours, theirs, text)


def test_a_third_of_the_vocabulary(ours: ClipBPE, theirs: Ids, merges: Path) -> None:
    words = ["".join(pair).replace("</w>", " ") for pair in read_merges(merges)[::3]]
    for start in range(0, len(words), 200):
        text = "".join(words[start : start + 200])
        assert ours.encode(text) == theirs(clean(text))


@pytest.mark.parametrize(("text", "n_marks"), [("<|endoftext|>", 1), ("<|EndOfText|><|startoftext|>", 2), ("walks <|endoftext|>on", 1), ("!<|endoftext|>", 0), ("<|end|>", 0)])
def test_marks_that_somebody_types_are_marks_where_a_piece_begins(text: str, n_marks: int, made_merges: Path) -> None:
    tokenizer = ClipBPE(made_merges)
    assert sum(index >= tokenizer.n_tokens - 2 for index in tokenizer.encode(text)[1:-1]) == n_marks


# Widely printed examples, and what follows from the order of the vocabulary: ! is its first byte
@pytest.mark.parametrize(("text", "ids"), [
    ("", [49406, 49407]),
    ("a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407]),
    ("Hello   World!\n", [49406, 3306, 1002, 256, 49407]),
])  # fmt: skip
def test_known_ids(text: str, ids: list[int], clip_merges: Path) -> None:
    assert ClipBPE(clip_merges).encode(text) == ids


def test_the_size_of_the_published_vocabulary(clip_merges: Path) -> None:
    found = read_merges(clip_merges)
    assert len(found) == 48_894 and found[0] == ("i", "n") and found[-1] == ("jeky", "ll</w>")
    assert ClipBPE(clip_merges).n_tokens == 49_408


@pytest.mark.parametrize(("text", "expected"), [
    ("  A\tperson\n\nwalks ", "a person walks"), ("caf&eacute; &amp;amp; bar", "café & bar"), ("schÃ¶n", "schön"), ("“it’s”", "\"it's\""),
    ("ﬁve Ａ", "five a"), ("1 &lt; 2", "1 < 2"), ("\x1b[31mred\x1b[0m", "red"), ("ΣΟΦΟΣ", "σοφο\u03c2"), ("walks\xa0on\u3000ice", "walks on ice"), ("", ""), (" \n", ""),
])  # fmt: skip
def test_cleaning(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("he's 42!", ["he", "'s", "4", "2", "!"]), ("don't...", ["don", "'t", "..."]), ("!'s", ["!'", "s"]), ("''s", ["''", "s"]), ("a_b", ["a", "_", "b"]),
    ("<|endoftext|>x", ["<|endoftext|>", "x"]), ("!<|endoftext|>", ["!<|", "endoftext", "|>"]), ("走3步", ["走", "3", "步"]), (" \t\n", []), ("'ll'd", ["'ll", "'d"]), ("'lx", ["'", "lx"]),
])  # fmt: skip
def test_pieces(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(text=st.text(max_size=40))
def test_pieces_leave_nothing_but_spaces_out(text: str) -> None:
    assert "".join(pieces(text)) == "".join(text.split())


@given(text=plain)
def test_plain_english_needs_no_repair(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "ftfy", None)
        found = clean(text)
    assert found == cleaned(text)


@pytest.mark.parametrize("text", ["café", "rock &amp; roll", "\x00", "走"])
def test_what_needs_repair_says_what_to_install(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ftfy", None)
    with pytest.raises(BadRequest, match="not plain English.*install ftfy"):
        clean(text)


@pytest.mark.parametrize("limit", [2, 3, 5, 77])
def test_long_texts_are_cut_before_the_end(limit: int, made_merges: Path) -> None:
    whole = ClipBPE(made_merges, 100_000).encode("walks 12345 steps " * 50)
    cut = ClipBPE(made_merges, limit).encode("walks 12345 steps " * 50)
    assert cut == [*whole[: limit - 1], whole[-1]] and len(cut) == limit


@pytest.mark.parametrize(("n", "kept"), [(74, 76), (75, 77), (76, 77), (200, 77)])
def test_77_ids_are_the_most(n: int, kept: int, made_merges: Path) -> None:
    assert len(ClipBPE(made_merges).encode("1" * n)) == kept


def test_the_end_has_the_largest_id(made_merges: Path) -> None:
    tokenizer = ClipBPE(made_merges)
    ids = tokenizer.encode(" ".join(WORDS[:20]))
    assert ids[-1] == max(ids) == tokenizer.n_tokens - 1 and ids[0] == tokenizer.n_tokens - 2


def test_a_lone_surrogate_is_read_as_an_unknown_sign(made_merges: Path) -> None:
    tokenizer = ClipBPE(made_merges)
    assert tokenizer.encode("walk \ud83d on") == tokenizer.encode("walk \ufffd on")
