"""Are guidance, top-k and the drawing of tokens those of the paper?"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.token_transformer import guided, keep_likeliest
from understudy.core.noise import gumbel


@given(st.floats(0, 20), st.integers(0, 100))
def test_guidance_goes_from_the_unconditional_through_the_conditional(s: float, seed: int) -> None:
    c, u = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).unbind(0)
    torch.testing.assert_close(guided(torch.cat((c, u)), s), ((1 - s) * u + s * c).float(), atol=1e-10, rtol=2e-7)


@pytest.mark.parametrize(
    ("n_codes", "share", "kept"),
    [(512, 0.1, 52), (513, 0.1, 52), (510, 0.1, 51), (512, 1.0, 512), (512, 1e-6, 1), (10, 0.1, 1), (32, 0.1, 4)],
)
def test_the_likeliest_share_is_rounded_up(n_codes: int, share: float, kept: int) -> None:
    logits = torch.randn(3, 4, n_codes)
    filtered = keep_likeliest(logits, share)
    order = logits.argsort(-1, descending=True)
    assert torch.equal(filtered.gather(-1, order[..., :kept]), logits.gather(-1, order[..., :kept]))
    assert bool((filtered.gather(-1, order[..., kept:]) == -math.inf).all())


@given(st.integers(1, 600), st.integers(1, 9))
def test_no_rounding_error_keeps_one_too_many(tens: int, share: int) -> None:
    logits = torch.arange(10.0 * tens)
    assert int((keep_likeliest(logits, share / 10) > -math.inf).sum()) == tens * share


def test_adding_gumbel_noise_draws_by_the_softmax() -> None:
    logits = torch.tensor([2.0, 0.0, -1.0, 1.0])
    drawn = (logits + gumbel((40_000, 4), [torch.Generator().manual_seed(0)], torch.device("cpu")))[0].argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 40_000
    torch.testing.assert_close(shares, logits.softmax(-1), atol=0.01, rtol=0)


def test_gumbel_noise_has_its_mean_and_no_infinities() -> None:
    noise = gumbel((200_000,), [torch.Generator().manual_seed(1)], torch.device("cpu"))
    assert bool(noise.isfinite().all())
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.01)
    assert float(noise.std()) == pytest.approx(math.pi / math.sqrt(6), abs=0.01)


def test_each_row_draws_from_its_own_generator() -> None:
    def generators(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    both = gumbel((5, 3), generators(1, 2), torch.device("cpu"))
    assert torch.equal(both[1:], gumbel((5, 3), generators(2), torch.device("cpu")))
    assert torch.equal(both[:1], gumbel((5, 3), generators(1), torch.device("cpu")))
    assert not torch.equal(both[0], both[1])
