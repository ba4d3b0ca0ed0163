"""A safetensors file piece by piece: read as a whole, it is in memory beside the networks that are filled from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

_AT_ONCE = 64 << 20  # bytes: what was read of a mapped file stays in memory until it is closed


def stored_shapes(path: Path) -> dict[str, torch.Size]:
    """By name; no numbers are read. Raises SafetensorError or OSError for another file."""
    with safe_open(path, framework="pt") as file:
        return {name: torch.Size(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def stored_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Every name and tensor. These are the file itself: copy what is kept. Raises as `stored_shapes` does."""
    names = list(stored_shapes(path))
    while names:
        seen = 0
        with safe_open(path, framework="pt") as file:
            while names and seen < _AT_ONCE:
                name = names.pop()
                tensor = file.get_tensor(name)
                seen += tensor.nbytes
                yield name, tensor
                del tensor
