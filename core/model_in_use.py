"""Which model is taken where none is named: the animator's choice, as long as it is there."""

from __future__ import annotations

from .checkpoints import CARD_FILE, find_bundle
from .contract import USUAL_MODEL, WeightsError, chosen_model, model_choice_file, user_models_folder
from .model_folders import has_card, is_model_name, model_folders
from .whole_file import write_whole


def model_in_use() -> str:
    """The name that was chosen, as long as there is such a model; ours otherwise."""
    name = chosen_model()
    return name if is_model_name(name) and any(has_card(folder / name, CARD_FILE) for folder in model_folders()) else USUAL_MODEL


def use_model(name: str) -> None:
    """Raises WeightsError where there is no body model of this name, or the choice cannot be kept."""
    folder = find_bundle(name, model_folders())
    try:
        write_whole(model_choice_file(), folder.name.encode())
    except OSError as error:
        raise WeightsError(f"{user_models_folder()} cannot be written ({error.strerror}): look at its permissions.") from error
