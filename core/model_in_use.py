"""Which model the command line takes where none is named: the animator's choice, kept in the user's folder of models."""

from __future__ import annotations

from .checkpoints import CARD_FILE, find_bundle
from .contract import WeightsError, user_models_folder
from .model_folders import has_card, is_model_name, model_folders
from .whole_file import write_whole

USUAL = "starter"
_FILE = "in_use.txt"
_MOST_BYTES = 1000


def model_in_use() -> str:
    """The name that was chosen, as long as there is such a model; ours otherwise."""
    try:
        with (user_models_folder() / _FILE).open(encoding="utf-8") as file:
            name = file.read(_MOST_BYTES).strip()
    except (OSError, ValueError):
        return USUAL
    return name if is_model_name(name) and any(has_card(folder / name, CARD_FILE) for folder in model_folders()) else USUAL


def use_model(name: str) -> None:
    """Raises WeightsError where there is no body model of this name, or the choice cannot be kept."""
    folder = find_bundle(name, model_folders())
    try:
        write_whole(user_models_folder() / _FILE, folder.name.encode())
    except OSError as error:
        raise WeightsError(f"{user_models_folder()} cannot be written ({error.strerror}): look at its permissions.") from error
