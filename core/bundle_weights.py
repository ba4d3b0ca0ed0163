"""What loading a model of either kind has in common: tensors from its file, networks from its card, and whether these fit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .contract import WeightsError
from .safetensors_reading import stored_shapes, stored_tensors
from .without_first_weights import WithoutFirstWeights

Networks = TypeVar("Networks")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, mapped into memory. Raises WeightsError for another kind of file."""
    with _readable(path):
        return load_file(path)


def built(build: Callable[[], Networks], model: str) -> Networks:
    """Networks that are still to be filled. Raises WeightsError where their sizes make none."""
    try:
        with WithoutFirstWeights():
            return build()
    except (TypeError, ValueError, AssertionError, ArithmeticError) as error:
        raise WeightsError(f'The networks of the model "{model}" cannot be built ({error}): install the model again.') from error


def weight_shapes(network: nn.Module) -> dict[str, torch.Size]:
    """Names and shapes of everything that a file of weights holds; counters of training steps are none."""
    return {name: tensor.shape for name, tensor in network.state_dict().items() if tensor.is_floating_point()}


def weights_of(parts: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Everything that a file of weights holds, under the names that it has there: network, then parameter."""
    named = ((f"{part}.{name}", tensor) for part, network in parts.items() for name, tensor in network.state_dict().items())
    return {name: tensor for name, tensor in named if tensor.is_floating_point()}


def fill(places: Mapping[str, Tensor], path: Path, model: str) -> None:
    """Copies a file's tensors to their places.

    Raises WeightsError unless every tensor is there with its shape, no other one is, and all numbers can be used.
    """
    with _readable(path):
        _check_shapes(stored_shapes(path), {name: tensor.shape for name, tensor in places.items()}, model)
        for name, tensor in stored_tensors(path):
            if not tensor.isfinite().all():
                raise WeightsError(
                    f'The weights of the model "{model}" hold numbers that are not finite ({name}): install the model again.'
                )
            places[name].copy_(tensor)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable weight file ({error}): install the model again.") from error


def _check_shapes(stored: Mapping[str, torch.Size], expected: Mapping[str, torch.Size], model: str) -> None:
    missing = sorted(expected.keys() - stored.keys())
    surplus = sorted(stored.keys() - expected.keys())
    misshapen = sorted(name for name in expected.keys() & stored.keys() if stored[name] != expected[name])
    if missing or surplus or misshapen:
        raise WeightsError(
            f'The weights of the model "{model}" do not fit its card: missing {missing[:3]}, surplus {surplus[:3]},'
            f" wrong shape {misshapen[:3]}. Install the model again."
        )
