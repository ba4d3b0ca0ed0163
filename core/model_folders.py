"""Where models are looked for, in this order: ours, further folders of the animator's, and the user's folder that imports go to."""

from __future__ import annotations

from pathlib import Path

from .contract import user_models_folder
from .weights_manifest import WEIGHTS_FOLDER


def model_folders(further: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    return (WEIGHTS_FOLDER, *further, user_models_folder())
