"""Which of fifteen mouth shapes a phone has (MPEG-4's visemes), for ARPAbet, flite's phones and EmoDB's German SAMPA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
SILENCE = "SIL"
GLOTTAL_STOP = "?"  # has no shape: the neighbours' go on

_ARPABET = {
    "sil": "SIL PAU", "PP": "P B M", "FF": "F V", "TH": "TH DH", "DD": "T D L", "kk": "K G HH", "CH": "CH JH SH ZH", "SS": "S Z",
    "nn": "N NG", "RR": "R ER", "aa": "AA AE AH AX AY", "E": "EH EY IH", "I": "IY Y", "O": "AO OW OY AW", "U": "UW UH W",
}  # fmt: skip
_SAMPA = {
    "sil": "SIL", "PP": "p b m", "FF": "f v", "DD": "t d l", "kk": "k g x h r", "CH": "S", "SS": "s z", "nn": "n N", "aa": "a a6 6 aI",
    "E": "E e E6 @", "I": "i I i6 I6 j C", "O": "o O o6 O6 OY aU 9 2 9Y", "U": "u U u6 U6 y Y Y6 y6",
}  # fmt: skip
_GLIDES = {"AY": "I", "EY": "I", "OY": "I", "AW": "U", "OW": "U", "aI": "I", "aU": "U"}  # where a diphthong ends
_GLIDE_BEGINS = {"AW": "aa", "aU": "aa"}
_LAST_VOWEL_SHARE = 0.6  # of a diphthong's time, for the vowel that it begins with

Phone = tuple[str, float, float]  # symbol, start and end in seconds


@dataclass(frozen=True)
class Segment:
    """One mouth shape from start to end, in seconds."""

    viseme: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def _reversed(table: dict[str, str]) -> dict[str, str]:
    return {phone: viseme for viseme, phones in table.items() for phone in phones.split()}


ARPABET, SAMPA = _reversed(_ARPABET), _reversed(_SAMPA)


def segments(phones: Sequence[Phone], table: dict[str, str]) -> list[Segment]:
    """Phones in time to mouth shapes in time. Raises KeyError for a phone that the table does not have."""
    found: list[Segment] = []
    for phone, start, end in phones:
        if phone == GLOTTAL_STOP:
            continue
        middle = end
        if phone in _GLIDES:
            middle = start + _LAST_VOWEL_SHARE * (end - start)
            found.append(Segment(_GLIDE_BEGINS.get(phone, table[phone]), start, middle))
            found.append(Segment(_GLIDES[phone], middle, end))
        else:
            found.append(Segment(table[phone], start, end))
    return found
