"""What a set of motions is like, seen through the vectors (N, E) that the judge gives them and their sentences."""

from __future__ import annotations

import torch
from torch import Tensor

POOL = 32
PAIRS = 300  # for diversity
MODALITY_PAIRS = 10  # a sentence


def r_precision(motions: Tensor, sentences: Tensor, generator: torch.Generator) -> Tensor:
    """(3,) share of motions whose own sentence is among the nearest 1, 2, 3 of a pool of 32 (Guo et al., CVPR 2022).

    Rows belong together. Pools are drawn at random; the last, incomplete one is left out. A smaller set is one pool.
    """
    order = torch.randperm(len(motions), generator=generator)
    pools = order[: len(order) // POOL * POOL].split(POOL) if len(order) >= POOL else (order,)
    hits = torch.zeros(3, dtype=torch.float64)
    for pool in pools:
        distances = torch.cdist(motions[pool].double(), sentences[pool].double())
        own = distances.diagonal()[:, None]
        # Equal sentences are equally near: they must not push each other down
        rank = (distances < own - 1e-9).sum(-1)
        hits += torch.stack([(rank < top).double().sum() for top in (1, 2, 3)])
    return hits / sum(len(pool) for pool in pools)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """FID (Heusel et al. 2017): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two sets of vectors."""
    first, second = first.double(), second.double()
    difference = first.mean(0) - second.mean(0)
    one, two = torch.cov(first.T), torch.cov(second.T)
    # The trace of the root of C1 C2 is that of the symmetric C1^1/2 C2 C1^1/2
    root = _root(one)
    mixed = torch.linalg.eigvalsh(root @ two @ root).clamp_min(0).sqrt().sum()
    return float(difference @ difference + one.trace() + two.trace() - 2 * mixed)


def diversity(motions: Tensor, generator: torch.Generator) -> float:
    """Mean distance of 300 random pairs (Guo et al., CVPR 2022)."""
    left, right = torch.randint(len(motions), (2, PAIRS), generator=generator)
    return float((motions[left] - motions[right]).norm(dim=-1).mean())


def multimodality(motions: Tensor, generator: torch.Generator) -> float:
    """Mean distance of motions of one sentence: (sentences, seeds, E), 10 random pairs each (Guo et al., CVPR 2022)."""
    seeds = motions.shape[1]
    if seeds < 2:
        return 0.0
    left = torch.randint(seeds, (len(motions), MODALITY_PAIRS), generator=generator)
    right = (left + torch.randint(1, seeds, left.shape, generator=generator)) % seeds
    rows = torch.arange(len(motions))[:, None]
    return float((motions[rows, left] - motions[rows, right]).norm(dim=-1).mean())


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
