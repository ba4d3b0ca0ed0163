"""weights/manifest.toml: every weight file with its size, sha256, licence and origin, and whether a file here is the one meant."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .contract import WeightsError

WEIGHTS_FOLDER = Path(__file__).resolve().parents[1] / "weights"
MANIFEST = "manifest.toml"
INSTALL_AGAIN = "install the extension again, or run build_addon.py in a development checkout"


@dataclass(frozen=True)
class WeightFile:
    """One file below the weights folder."""

    path: str
    bytes: int
    sha256: str


def listed_files(folder: Path = WEIGHTS_FOLDER) -> dict[str, WeightFile]:
    """The manifest's files by their path. Raises WeightsError if the manifest is missing or broken."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            entries = tomllib.load(file)
        files = [WeightFile(row["path"], row["bytes"], row["sha256"]) for entry in entries.values() for row in entry["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"The list of weights {folder / MANIFEST} cannot be read ({error}): install the extension again.") from error
    return {file.path: file for file in files}


def verified(path: str, folder: Path = WEIGHTS_FOLDER) -> Path:
    """The full path of a listed file. Raises WeightsError where it is missing, of another size, or changed."""
    entry = listed_files(folder).get(path)
    if entry is None:
        raise WeightsError(f"The weight file {path} is not in the list of weights: install the extension again.")
    check_file(folder / path, entry.bytes, entry.sha256)
    return folder / path


def check_file(path: Path, size: int, sha256: str, advice: str = INSTALL_AGAIN) -> None:
    """Raises WeightsError, which ends with this advice, unless the file is there with this size and sha256."""
    if not path.is_file():
        raise WeightsError(f"The weight file {path.name} is missing from {path.parent}: {advice}.")
    found = path.stat().st_size
    if found != size:
        raise WeightsError(f"The weight file {path.name} has {found:,} bytes instead of {size:,}, so it was cut off: {advice}.")
    if file_sha256(path) != sha256:
        raise WeightsError(f"The weight file {path.name} was changed (its sha256 is not the listed one): {advice}.")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
