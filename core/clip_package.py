"""Takes CLIP's list of byte pair merges out of the package that carries it (named in weights/manifest.toml)."""

from __future__ import annotations

import tarfile
from pathlib import Path

from .body.clip_bpe import MERGES_FILE
from .contract import WeightsError
from .whole_file import write_whole

_MERGES = f"openai-clip-1.0.1/clip/{MERGES_FILE}"


def extract_merges(package: Path, folder: Path) -> None:
    """Writes the list into `folder`, still gzipped. Raises WeightsError for a package without it."""
    try:
        with tarfile.open(package) as archive:
            member = archive.extractfile(_MERGES)
            merges = member.read() if member else b""
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise WeightsError(f"{package.name} does not hold CLIP's merges ({error}): delete it and run the command again.") from error
    write_whole(folder / MERGES_FILE, merges)
