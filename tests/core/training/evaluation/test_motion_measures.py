"""Measures of a motion, on motions whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.geometry.skeleton import REST_SKELETON, REST_SOLE
from understudy.core.training.evaluation.motion_measures import (
    FADE_HEIGHT,
    floor_penetration,
    foot_slide,
    jerks,
    mean_jerk,
    mpjpe,
    sjpe,
)  # fmt: skip

FPS = 20.0


def standing(frames: int = 60) -> torch.Tensor:
    """The rest pose with its soles on the floor (T, 22, 3)."""
    return (REST_SKELETON.rest_positions() - torch.tensor([0, REST_SOLE, 0])).expand(frames, 22, 3).clone()


def moved(way: torch.Tensor, direction: tuple[float, float, float]) -> torch.Tensor:
    return standing(len(way)) + way[:, None, None] * torch.tensor(direction, dtype=torch.float64)


def seconds(frames: int = 60) -> torch.Tensor:
    return torch.arange(frames, dtype=torch.float64) / FPS


def test_jerk_of_a_cubic_is_constant() -> None:
    motion = moved(2.0 * seconds() ** 3, (1, 0, 0))
    assert torch.allclose(jerks(motion, FPS), torch.full((57, 22), 12.0, dtype=torch.float64), rtol=1e-6)
    assert mean_jerk(moved(seconds() ** 2, (0, 1, 1)), FPS) == pytest.approx(0, abs=1e-6)


def test_foot_slide_is_the_speed_of_feet_on_the_floor() -> None:
    assert foot_slide(moved(0.3 * seconds(), (1, 0, 0)), FPS) == pytest.approx(30, rel=1e-6)
    assert foot_slide(standing(), FPS) == 0
    assert foot_slide(moved(0.3 * seconds(), (0, 1, 0)), FPS) == 0


def test_foot_slide_fades_with_height() -> None:
    sliding = moved(0.3 * seconds(), (1, 0, 0))
    half = sliding + torch.tensor([0, FADE_HEIGHT / 2, 0])
    assert foot_slide(half, FPS) == pytest.approx(30 * (2 - np.sqrt(2)), rel=1e-5)
    assert foot_slide(sliding + torch.tensor([0, FADE_HEIGHT, 0]), FPS) == pytest.approx(0, abs=1e-4)
    assert foot_slide(sliding + torch.tensor([0, 0.5, 0]), FPS) == 0


def test_only_frames_more_than_three_centimetres_too_low_count_as_in_the_floor() -> None:
    motion = standing(100)
    motion[:10, :, 1] -= 0.04
    motion[10:50, :, 1] -= 0.02
    assert floor_penetration(motion) == pytest.approx(0.1)


def test_mpjpe_leaves_the_place_of_the_pelvis_out() -> None:
    real = standing()
    shifted = real + torch.tensor([1.0, 0.2, -3.0])
    assert mpjpe(shifted, real) == pytest.approx(0, abs=1e-9)
    shifted[:, 3] += torch.tensor([0.0, 0.0, 0.022])
    assert mpjpe(shifted, real) == pytest.approx(22 / 22, rel=1e-6)


def test_sjpe_is_nothing_for_the_same_and_one_for_stillness_against_shaking() -> None:
    dice = torch.Generator().manual_seed(0)
    shaking = standing() + 0.01 * torch.randn(60, 22, 3, generator=dice, dtype=torch.float64)
    assert sjpe(shaking, shaking, FPS) == 0
    assert sjpe(standing(), shaking, FPS) == pytest.approx(1)
    # A jerk three times as large: (3 - 1) / (3 + 1)
    assert sjpe(standing() + 3 * (shaking - standing()), shaking, FPS) == pytest.approx(0.5)
