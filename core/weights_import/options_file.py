"""Which data set a network was trained on, as its authors' training wrote it into the opt.txt beside it: lines of `key: value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from .downloads import Download

_DATA_SET = "dataset_name"
_MOST_BYTES = 1 << 16  # the published ones have less than a thousand


def trained_on(weights: Download, downloads: Sequence[Download]) -> str:
    """What the nearest options call the data set, "" where there are none. Raises WeightsError for a file that cannot be read."""
    beside = (weights.folder, str(PurePosixPath(weights.folder).parent))
    found = {each.folder: each for each in downloads if each.is_options}
    nearest = next((found[folder] for folder in beside if folder in found), None)
    return _value(nearest, _DATA_SET) if nearest else ""


def _value(options: Download, wanted: str) -> str:
    lines = options.read()[:_MOST_BYTES].decode("utf-8", errors="replace").splitlines()
    pairs = [line.partition(":") for line in lines]
    return next((value.strip() for key, _, value in pairs if key.strip() == wanted), "")
