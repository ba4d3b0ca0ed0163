"""All sentences of a corpus as vectors of the frozen text encoder, encoded once and kept beside the corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..body.text_encoder import EncodedText, TextEncoder

_CHUNK = 64
_KEPT_WORDS = 64  # longest training sentence in tokens; longer ones are cut


@dataclass(frozen=True)
class EncodedSentences:
    """pooled: (S, P) float16; words: (W, C) float16, all sentences in a row; first: (S + 1,) where each begins.

    is_read: pooled is what a reader made of them.
    """

    pooled: Tensor
    words: Tensor
    first: Tensor
    is_read: bool = False

    def rows(self, indices: list[int]) -> EncodedText:
        """A float32 batch of these sentences."""
        parts = [self.words[self.first[index] : self.first[index + 1]] for index in indices]
        words = torch.nn.utils.rnn.pad_sequence([part.float() for part in parts], batch_first=True)
        lengths = torch.tensor([len(part) for part in parts])
        return EncodedText(self.pooled[indices].float(), words, torch.arange(words.shape[1]) >= lengths[:, None])


def encode_sentences(
    sentences: tuple[str, ...], encoder: TextEncoder, cache: Path, report: Callable[[str, int, int], None]
) -> EncodedSentences:
    """Encodes, or reads the cache if it holds exactly these sentences by this encoder."""
    digest = hashlib.sha256("\n".join((encoder.name, *sentences)).encode()).hexdigest()[:16]
    file = cache.with_name(f"{cache.name}-{digest}.safetensors")
    if not file.exists():
        partial = file.with_name(file.name + ".part")
        save_file(_encode(sentences, encoder, report), partial)
        partial.replace(file)
    stored = load_file(file)
    return EncodedSentences(stored["pooled"], stored["words"], stored["first"])


def _encode(sentences: tuple[str, ...], encoder: TextEncoder, report: Callable[[str, int, int], None]) -> dict[str, Tensor]:
    # Sentences of a length together: the encoder's work is that of the longest of a chunk
    order = sorted(range(len(sentences)), key=lambda index: len(sentences[index]))
    pooled: list[Tensor] = [torch.empty(0)] * len(sentences)
    words = list(pooled)
    for start in range(0, len(order), _CHUNK):
        report("encoding sentences", start, len(order))
        chunk = order[start : start + _CHUNK]
        text = encoder.encode([sentences[index] for index in chunk])
        for index, vector, row, pad in zip(chunk, text.pooled.half(), text.words.half(), text.word_pad, strict=True):
            pooled[index], words[index] = vector, row[~pad][:_KEPT_WORDS]
    lengths = torch.tensor([len(row) for row in words])
    first = torch.cat((torch.zeros(1, dtype=torch.long), lengths.cumsum(0)))
    return {"pooled": torch.stack(pooled), "words": torch.cat(words), "first": first}
