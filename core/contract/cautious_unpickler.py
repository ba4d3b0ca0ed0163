"""Reads a pickle of somebody else as far as its memory goes; which names it may ask for is said by who derives from it."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar


class CautiousUnpickler(pickle._Unpickler):
    """The unpickler written in Python, because the one in C takes memory for as many objects as a pickle claims to have.

    In Python it still takes memory for as many bytes as one announces: here no more than the file has are taken.
    """

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
    read: Callable[[int], bytes]
    append: Callable[[object], None]

    def __init__(self, file: BinaryIO, **options: Any) -> None:
        super().__init__(io.BytesIO(file.read()), **options)

    def load_bytearray(self) -> None:
        (announced,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(announced)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray
