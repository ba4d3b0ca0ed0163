"""The matcher sees what is there and no padding, and of several draws the pipeline keeps the one that it likes best."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from understudy.core.body.pipeline import BodyPipeline, SamplingSettings
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_matcher import MatcherConfig, TokenMatcher

CONFIG = MatcherConfig(n_codes=32, width=16, n_layers=1, n_heads=2, feed_forward=32, vector=8)


@pytest.fixture
def matcher() -> TokenMatcher:
    torch.manual_seed(0)
    return TokenMatcher(CONFIG).eval().requires_grad_(False)


def text(count: int, words: int = 5, seed: int = 0) -> EncodedText:
    generator = torch.Generator().manual_seed(seed)
    pooled, vectors = torch.randn(count, 384, generator=generator), torch.randn(count, words, 384, generator=generator)
    return EncodedText(pooled, vectors, torch.zeros(count, words, dtype=torch.bool))


def ids(count: int, tokens: int, seed: int = 0) -> Tensor:
    return torch.randint(32, (count, tokens), generator=torch.Generator().manual_seed(seed))


def test_scores_are_cosines(matcher: TokenMatcher) -> None:
    scores = matcher(ids(6, 9), torch.zeros(6, 9, dtype=torch.bool), text(6))
    assert scores.shape == (6,) and bool((scores.abs() <= 1 + 1e-6).all()) and len(set(scores.tolist())) == 6


def test_padding_does_not_count(matcher: TokenMatcher) -> None:
    short, sentence = ids(2, 7), text(2, 4)
    padded = torch.cat((short, torch.full((2, 5), -1)), dim=-1)
    pad = (torch.arange(12) >= 7).expand(2, 12)
    longer = EncodedText(sentence.pooled, torch.cat((sentence.words, torch.randn(2, 3, 384)), 1), (torch.arange(7) >= 4).expand(2, 7))
    alone = matcher(short, torch.zeros(2, 7, dtype=torch.bool), sentence)
    assert torch.allclose(matcher(padded, pad, longer), alone, atol=1e-5)


def test_the_order_of_tokens_and_of_words_counts(matcher: TokenMatcher) -> None:
    nothing = torch.zeros(1, 9, dtype=torch.bool)
    one, sentence = ids(1, 9), text(1)
    turned = EncodedText(sentence.pooled, sentence.words.flip(1), sentence.word_pad)
    assert abs(float(matcher(one, nothing, sentence) - matcher(one.flip(1), nothing, sentence))) > 1e-5
    assert abs(float(matcher(one, nothing, sentence) - matcher(one, nothing, turned))) > 1e-5


class Likes:
    """A matcher that likes high codes."""

    def __call__(self, ids: Tensor, pad: Tensor, text: EncodedText) -> Tensor:
        assert len(ids) == len(text.pooled) and not pad.any()
        return ids.double().mean(-1)


def test_the_best_of_the_candidates_of_each_variation_is_kept() -> None:
    pipeline = object.__new__(BodyPipeline)
    drawn = ids(12, 7)
    networks = dataclasses.make_dataclass("Networks", ["matcher"])(Likes())
    pipeline._networks, pipeline._settings = networks, SamplingSettings(candidates=4)
    kept = pipeline._best(drawn, text(3))
    for variation in range(3):
        candidates = drawn[variation::3]
        assert torch.equal(kept[variation], candidates[candidates.double().mean(-1).argmax()])
