"""CLIP's text tower on this machine: imported once, shared by every model that was trained with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from .body import clip_text
from .body.clip_bpe import MERGES_FILE
from .body.clip_text import ClipText, ClipTextConfig
from .card_fields import dataclass_from_json, dataclass_to_json
from .contract import WeightsError
from .weights_manifest import WEIGHTS_FOLDER, check_file, verified

CARD_FILE, WEIGHTS_FILE = "encoder.json", "model.safetensors"
FORMAT = "understudy text encoder 1"
LICENCE = "MIT"
_ADVICE = (
    "import it in the preferences, or with `python -m core weights import`,"
    " from OpenAI's ViT-B-32.pt or the weights of openai/clip-vit-base-patch32"
)


@dataclass(frozen=True)
class EncoderCard:
    """What is known of the saved text tower. origin: the file that it is from; bytes, sha256: of its safetensors."""

    format: str
    name: str
    licence: str
    origin: tuple[str, ...]
    network: ClipTextConfig
    bytes: int
    sha256: str


def saved_in(folder: Path) -> Path:
    """Where a folder of models has it."""
    return folder / clip_text.NAME


def is_saved(folder: Path) -> bool:
    return (saved_in(folder) / CARD_FILE).is_file()


def write_card(folder: Path, card: EncoderCard) -> None:
    dataclass_to_json(folder / CARD_FILE, card)


def read_card(folder: Path) -> EncoderCard:
    """Raises WeightsError for a folder without one, or with one that cannot be read."""
    try:
        stored = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
            raise ValueError("its format is another")
        return dataclass_from_json(EncoderCard, stored)
    except FileNotFoundError as error:
        raise WeightsError(f"CLIP's text encoder is missing from {folder}: {_ADVICE}.") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"The card {folder / CARD_FILE} cannot be read ({error}): {_ADVICE}.") from error


def load_saved(folders: tuple[Path, ...], merges_folder: Path = WEIGHTS_FOLDER) -> ClipText:
    """From the first of these folders of models that has it. Raises WeightsError for a missing, cut off or changed file."""
    folder = saved_in(next((each for each in folders if is_saved(each)), folders[-1]))
    card = read_card(folder)
    check_file(folder / WEIGHTS_FILE, card.bytes, card.sha256, _ADVICE)
    merges = verified(f"clip/{MERGES_FILE}", merges_folder)
    try:
        return clip_text.load(load_file(folder / WEIGHTS_FILE), merges, card.network)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{folder / WEIGHTS_FILE} is not a readable weight file ({error}): {_ADVICE}.") from error
