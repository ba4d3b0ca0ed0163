"""Rectified flow: fixed-grid integration of a velocity field from noise at t = 0 to data at t = 1 (Liu et al., arXiv 2209.03003)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[int, int], None]


def integrate(velocity: Velocity, noise: Tensor, steps: int, method: str = "midpoint", on_step: Step | None = None) -> Tensor:
    """The state at t = 1.

    velocity(x, t): x like `noise` (B, ...), t (B,) in 0..1, gives dx/dt. steps: grid points, so steps - 1 intervals; midpoint
    evaluates the field twice in each, Euler once. on_step(done, intervals) is called after each interval.
    """
    times = torch.linspace(0, 1, steps, dtype=noise.dtype)
    advance = _METHODS[method]
    x = noise
    for index in range(steps - 1):
        start, end = float(times[index]), float(times[index + 1])
        x = advance(velocity, x, start, end - start)
        if on_step:
            on_step(index + 1, steps - 1)
    return x


def evaluation_times(steps: int, method: str = "midpoint") -> Tensor:
    """Times (N,) at which `integrate` evaluates a velocity, in its order."""
    grid = pairwise(torch.linspace(0, 1, steps).tolist())
    return torch.tensor([start + fraction * (end - start) for start, end in grid for fraction in _FRACTIONS[method]])


def _euler(velocity: Velocity, x: Tensor, start: float, dt: float) -> Tensor:
    return x + dt * velocity(x, x.new_full((len(x),), start))


def _midpoint(velocity: Velocity, x: Tensor, start: float, dt: float) -> Tensor:
    half = x + 0.5 * dt * velocity(x, x.new_full((len(x),), start))
    return x + dt * velocity(half, x.new_full((len(x),), start + 0.5 * dt))


# Of an interval, at which each method asks
_FRACTIONS = {"euler": (0.0,), "midpoint": (0.0, 0.5)}
_METHODS = {"euler": _euler, "midpoint": _midpoint}
