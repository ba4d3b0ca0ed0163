"""Measures of sets of motions, against formulas written another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.training.evaluation.set_measures import POOL, diversity, frechet_distance, multimodality, r_precision


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_r_precision_counts_what_sorting_one_pool_counts() -> None:
    motions, sentences = torch.randn(POOL, 6, generator=dice()), torch.randn(POOL, 6, generator=dice(1))
    sentences = 0.5 * sentences + motions
    expected = np.zeros(3)
    for row in range(POOL):
        order = np.argsort(np.linalg.norm(sentences.numpy() - motions[row].numpy(), axis=-1))
        expected += [row in order[:top] for top in (1, 2, 3)]
    assert r_precision(motions, sentences, dice()).tolist() == pytest.approx((expected / POOL).tolist())


def test_r_precision_is_whole_for_equal_vectors_and_chance_for_strangers() -> None:
    vectors = torch.randn(POOL * 40, 8, generator=dice())
    assert r_precision(vectors, vectors, dice()).tolist() == [1, 1, 1]
    found = r_precision(vectors, torch.randn(len(vectors), 8, generator=dice(1)), dice())
    assert found.tolist() == pytest.approx([1 / POOL, 2 / POOL, 3 / POOL], abs=0.02)


def test_equal_sentences_do_not_push_each_other_down() -> None:
    motions = torch.zeros(POOL, 4)
    assert r_precision(motions, torch.ones(POOL, 4), dice())[0] == 1


def test_an_incomplete_pool_is_left_out_and_a_small_set_is_one_pool() -> None:
    near, far = torch.eye(POOL + 10), torch.eye(POOL + 10)
    assert r_precision(near, far, dice())[0] == 1
    assert r_precision(near[:5], far[:5], dice())[0] == 1


@given(st.integers(0, 1000), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_frechet_distance_of_diagonal_gaussians_has_a_closed_form(seed: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    # Whitened samples have exactly the mean and the deviations that they are given
    raw = generator.normal(size=(200, width))
    raw = (raw - raw.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    means, deviations = generator.normal(size=(2, width)), generator.uniform(0.2, 2, size=(2, width))
    first, second = (torch.from_numpy(raw * deviation + mean) for mean, deviation in zip(means, deviations, strict=True))
    expected = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_frechet_distance_does_not_change_when_both_sets_are_turned() -> None:
    first, second = torch.randn(100, 5, generator=dice()), torch.randn(80, 5, generator=dice(1)) @ torch.randn(5, 5, generator=dice(2)) + 1
    turn = torch.linalg.qr(torch.randn(5, 5, generator=dice(3)))[0]
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(first @ turn, second @ turn), rel=1e-4)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_diversity_of_a_gaussian_is_the_mean_distance_of_two_draws() -> None:
    vectors = torch.randn(5000, 1, generator=dice())
    # E |a - b| of two standard normal numbers is 2 / sqrt(pi)
    found = np.mean([diversity(vectors, dice(seed)) for seed in range(20)])
    assert found == pytest.approx(2 / np.sqrt(np.pi), rel=0.03)


def test_multimodality_looks_at_motions_of_one_sentence_only() -> None:
    far_apart = torch.arange(10.0)[:, None, None] * 1000
    motions = far_apart + torch.tensor([0.0, 3.0])[None, :, None]
    assert multimodality(motions, dice()) == pytest.approx(3.0)
    assert multimodality(far_apart.expand(10, 4, 1), dice()) == 0
    assert multimodality(far_apart, dice()) == 0
