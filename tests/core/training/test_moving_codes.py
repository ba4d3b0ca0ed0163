"""Codes placed as means of clusters use all of themselves."""

from __future__ import annotations

import torch

from understudy.core.training.moving_codes import MovingCodes


def test_codes_become_the_means_of_clusters() -> None:
    torch.manual_seed(0)
    centres = 10 * torch.randn(12, 3)
    vectors = (centres[:, None] + 0.01 * torch.randn(12, 40, 3)).flatten(0, 1)
    codes = torch.zeros(12, 3)
    MovingCodes(codes).start_as_means(vectors[torch.randperm(len(vectors))])
    # Random rows may leave two codes in a cluster, but none is lost
    assert torch.cdist(codes, centres).amin(-1).max() < 10
    ids = torch.cdist(vectors, codes).argmin(-1)
    assert len(ids.unique()) >= 10


def test_what_is_saved_goes_on_as_it_was() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(6, 4), torch.zeros(6, 4)
    one = MovingCodes(first, decay=0.5)
    vectors, ids = torch.randn(30, 4), torch.randint(6, (30,))
    one.update(vectors, ids)
    second.copy_(first)
    other = MovingCodes(second, decay=0.5)
    other.load_state(one.state())
    torch.manual_seed(5)
    one.update(vectors, ids)
    torch.manual_seed(5)
    other.update(vectors, ids)
    assert torch.allclose(first, second)
