"""Small seeded networks in double precision, in which every weight counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from understudy.core.body.text_encoder import EncodedText

Fill = Callable[[nn.Module, int], nn.Module]
Text = Callable[..., EncodedText]


@pytest.fixture(scope="session")
def filled() -> Fill:
    """Gives a network in evaluation mode, double precision and random weights, those included that usually start at 0 or 1."""

    def fill(network: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        network = network.double().eval().requires_grad_(False)
        for tensor in network.state_dict().values():
            fan_in = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
            tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / fan_in**0.5)
        return network

    return fill


@pytest.fixture(scope="session")
def texts() -> Text:
    def make(rows: int, pooled: int, words: int = 0, width: int = 0, seed: int = 0) -> EncodedText:
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.arange(rows)[:, None] % max(words, 1) + 1
        return EncodedText(
            torch.randn(rows, pooled, generator=generator, dtype=torch.float64),
            torch.randn(rows, words, width, generator=generator, dtype=torch.float64),
            torch.arange(words) >= lengths,
        )

    return make
