"""Runs cover what is flagged and nothing else; a low-pass leaves what does not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.body.time_series import gaussian_kernel, path_of, runs, smoothed


@given(st.lists(st.booleans(), max_size=40))
def test_runs_are_in_order_apart_and_cover_what_is_flagged(flags: list[bool]) -> None:
    found = runs(np.array(flags, dtype=bool))
    assert [frame for first, last in found for frame in range(first, last)] == [frame for frame, flag in enumerate(flags) if flag]
    assert all(end < start for (_, end), (start, _) in zip(found[:-1], found[1:], strict=True))


@pytest.mark.parametrize(("sigma", "reach", "radius"), [(2.0, 3.0, 6), (5.0, 3.0, 15), (0.9, 3.0, 2), (20.0, 4.0, 80)])
def test_the_weights_of_a_low_pass_are_a_gaussian_and_sum_to_one(sigma: float, reach: float, radius: int) -> None:
    kernel = gaussian_kernel(sigma, torch.float64, reach)
    assert reach != 3.0 or torch.equal(kernel, gaussian_kernel(sigma, torch.float64))
    assert len(kernel) == 2 * radius + 1 and float(kernel.sum()) == pytest.approx(1)
    assert torch.allclose(kernel, kernel.flip(0))
    assert float(kernel[radius + 1] / kernel[radius]) == pytest.approx(np.exp(-0.5 / sigma**2))


@pytest.mark.parametrize("reach", [3.0, 4.0])
def test_a_low_pass_is_a_weighted_mean_of_the_frames_around_with_the_ends_held(reach: float) -> None:
    values = torch.randn(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kernel = gaussian_kernel(2.0, torch.float64, reach)
    radius = len(kernel) // 2
    expected = [sum(kernel[radius + d] * values[min(max(t + d, 0), 11)] for d in range(-radius, radius + 1)) for t in range(12)]
    torch.testing.assert_close(smoothed(values, 2.0, reach), torch.stack(expected))


@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 1), (0, 2)])
def test_a_path_begins_at_zero_and_takes_every_step(shape: tuple[int, ...]) -> None:
    steps = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    path = path_of(steps)
    assert path.shape == (*shape[:-2], shape[-2] + 1, shape[-1]) and not path[..., 0, :].any()
    torch.testing.assert_close(path.diff(dim=-2), steps)
