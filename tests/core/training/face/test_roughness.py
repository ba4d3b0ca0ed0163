"""The noise that teaches the encoder of faces to set apart what counts."""

from __future__ import annotations

import torch

from understudy.core.training.face.train_tokens import ROUGHNESS, roughened


def noise_of(vectors: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    return roughened(vectors) - vectors


def test_noise_is_as_large_in_every_direction_and_grows_with_the_vectors() -> None:
    vectors = 3.0 + torch.randn(40, 30, 4, generator=torch.Generator().manual_seed(1)) * torch.tensor([2.0, 1.0, 0.1, 0.0])
    noise = noise_of(vectors)
    deviation = ROUGHNESS * ((4 + 1 + 0.01) / 4) ** 0.5
    assert torch.allclose(noise.flatten(0, 1).std(0), torch.full((4,), deviation), rtol=0.1)
    assert torch.allclose(noise_of(10 * vectors), 10 * noise, rtol=1e-3, atol=1e-3)


def test_growing_does_not_get_rid_of_it() -> None:
    """Nothing is gained by larger vectors: the share of noise has no slope along their size."""
    vectors = torch.randn(8, 16, 4, generator=torch.Generator().manual_seed(1))
    size = torch.ones((), requires_grad=True)
    torch.manual_seed(0)
    share = (roughened(size * vectors) - size * vectors).square().mean() / (size * vectors).square().mean()
    (slope,) = torch.autograd.grad(share, size)
    assert abs(float(slope)) < 1e-4
