"""Which body model is used where none is named: the choice of `weights use`, kept in the user's folder of models; for both sides."""

from __future__ import annotations

from pathlib import Path

from .folders import user_models_folder

USUAL_MODEL = "starter"
_FILE = "in_use.txt"
_MOST_BYTES = 1000


def model_choice_file() -> Path:
    """Holds the name, where one was chosen."""
    return user_models_folder() / _FILE


def chosen_model() -> str:
    """The name that was chosen, which need not be a model's any more; the starter's where there is none that can be read."""
    try:
        with model_choice_file().open(encoding="utf-8") as file:
            return file.read(_MOST_BYTES).strip() or USUAL_MODEL
    except (OSError, ValueError):
        return USUAL_MODEL
