"""Batches for the token transformers: ids with their padding, what came before, and the sentence of the right clip."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from understudy.core.body.features import LocalRotations
from understudy.core.body.motion_tokens import FRAMES_PER_TOKEN, NO_CODE, MotionTokenizer, TokenizerConfig
from understudy.core.contract import BadRequest
from understudy.core.training import text_motion, time_warp
from understudy.core.training.corpus import Corpus, Span
from understudy.core.training.encoded_sentences import EncodedSentences
from understudy.core.training.text_motion import LONGEST, TextMotionSampler, TokenBatch
from understudy.core.training.train_tokenizer import fitted_representation
from understudy.tests.core.training.small_corpora import encoded_by_chance


@pytest.fixture(scope="module")
def tokenizer() -> MotionTokenizer:
    torch.manual_seed(0)
    network = MotionTokenizer(TokenizerConfig(n_features=161, width=16, code_dim=16, n_codes=32, dropout=0.0)).eval()
    for book in network.quantizer.books:
        book.codebook.normal_(std=0.3)
    return network


@pytest.fixture
def sampler(made_corpus: Corpus, tokenizer: MotionTokenizer) -> TextMotionSampler:
    return TextMotionSampler(made_corpus, "train", encoded_by_chance(made_corpus), tokenizer, fitted_representation(made_corpus))


def drawn(sampler: TextMotionSampler, count: int = 200, seed: int = 0) -> TokenBatch:
    return sampler.sample(count, torch.Generator().manual_seed(seed))


def only(monkeypatch: pytest.MonkeyPatch, stitched: float, continued: float) -> None:
    monkeypatch.setattr(text_motion, "STITCHED_SHARE", stitched)
    monkeypatch.setattr(text_motion, "CONTINUED_SHARE", continued)


def sentence_of(row: torch.Tensor, sentences: EncodedSentences) -> int:
    return int((sentences.pooled.float() - row).norm(dim=-1).argmin())


def test_ids_are_codes_up_to_the_end_and_minus_one_beyond(sampler: TextMotionSampler) -> None:
    batch = drawn(sampler)
    assert batch.ids.shape[0] == 200 and batch.ids.shape[2] == 6 and batch.ids.shape[1] <= LONGEST
    lengths = (~batch.pad).sum(-1)
    assert torch.equal(batch.pad, torch.arange(batch.ids.shape[1]) >= lengths[:, None])
    assert int(lengths.min()) >= 4
    assert bool((batch.ids[batch.pad] == NO_CODE).all())
    assert int(batch.ids[~batch.pad].min()) >= 0 and int(batch.ids.max()) < 32


def test_half_precision_of_what_learns_leaves_the_codes_as_they_are(sampler: TextMotionSampler) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        halved = drawn(sampler, 40)
    assert torch.equal(halved.ids, drawn(sampler, 40).ids)


def test_what_came_before_is_a_beginning_and_never_everything(sampler: TextMotionSampler) -> None:
    batch = drawn(sampler, 400)
    before = batch.context.sum(-1)
    assert torch.equal(batch.context, torch.arange(batch.ids.shape[1]) < before[:, None])
    assert bool((before < (~batch.pad).sum(-1)).all())
    assert 0.2 < float((before > 0).double().mean()) < 0.75


@pytest.mark.parametrize(("stitched", "continued"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_each_kind_of_example_has_its_context(
    stitched: float, continued: float, sampler: TextMotionSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, stitched, continued)
    share = float(drawn(sampler).context.any(-1).double().mean())
    assert share == 0 if not stitched + continued else share > 0.85


def test_the_sentence_belongs_to_the_clip(made_corpus: Corpus, tokenizer: MotionTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, 0.0, 0.0)
    monkeypatch.setattr(time_warp, "SHARE", 0.0)
    sentences, representation = encoded_by_chance(made_corpus), fitted_representation(made_corpus)
    batch = drawn(TextMotionSampler(made_corpus, "train", sentences, tokenizer, representation), 60)
    ids = {}
    for stretch in made_corpus.stretches:
        rows = representation.normalise(made_corpus.frames(stretch)[: stretch.count // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN])
        for index in stretch.spans[0].sentences:
            ids.setdefault(index, []).append(tokenizer.encode(rows[None])[0])
    for row in range(60):
        length = int((~batch.pad[row]).sum())
        candidates = ids[sentence_of(batch.text.pooled[row], sentences)]
        assert any(torch.equal(batch.ids[row, : length - 3], one[: length - 3]) for one in candidates)


def test_the_sentence_of_two_clips_is_that_of_the_second(
    made_corpus: Corpus, tokenizer: MotionTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, 1.0, 0.0)
    sentences, representation = encoded_by_chance(made_corpus), fitted_representation(made_corpus)
    batch = drawn(TextMotionSampler(made_corpus, "train", sentences, tokenizer, representation), 40)
    ends: dict[int, set[bytes]] = {}
    for stretch in made_corpus.stretches:
        for shift in range(FRAMES_PER_TOKEN):
            codes = tokenizer.encode(representation.normalise(made_corpus.frames(stretch))[None, shift : shift + 80])[0, :, 0]
            for index in stretch.spans[0].sentences:
                ends.setdefault(index, set()).update(bytes(codes[at : at + 3].tolist()) for at in range(4, len(codes) - 6))
    hits = 0
    for row in range(40):
        length = int((~batch.pad[row]).sum())
        last = bytes(batch.ids[row, length - 8 : length - 5, 0].tolist())
        hits += last in ends[sentence_of(batch.text.pooled[row], sentences)]
    assert hits >= 32


def test_words_are_padded_to_the_longest_sentence_of_the_batch(made_corpus: Corpus) -> None:
    sentences = encoded_by_chance(made_corpus)
    text = sentences.rows([0, 3, 1])
    assert text.words.shape == (3, 5, 384) and (~text.word_pad).sum(-1).tolist() == [2, 5, 3]
    assert torch.equal(text.words[2, :3], sentences.words[sentences.first[1] : sentences.first[2]].float())
    assert text.pooled.dtype == text.words.dtype == torch.float32


@pytest.mark.parametrize("warped", [0.0, 1.0])
def test_long_clips_are_cut_to_the_longest_and_only_inside_their_span(
    warped: float, made_corpus: Corpus, tokenizer: MotionTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_warp, "SHARE", warped)
    long = dataclasses.replace(made_corpus.stretches[0], first=0, count=600, spans=(Span(100, 500, (0,)),))
    marks = torch.arange(600.0)[:, None].expand(600, 161)
    corpus = Corpus(marks, (long,), made_corpus.sentences)
    representation = LocalRotations(torch.zeros(161), torch.ones(161))
    sampler = TextMotionSampler(corpus, "train", encoded_by_chance(made_corpus), tokenizer, representation)
    starts = set()
    for seed in range(100):
        frames, sentence = sampler._clip(long, torch.Generator().manual_seed(seed))
        assert LONGEST * FRAMES_PER_TOKEN - 1 <= len(frames) <= LONGEST * FRAMES_PER_TOKEN and sentence == 0
        assert float(frames[0, 3]) >= 100 and float(frames[-1, 3]) < 500
        starts.add(int(frames[0, 3]))
    assert len(starts) > 60


def test_the_same_generator_draws_the_same_batch(sampler: TextMotionSampler) -> None:
    first, again, other = drawn(sampler, 8, 1), drawn(sampler, 8, 1), drawn(sampler, 8, 2)
    assert torch.equal(first.ids, again.ids) and torch.equal(first.context, again.context)
    assert first.ids.shape != other.ids.shape or not torch.equal(first.ids, other.ids)


def test_without_a_described_clip_it_is_told(made_corpus: Corpus, tokenizer: MotionTokenizer) -> None:
    silent = tuple(dataclasses.replace(stretch, spans=()) for stretch in made_corpus.stretches)
    corpus = dataclasses.replace(made_corpus, stretches=silent)
    with pytest.raises(BadRequest, match="captions"):
        TextMotionSampler(corpus, "train", encoded_by_chance(corpus), tokenizer, fitted_representation(corpus))
