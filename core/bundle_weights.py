"""What loading a model of either kind has in common: tensors from its file, networks from its card, and whether these fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .contract import WeightsError
from .without_first_weights import WithoutFirstWeights

Networks = TypeVar("Networks")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, mapped into memory. Raises WeightsError for another kind of file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable weight file ({error}): install the model again.") from error


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


def check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size], model: str) -> None:
    """Raises WeightsError unless every tensor is there with its shape, no other one is, and all numbers can be used."""
    missing = sorted(expected.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - expected.keys())
    misshapen = sorted(name for name in expected.keys() & tensors.keys() if tensors[name].shape != expected[name])
    if missing or surplus or misshapen:
        raise WeightsError(
            f'The weights of the model "{model}" do not fit its card: missing {missing[:3]}, surplus {surplus[:3]},'
            f" wrong shape {misshapen[:3]}. Install the model again."
        )
    unusable = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if unusable:
        raise WeightsError(f'The weights of the model "{model}" hold numbers that are not finite ({unusable[0]}): install the model again.')


def fill(network: nn.Module, part: str, tensors: Mapping[str, Tensor]) -> None:
    """Gives a network its own of these tensors, those whose names begin with the part's, in float32."""
    own = {name.removeprefix(f"{part}."): tensor.float() for name, tensor in tensors.items() if name.startswith(f"{part}.")}
    network.load_state_dict(own)
