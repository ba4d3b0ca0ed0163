"""CLIP's tokenizer: lower-cased byte pairs (Radford et al. 2021, section 2.4; byte pair encoding: Sennrich et al. 2016)."""

from __future__ import annotations

import gzip
import html
import re
import unicodedata
from pathlib import Path

from ..contract import BadRequest

MERGES_FILE = "bpe_simple_vocab_16e6.txt.gz"
N_MERGES = 48_894  # the file goes on with pairs that CLIP was not trained with
CONTEXT = 77
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"

_SHOWN = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = tuple(byte for byte in range(256) if byte not in _SHOWN)
# Every byte as a sign that can be printed, in the order of the vocabulary
BYTE_SIGNS = {byte: chr(byte) for byte in _SHOWN} | {byte: chr(256 + index) for index, byte in enumerate(_OTHERS)}

# The other pieces are found by `_kind`, because Python's own `re` has no classes for letters and numbers
_FIXED_PIECE = re.compile(r"<\|startoftext\|>|<\|endoftext\|>|'(?:s|t|re|ve|m|ll|d)", re.IGNORECASE)
_PLAIN = re.compile(r"[\t\n\r -%'-~]*")  # ASCII without & and control characters, in which there is nothing to repair


class ClipBPE:
    """`encode(text)` gives ids with START in front and END behind, at most `limit` of them; END has the largest id."""

    def __init__(self, merges: Path, limit: int = CONTEXT) -> None:
        """merges: the published list, gzipped; its checksum is the caller's business."""
        pairs = read_merges(merges)
        signs = list(BYTE_SIGNS.values())
        vocabulary = [*signs, *(sign + WORD_END for sign in signs), *map("".join, pairs), START, END]
        self._ids = {symbol: index for index, symbol in enumerate(vocabulary)}
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._limit = limit

    @property
    def n_tokens(self) -> int:
        return len(self._ids)

    def encode(self, text: str) -> list[int]:
        """Raises BadRequest as `clean` does. A text that does not fit is cut before END."""
        found = [self._ids[symbol] for piece in pieces(clean(text)) for symbol in self._symbols(piece)]
        return [self._ids[START], *found[: self._limit - 2], self._ids[END]]

    def _symbols(self, piece: str) -> list[str]:
        """The symbols of one piece: its bytes, joined as long as a listed pair is among them, the earliest listed first."""
        if piece in (START, END):
            return [piece]
        symbols = [BYTE_SIGNS[byte] for byte in piece.encode()]
        symbols[-1] += WORD_END
        while known := [pair for pair in zip(symbols, symbols[1:], strict=False) if pair in self._ranks]:
            symbols = _joined(symbols, min(known, key=self._ranks.__getitem__))
        return symbols


def read_merges(path: Path) -> list[tuple[str, str]]:
    """The pairs that CLIP uses, most frequent first. The first line of the file is a heading."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        lines = file.read().split("\n")[1 : N_MERGES + 1]
    rows = [line.split() for line in lines if line]
    return [(first, second) for first, second in rows]


def clean(text: str) -> str:
    """Text as CLIP saw it in training: broken encodings repaired, HTML entities replaced, single spaces, lower case.

    Raises BadRequest where the repair needs the package ftfy and the worker's Python lacks it.
    """
    repaired = html.unescape(html.unescape(_repaired(text)))
    return " ".join(repaired.split()).lower()


def _repaired(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    # Here alone, so that plain English prompts need no further package
    try:
        import ftfy
    except ImportError as error:
        raise BadRequest(
            f'The prompt "{text.strip()[:40]}" has signs that are not plain English, which this model reads with the package ftfy:'
            " write it without them, or install ftfy in the engine's Python."
        ) from error
    return ftfy.fix_text(text)


def pieces(text: str) -> list[str]:
    """Runs of letters, single digits, runs of other signs, and English endings such as 's; spaces are left out."""
    found = []
    start = 0
    while start < len(text):
        fixed = _FIXED_PIECE.match(text, start)
        end = fixed.end() if fixed else _end_of_run(text, start)
        found.append(text[start:end])
        start = end
    return [piece for piece in found if not piece.isspace()]


def _end_of_run(text: str, start: int) -> int:
    kind = _kind(text[start])
    end = start + 1
    while kind != "N" and end < len(text) and _kind(text[end]) == kind:
        end += 1
    return end


def _kind(character: str) -> str:
    """L letter, N number, S space, O any other."""
    general = unicodedata.category(character)[0]
    return "S" if character.isspace() else general if general in "LN" else "O"


def _joined(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """The symbols with every occurrence of the pair as one symbol, found from the left."""
    joined: list[str] = []
    for symbol in symbols:
        # What was joined before cannot be the first half again, as a half is shorter than the whole
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
        else:
            joined.append(symbol)
    return joined
