"""Where models are looked for, in this order: ours, further folders of the animator's, and the user's folder that imports go to."""

from __future__ import annotations

from pathlib import Path

from .contract import WeightsError, user_models_folder
from .weights_manifest import WEIGHTS_FOLDER


def model_folders(further: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    return (WEIGHTS_FOLDER, *further, user_models_folder())


def find_model(model: str, folders: tuple[Path, ...], card_file: str, kind: str = "model") -> Path:
    """The folder of a model by its name, or by its own full path. Raises WeightsError naming the models of this kind that there are."""
    places = [folder / model for folder in folders] if is_model_name(model) else [Path(model)]
    for place in places:
        # A path that is not a full one would lead to somewhere else in each process
        if place.is_absolute() and has_card(place, card_file):
            return place
    names = sorted(card.parent.name for folder in folders for card in folder.glob(f"*/{card_file}"))
    shown = " ".join(model.split())[:60]
    raise WeightsError(f'There is no {kind} "{shown}"; installed: {", ".join(names) or "none"}. Choose one of these in the preferences.')


def is_model_name(model: str) -> bool:
    """Whether it names a folder inside another, and is no path."""
    return model not in ("", ".", "..") and "/" not in model and "\\" not in model


def typed_model(model: str, card_file: str) -> str:
    """A model as somebody typed it, made fit for `find_model`: at a command line a path may start at the working directory."""
    folder = Path(model).absolute()
    return str(folder) if has_card(folder, card_file) else model


def has_card(folder: Path, card_file: str) -> bool:
    """Whether there is a model's card in this folder."""
    try:
        return (folder / card_file).is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL in it
        return False
