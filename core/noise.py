"""Noise to draw from logits with, made on the CPU, so that a seed means the same on every device."""

from __future__ import annotations

import torch
from torch import Tensor


def gumbel(shape: tuple[int, ...], generators: list[torch.Generator], device: torch.device) -> Tensor:
    """Gumbel noise (B, ...), row b drawn from generators[b]: the largest of logits plus noise is a draw from their softmax."""
    uniform = torch.stack([torch.rand(shape, generator=generator) for generator in generators])
    return -torch.log((-torch.log(uniform.clamp_min(1e-20))).clamp_min(1e-20)).to(device)
