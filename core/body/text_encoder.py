"""Prompts as vectors: the small interface behind which the text encoders stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class EncodedText:
    """pooled: (B, P); words: (B, L, W), L may be 0; word_pad: (B, L), True where a prompt has no more words."""

    pooled: Tensor
    words: Tensor
    word_pad: Tensor

    def repeat(self, times: int) -> EncodedText:
        return self._map(lambda rows: rows.repeat(times, *[1] * (rows.dim() - 1)))

    def rows(self, index: Tensor | slice) -> EncodedText:
        return self._map(lambda rows: rows[index])

    def to(self, device: torch.device) -> EncodedText:
        return self._map(lambda rows: rows.to(device))

    def with_dropped(self, dropped: Tensor) -> EncodedText:
        """Rows where `dropped` (B,) is True carry no prompt: pooled is zero and every word is hidden."""
        kept = ~dropped
        return EncodedText(
            self.pooled * kept[:, None].to(self.pooled), self.words * kept[:, None, None].to(self.words), self.word_pad | dropped[:, None]
        )

    def with_hidden_words(self, hidden: Tensor) -> EncodedText:
        """Rows where `hidden` (B,) is True have their pooled vector alone."""
        return EncodedText(self.pooled, self.words, self.word_pad | hidden[:, None])

    def with_unconditional(self) -> EncodedText:
        """The rows, then the same rows without their prompts (2 B): both halves of classifier-free guidance."""
        doubled = self.repeat(2)
        dropped = torch.arange(len(doubled.pooled), device=self.pooled.device) >= len(self.pooled)
        return doubled.with_dropped(dropped)

    def _map(self, change: Callable[[Tensor], Tensor]) -> EncodedText:
        return EncodedText(change(self.pooled), change(self.words), change(self.word_pad))


class TextEncoder(Protocol):
    """Frozen; float32 on every device, because a prompt must mean the same everywhere."""

    name: str
    pooled_width: int
    word_width: int

    @property
    def n_parameters(self) -> int: ...

    def encode(self, prompts: list[str]) -> EncodedText:
        """Raises BadRequest for a prompt that the encoder cannot read."""
        ...
