"""The reader names what a sentence asks for, whatever else is in the batch, and leaves its words as they are."""

from __future__ import annotations

import pytest
import torch

from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.text_reader import LOUDNESS, ReaderConfig, TextReader

CONFIG = ReaderConfig(("bow", "run", "walk"), ("", "sad"), width=16, text_width=12, word_width=10)


@pytest.fixture
def reader() -> TextReader:
    torch.manual_seed(0)
    return TextReader(CONFIG).eval().requires_grad_(False)


def text(count: int, words: int, seed: int = 0) -> EncodedText:
    generator = torch.Generator().manual_seed(seed)
    pooled, vectors = torch.randn(count, 12, generator=generator), torch.randn(count, words, 10, generator=generator)
    return EncodedText(pooled, vectors, torch.zeros(count, words, dtype=torch.bool))


def test_a_reading_is_the_probabilities_of_both_kinds_of_classes_in_a_row(reader: TextReader) -> None:
    sentences = text(4, 6)
    contents, styles = reader(sentences)
    read = reader.read(sentences).pooled
    assert read.shape == (4, CONFIG.reading_width) == (4, 5)
    assert torch.allclose(read[:, :3] / LOUDNESS, contents.exp() / contents.exp().sum(-1, keepdim=True))
    assert torch.allclose(read[:, 3:] / LOUDNESS, styles.exp() / styles.exp().sum(-1, keepdim=True))


def test_the_words_are_passed_on_as_they_are(reader: TextReader) -> None:
    sentences = text(2, 5)
    read = reader.read(sentences)
    assert read.words is sentences.words and read.word_pad is sentences.word_pad


def test_what_stands_beyond_the_end_of_a_sentence_does_not_count(reader: TextReader) -> None:
    short = text(2, 4)
    pad = (torch.arange(7) >= 4).expand(2, 7)
    longer = EncodedText(short.pooled, torch.cat((short.words, 9 * torch.randn(2, 3, 10)), dim=1), pad)
    assert torch.allclose(reader.read(longer).pooled, reader.read(short).pooled, atol=1e-5)


def test_each_word_and_the_whole_sentence_count(reader: TextReader) -> None:
    sentence = text(1, 4)
    usual = reader.read(sentence).pooled
    for word in range(4):
        words = sentence.words.clone()
        words[0, word] += 1
        assert not torch.allclose(reader.read(EncodedText(sentence.pooled, words, sentence.word_pad)).pooled, usual, atol=1e-4)
    other = EncodedText(sentence.pooled + 1, sentence.words, sentence.word_pad)
    assert not torch.allclose(reader.read(other).pooled, usual, atol=1e-4)


def test_a_sentence_without_words_is_read_by_its_pooled_vector(reader: TextReader) -> None:
    wordless = EncodedText(text(2, 1).pooled, torch.zeros(2, 3, 10), torch.ones(2, 3, dtype=torch.bool))
    read = reader.read(wordless).pooled
    assert bool(read.isfinite().all()) and not torch.allclose(read[0], read[1], atol=1e-4)


def test_hidden_words_leave_the_pooled_vector() -> None:
    sentences = text(3, 4)
    shown = sentences.with_hidden_words(torch.tensor([True, False, True]))
    assert shown.pooled is sentences.pooled
    assert shown.word_pad.all(-1).tolist() == [True, False, True] and not shown.word_pad[1].any()
