"""Trains the reader: from sentences alone it learns which content and which style the clips that they describe have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.text_encoder import EncodedText
from ..body.text_reader import ReaderConfig, TextReader
from ..contract import BadRequest
from .corpus import Corpus, Stretch
from .encoded_sentences import EncodedSentences
from .manners import content, content_told, manner
from .run import NoExtraState
from .windows import TEXT_BALANCE, balanced_weights, picked

LABEL_SMOOTHING = 0.05
HIDDEN_WORDS = 0.05  # share of the words that are not shown
VALIDATION_SIZE = 512
_CHUNK = 256


class ReaderTask(NoExtraState):
    """See training.run.Task. Raises BadRequest for a corpus whose clips all have one content."""

    def __init__(self, corpus: Corpus, config: ReaderConfig, sentences: EncodedSentences, device: torch.device) -> None:
        described = {split: corpus.usable(split, lambda stretch: bool(stretch.spans)) for split in ("train", "validation")}
        self._texts = corpus.sentences
        contents = tuple(sorted({told for stretch in described["train"] for told in self._all_told(stretch)}))
        styles = tuple(sorted(set(map(manner, described["train"]))))
        config = replace(config, contents=contents, styles=styles)
        if len(config.contents) < 2:
            raise BadRequest("The clips of this corpus have no contents to tell apart: train the other networks without a reader.")
        self.network = TextReader(config).to(device)
        self._sentences, self._device = sentences, device
        self._contents, self._styles = ({name: index for index, name in enumerate(names)} for names in (config.contents, config.styles))
        known = [each for each in described["validation"] if content(each) in self._contents and manner(each) in self._styles]
        self._stretches = {"train": described["train"], "validation": known or described["train"]}
        self._weights = {split: balanced_weights(stretches, TEXT_BALANCE) for split, stretches in self._stretches.items()}

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        text, contents, styles = self._batch("train", batch_size, generator)
        hidden = torch.rand(text.word_pad.shape, generator=generator) < HIDDEN_WORDS
        text = EncodedText(text.pooled, text.words, text.word_pad | hidden.to(self._device))
        return self._loss(self.network, text, contents, styles, LABEL_SMOOTHING)

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, TextReader)
        loss, figures = self._loss(network, *self._batch("validation", VALIDATION_SIZE, torch.Generator().manual_seed(0)), 0.0)
        return {"loss": float(loss), **figures}

    @staticmethod
    def _loss(
        network: TextReader, text: EncodedText, contents: Tensor, styles: Tensor, smoothing: float
    ) -> tuple[Tensor, Mapping[str, float]]:
        to_content, to_style = network(text)
        told = F.cross_entropy(to_content, contents, label_smoothing=smoothing)
        loss = told + F.cross_entropy(to_style, styles, label_smoothing=smoothing)
        return loss, {"content": _accuracy(to_content, contents), "style": _accuracy(to_style, styles)}

    def _batch(self, split: str, count: int, generator: torch.Generator) -> tuple[EncodedText, Tensor, Tensor]:
        drawn = torch.multinomial(self._weights[split], count, replacement=True, generator=generator).tolist()
        stretches = [self._stretches[split][index] for index in drawn]
        chosen = [picked(picked(stretch.spans, generator).sentences, generator) for stretch in stretches]
        text = self._sentences.rows(chosen)
        contents = torch.tensor([self._told(stretch, sentence) for stretch, sentence in zip(stretches, chosen, strict=True)])
        styles = torch.tensor([self._styles[manner(stretch)] for stretch in stretches])
        return text.to(self._device), contents.to(self._device), styles.to(self._device)

    def _all_told(self, stretch: Stretch) -> set[str]:
        return {content_told(stretch, self._texts[sentence]) for span in stretch.spans for sentence in span.sentences}

    def _told(self, stretch: Stretch, sentence: int) -> int:
        name = content_told(stretch, self._texts[sentence])
        return self._contents[name if name in self._contents else content(stretch)]


def read_sentences(sentences: EncodedSentences, reader: TextReader) -> EncodedSentences:
    """The sentences as the reader of a finished run passes them on."""
    count = len(sentences.pooled)
    with torch.inference_mode():
        parts = [reader.read(sentences.rows(list(range(start, min(start + _CHUNK, count))))).pooled for start in range(0, count, _CHUNK)]
    return replace(sentences, pooled=torch.cat(parts).half(), is_read=True)


def _accuracy(logits: Tensor, target: Tensor) -> float:
    return float((logits.argmax(-1) == target).double().mean())
