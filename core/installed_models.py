"""Which models there are on this machine, and taking one of the user's away."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .body import clip_text
from .checkpoints import CARD_FILE, WEIGHTS_FILE, read_card
from .contract import WeightsError, user_models_folder
from .face_bundles import CARD_FILE as FACE_CARD_FILE
from .face_bundles import read_face_card
from .saved_clip import is_saved, saved_in
from .saved_clip import read_card as read_encoder_card


@dataclass(frozen=True)
class Installed:
    """bytes: of the weights; reads: the name of its text encoder, "" for a model of faces and for a text encoder itself."""

    name: str
    title: str
    licence: str
    bytes: int
    folder: Path
    reads: str = ""


def installed(folders: tuple[Path, ...]) -> list[Installed]:
    """Models of bodies and faces and imported text encoders of these folders. A card that cannot be read is told in its title."""
    found: list[Installed] = []
    for folder in folders:
        found += [_read(card.parent, _body) for card in sorted(folder.glob(f"*/{CARD_FILE}"))]
        found += [_read(saved_in(folder), _encoder)] if is_saved(folder) else []
        found += [_read(card.parent, _face) for card in sorted(folder.glob(f"*/{FACE_CARD_FILE}"))]
    return found


def remove(name: str, folder: Path | None = None) -> Installed:
    """Takes a model or text encoder out of the user's folder. Raises WeightsError where it is not there, or others need it."""
    folder = folder or user_models_folder()
    there = {each.name: each for each in installed((folder,))}
    if name not in there:
        names = ", ".join(there) or "nothing"
        raise WeightsError(f'There is no "{" ".join(name.split())[:60]}" in {folder}; it holds {names}. Only these can be removed.')
    needing = [each.name for each in there.values() if each.reads == name]
    if needing:
        raise WeightsError(f"{', '.join(needing)} read prompts with {name}: remove these first.")
    try:
        shutil.rmtree(there[name].folder)
    except OSError as error:
        raise WeightsError(f"{there[name].folder} cannot be removed ({error.strerror}): close Blender, which may use it.") from error
    return there[name]


def _read(folder: Path, describe: Callable[[Path], tuple[str, str, str, str]]) -> Installed:
    """describe: name, title, licence and what it reads with, by a folder's card."""
    try:
        name, title, licence, reads = describe(folder)
    except WeightsError as error:
        name, title, licence, reads = folder.name, str(error), "unknown", ""
    return Installed(name, title, licence, _bytes(folder), folder, reads)


def _body(folder: Path) -> tuple[str, str, str, str]:
    card = read_card(folder)
    return folder.name, card.title, card.licence, card.text_encoder


def _face(folder: Path) -> tuple[str, str, str, str]:
    card = read_face_card(folder)
    return folder.name, card.title, card.licence, ""


def _encoder(folder: Path) -> tuple[str, str, str, str]:
    return clip_text.NAME, "CLIP's text encoder, shared by imported models", read_encoder_card(folder).licence, ""


def _bytes(folder: Path) -> int:
    weights = folder / WEIGHTS_FILE
    return weights.stat().st_size if weights.is_file() else 0
