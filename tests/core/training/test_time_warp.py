"""Warped motion covers the same way by the same poses in another time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.body.features import LocalRotations, raw_features
from understudy.core.contract import BodyMotion, Recipe
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training.time_warp import FASTEST, SLOWEST, drawn_rate, time_warped

REPRESENTATION = LocalRotations(torch.zeros(161), torch.ones(161))


def turning_walk(rate: float = 1.0, seconds: float = 6.0) -> torch.Tensor:
    """Features of a body that walks a curve, its knee swinging, filmed while time runs `rate` times as fast."""
    times = np.arange(int(seconds / rate * 20) + 1) / 20 * rate
    angle = 0.4 * times
    rotations = np.zeros((len(times), 22, 4), np.float32)
    rotations[..., 0] = 1
    rotations[:, 0, 0], rotations[:, 0, 2] = np.cos(angle / 2), np.sin(angle / 2)
    bend = 0.4 + 0.3 * np.sin(2 * times)
    rotations[:, 4, 0], rotations[:, 4, 1] = np.cos(bend / 2), np.sin(bend / 2)
    place = np.stack((np.sin(angle), np.full_like(angle, 0.93), 1 - np.cos(angle)), axis=-1).astype(np.float32)
    skeleton = REST_SKELETON
    motion = BodyMotion(
        place, rotations, np.zeros((len(times), 4), np.float32), skeleton.names, skeleton.parents, skeleton.offsets.float().numpy(), 20.0
    )
    return raw_features(motion, skeleton)


@pytest.mark.parametrize("rate", [SLOWEST, 0.93, 1.1, FASTEST])
def test_warping_is_filming_while_time_runs_faster(rate: float) -> None:
    warped, filmed = time_warped(turning_walk(), rate, REPRESENTATION.layout), turning_walk(rate)
    assert abs(len(warped) - len(filmed)) <= 1
    middle = slice(20, min(len(warped), len(filmed)) - 20)  # the heading is smoothed in frames, which matters at the ends
    without_contacts = slice(0, -4)  # these are a matter of speed
    assert torch.allclose(warped[middle, without_contacts], filmed[middle, without_contacts], atol=0.02)


@pytest.mark.parametrize("rate", [SLOWEST, FASTEST])
def test_the_way_stays_as_long(rate: float) -> None:
    one, other = (
        REPRESENTATION.decode(features, Recipe()).translation[-1]
        for features in (turning_walk(), time_warped(turning_walk(), rate, REPRESENTATION.layout))
    )
    assert np.linalg.norm(one - other) < 0.08


def test_a_rate_of_one_changes_nothing() -> None:
    features = turning_walk()
    assert torch.equal(time_warped(features, 1.0, REPRESENTATION.layout), features)


def test_half_of_the_rates_are_one_and_the_others_lie_between_the_limits() -> None:
    generator = torch.Generator().manual_seed(0)
    rates = [drawn_rate(generator) for _ in range(2000)]
    assert 0.45 < rates.count(1.0) / len(rates) < 0.55
    assert min(rates) >= SLOWEST and max(rates) <= FASTEST
    assert np.mean(np.log([rate for rate in rates if rate != 1])) == pytest.approx(np.log(SLOWEST * FASTEST) / 2, abs=0.01)
