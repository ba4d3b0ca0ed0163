"""Bundles: a model as one folder with safetensors and a card, written by training and read by the service."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .body import minilm
from .body.features import LocalRotations
from .body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from .body.motion_length import LengthConfig, LengthEstimator
from .body.motion_tokens import MotionTokenizer, TokenizerConfig
from .body.pipeline import BodyNetworks, BodyPipeline, SamplingSettings
from .body.residual_tokens import ResidualSettings, ResidualTransformer
from .body.text_encoder import TextEncoder
from .body.token_generator import MaskTransformer, UnmaskingSettings
from .body.token_transformer import TokenTransformerConfig
from .contract import WeightsError
from .weights_manifest import WEIGHTS_FOLDER, check_file, file_sha256, verified

CARD_FILE, WEIGHTS_FILE = "bundle.json", "model.safetensors"
FORMAT = "understudy body bundle 1"
REPRESENTATION = "local-rotations"
T = TypeVar("T")


@dataclass(frozen=True)
class BodyConfigs:
    """The configuration of every network of a bundle."""

    tokenizer: TokenizerConfig
    tokens: TokenTransformerConfig
    residual: TokenTransformerConfig
    flow: FlowDecoderConfig
    length: LengthConfig


@dataclass(frozen=True)
class BundleCard:
    """What a bundle says of itself. bytes, sha256: of its safetensors."""

    format: str
    name: str
    title: str
    licence: str
    attribution: tuple[str, ...]
    text_encoder: str
    representation: str
    has_steps: bool
    guidance: float
    residual_guidance: float
    networks: BodyConfigs
    bytes: int = 0
    sha256: str = ""


def build_networks(configs: BodyConfigs) -> BodyNetworks:
    """Networks with random weights."""
    return BodyNetworks(
        MotionTokenizer(configs.tokenizer),
        MaskTransformer(configs.tokens),
        ResidualTransformer(configs.residual),
        RectifiedFlowDecoder(configs.flow),
        LengthEstimator(configs.length),
    )


def save_bundle(folder: Path, card: BundleCard, networks: BodyNetworks, representation: LocalRotations) -> BundleCard:
    """Writes float16 weights and the card with their size and sha256; gives that card."""
    tensors = {f"{part}.{name}": tensor for part, network in _parts(networks) for name, tensor in network.state_dict().items()}
    tensors = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    # Statistics stay in float32: float16 would shift the root over a long clip
    tensors |= {"features.mean": representation.mean.float(), "features.std": representation.std.float()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS_FILE)
    weights = folder / WEIGHTS_FILE
    weights.chmod(0o644)
    card = dataclasses.replace(card, bytes=weights.stat().st_size, sha256=file_sha256(weights))
    (folder / CARD_FILE).write_text(json.dumps(dataclasses.asdict(card), indent=1) + "\n", encoding="utf-8")
    return card


def read_card(folder: Path) -> BundleCard:
    """Raises WeightsError for a folder that is not a bundle of this format."""
    try:
        stored = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        if stored.get("format") != FORMAT:
            raise ValueError(f"its format is {stored.get('format')!r}")
        return dataclass_from_json(BundleCard, stored)
    except FileNotFoundError as error:
        raise WeightsError(f"There is no model in {folder}: {CARD_FILE} is missing. Choose another model in the preferences.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"The model card {folder / CARD_FILE} cannot be read ({error}): install the model again.") from error


def find_bundle(model: str, folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> Path:
    """The folder of a model by its name, or a path to one. Raises WeightsError naming the models there are."""
    for folder in folders:
        if model and "/" not in model and "\\" not in model and (folder / model / CARD_FILE).is_file():
            return folder / model
    if (Path(model) / CARD_FILE).is_file():
        return Path(model)
    names = sorted(card.parent.name for folder in folders for card in folder.glob(f"*/{CARD_FILE}"))
    raise WeightsError(f'There is no model "{model}"; installed: {", ".join(names) or "none"}. Choose one of these in the preferences.')


def load_pipeline(folder: Path, device: torch.device) -> tuple[BodyPipeline, BundleCard]:
    """A bundle ready to generate. Raises WeightsError for anything missing, cut off, changed or of the wrong shape."""
    card = read_card(folder)
    if card.representation != REPRESENTATION:
        raise WeightsError(f'The model "{card.name}" uses the representation {card.representation}, which this version does not know.')
    check_file(folder / WEIGHTS_FILE, card.bytes, card.sha256)
    tensors = _read_safetensors(folder / WEIGHTS_FILE)
    networks = build_networks(card.networks)
    for part, network in _parts(networks):
        _load_part(network, part, tensors, card.name)
        network.to(device).eval().requires_grad_(False)
    representation = LocalRotations(tensors["features.mean"], tensors["features.std"])
    settings = SamplingSettings(UnmaskingSettings(guidance=card.guidance), ResidualSettings(guidance=card.residual_guidance), card.has_steps)
    return BodyPipeline(networks, load_text_encoder(card.text_encoder), representation, settings, device), card


def load_text_encoder(name: str, folder: Path = WEIGHTS_FOLDER) -> TextEncoder:
    """Raises WeightsError for an unknown name or files that are not the listed ones."""
    if name != minilm.NAME:
        raise WeightsError(f"The text encoder {name} is not known to this version.")
    state = _read_safetensors(verified(f"minilm/{minilm.WEIGHTS_FILE}", folder))
    return minilm.load(state, verified(f"minilm/{minilm.VOCABULARY_FILE}", folder))


def _parts(networks: BodyNetworks) -> list[tuple[str, nn.Module]]:
    return [(field.name, getattr(networks, field.name)) for field in dataclasses.fields(networks)]


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable weight file ({error}): install the model again.") from error


def _load_part(network: nn.Module, part: str, tensors: Mapping[str, Tensor], model: str) -> None:
    found = {name.removeprefix(f"{part}."): tensor.float() for name, tensor in tensors.items() if name.startswith(f"{part}.")}
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    missing = sorted(expected.keys() - found.keys())
    surplus = sorted(found.keys() - expected.keys())
    misshapen = sorted(name for name in expected.keys() & found.keys() if tuple(found[name].shape) != expected[name])
    if missing or surplus or misshapen:
        raise WeightsError(
            f'The {part} of the model "{model}" does not fit its card: missing {missing[:3]}, surplus {surplus[:3]},'
            f" wrong shape {misshapen[:3]}. Install the model again."
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in found.values()):
        raise WeightsError(f'The {part} of the model "{model}" holds numbers that are not finite: install the model again.')
    network.load_state_dict(found)


def dataclass_from_json(kind: type[T], values: Any) -> T:
    """A dataclass from JSON; lists become tuples, nested dataclasses are built too. TypeError for unknown or missing fields."""
    annotations = typing.get_type_hints(kind)
    fields = {name: _field(annotations[name], value) for name, value in values.items()}
    return kind(**fields)


def _field(annotation: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(annotation):
        return dataclass_from_json(typing.cast(type, annotation), value)
    return tuple(value) if isinstance(value, list) else value
