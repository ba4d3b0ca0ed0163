"""What every speech encoder gives: sound at the rate of the face's frames. A model's card says which encoder it was trained with."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class SoundReader(Protocol):
    """width: of its vectors."""

    @property
    def width(self) -> int: ...

    def hear(self, sound: Tensor) -> Tensor:
        """sound (B, 640 T), 16 kHz in -1..1, as recorded, to (B, T, width) at 25 Hz."""
        ...
