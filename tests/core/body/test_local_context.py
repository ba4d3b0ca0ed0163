"""Neighbours of a token: nothing before training, what is beyond the end is nobody's neighbour, and far tokens are not looked at."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.body.local_context import KERNEL, LocalContext

WIDTH, BLOCKS = 8, 2
REACH = 2 * BLOCKS * (KERNEL // 2)  # two convolutions a block


def trained(blocks: int = BLOCKS) -> LocalContext:
    torch.manual_seed(3)
    network = LocalContext(WIDTH, blocks)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def vectors(*shape: int) -> Tensor:
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(1))


def test_before_training_it_adds_nothing() -> None:
    x = vectors(2, 7)
    assert not LocalContext(WIDTH, BLOCKS)(x, torch.zeros(2, 7, dtype=torch.bool)).any()


@given(st.integers(1, 12), st.integers(0, 8))
def test_a_motion_in_a_longer_batch_is_the_same_as_alone(count: int, padding: int) -> None:
    network, x = trained(), vectors(1, count)
    alone = network(x, torch.zeros(1, count, dtype=torch.bool))
    longer = torch.cat((x, 9 * vectors(1, padding)), dim=1)
    pad = torch.arange(count + padding)[None] >= count
    together = network(longer, pad)
    assert torch.allclose(together[:, :count], alone, atol=1e-5)
    assert not together[:, count:].any()


@pytest.mark.parametrize("place", [0, 10, 29])
def test_a_token_reaches_so_far_and_no_farther(place: int) -> None:
    network, x = trained(), vectors(1, 30)
    none = torch.zeros(1, 30, dtype=torch.bool)
    moved = x.clone()
    moved[0, place] += 1
    changed = (network(moved, none) - network(x, none))[0].abs().amax(-1) > 1e-6
    away = (torch.arange(30) - place).abs()
    assert bool(changed[away <= REACH].all()) and not bool(changed[away > REACH].any())


def test_one_block_is_two_convolutions() -> None:
    network, x = trained(1), vectors(1, 6)
    block = network.blocks[0]
    padded = torch.nn.functional.pad(x[0], (0, 0, 2, 2)).double()

    def convolved(rows: Tensor, layer: torch.nn.Conv1d) -> Tensor:
        kernel = layer.weight.double()
        return torch.stack([sum(rows[place + k] @ kernel[:, :, k].T for k in range(KERNEL)) + layer.bias.double() for place in range(6)])  # type: ignore[misc, union-attr]

    hidden = torch.nn.functional.gelu(convolved(padded, block.gather))
    expected = convolved(torch.nn.functional.pad(hidden, (0, 0, 2, 2)), block.spread)
    assert torch.allclose(network(x, torch.zeros(1, 6, dtype=torch.bool))[0].double(), expected, atol=1e-5)
