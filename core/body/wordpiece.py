"""WordPiece: text to sub-word ids as lower-cased BERT models expect it (Devlin et al. 2018; Wu et al. 2016)."""

from __future__ import annotations

import unicodedata
from pathlib import Path

LONGEST_WORD = 100  # longer ones become [UNK], as in BERT's own vocabulary tool


class WordPiece:
    """`encode(text)` gives ids with [CLS] in front and [SEP] behind, at most `limit` of them."""

    def __init__(self, vocabulary: Path, limit: int) -> None:
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        self._ids = {word: index for index, word in enumerate(words)}
        self._limit = limit

    def encode(self, text: str) -> list[int]:
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        kept = pieces[: self._limit - 2]
        return [self._ids["[CLS]"], *kept, self._ids["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        """Longest known beginning first; pieces inside a word carry "##"."""
        found: list[int] = []
        start = 0
        while start < len(word):
            end = len(word)
            while end > start and (piece := ("##" if start else "") + word[start:end]) not in self._ids:
                end -= 1
            if end == start or len(word) > LONGEST_WORD:
                return [self._ids["[UNK]"]]
            found.append(self._ids[piece])
            start = end
        return found


def _words(text: str) -> list[str]:
    """Lower-cased words without accents; punctuation and Chinese characters stand alone."""
    spaced = "".join(f" {c} " if _is_chinese(c) else c for c in map(_plain_space, text) if not _is_control(c))
    # letter by letter, because Python alone knows that a sigma at the end of a word is another one
    lower = "".join(c.lower() for c in spaced)
    plain = "".join(c for c in unicodedata.normalize("NFD", lower) if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if _is_punctuation(c) else c for c in plain).split()


def _plain_space(character: str) -> str:
    return " " if character in "\t\n\r" or unicodedata.category(character) == "Zs" else character


def _is_control(character: str) -> bool:
    return character in "\0\ufffd" or unicodedata.category(character).startswith("C")


def _is_punctuation(character: str) -> bool:
    ascii_sign = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return ascii_sign or unicodedata.category(character).startswith("P")


def _is_chinese(character: str) -> bool:
    """CJK ideographs: the Unicode blocks that BERT's vocabulary splits at."""
    blocks = (
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
        (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
    )  # fmt: skip
    return any(low <= ord(character) <= high for low, high in blocks)
