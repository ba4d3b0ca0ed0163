"""What a sentence asks for, by the names of the training data: a few hundred clips cannot teach a token transformer to read as well.

Contents and styles are guessed from the words' vectors, each by itself and then pooled (Deep Sets, Zaheer et al. 2017): the text encoder
has already seen the words together, and whatever else looks at their order learns the training sentences by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .pooling import mean_and_highest
from .text_encoder import EncodedText

LOUDNESS = 8.0  # of what is read, so that it weighs as much as the motion tokens do from the first step on


@dataclass(frozen=True)
class ReaderConfig:
    """contents, styles: the names of the classes. text_width, word_width: of the text encoder's pooled and token vectors."""

    contents: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    width: int = 384
    text_width: int = 384
    word_width: int = 384
    dropout: float = 0.1

    @property
    def reading_width(self) -> int:
        return len(self.contents) + len(self.styles)


class TextReader(nn.Module):
    """Encoded sentences to logits of contents (B, C) and of styles (B, S)."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Linear(config.word_width, config.width)
        self.hidden = nn.Linear(2 * config.width + config.text_width, config.width)
        self.to_content = nn.Linear(config.width, len(config.contents))
        self.to_style = nn.Linear(config.width, len(config.styles))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, text: EncodedText) -> tuple[Tensor, Tensor]:
        words = F.gelu(self.words(self.dropout(text.words)))
        gathered = torch.cat((mean_and_highest(words, text.word_pad), self.dropout(text.pooled)), dim=-1)
        hidden = self.dropout(F.gelu(self.hidden(self.dropout(gathered))))
        return self.to_content(hidden), self.to_style(hidden)

    def read(self, text: EncodedText) -> EncodedText:
        """The same words; in the place of the pooled vector the probabilities of contents and styles (B, C + S), times 8."""
        contents, styles = self(text)
        return EncodedText(LOUDNESS * torch.cat((contents.softmax(-1), styles.softmax(-1)), dim=-1), text.words, text.word_pad)
