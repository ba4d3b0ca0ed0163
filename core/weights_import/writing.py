"""Tensors to safetensors, piece by piece, and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..contract import WeightsError

Report = Callable[[str, int, int], None]
_TYPES = {torch.float16: "F16", torch.float32: "F32"}
_ALIGNMENT = 8
_PREFIX = ".import-"
_STALE_SECONDS = 3600.0  # longer than any import takes, so that another one that is under way keeps its folder


def compact(tensor: Tensor) -> Tensor:
    """float16 where that keeps every number as it is, which is what CLIP was released in; float32 elsewhere."""
    exact = tensor.float()
    half = exact.half()
    return half if torch.equal(half.float(), exact) else exact


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], report: Report) -> tuple[int, str]:
    """Writes compact tensors one after another, so that no second copy of them is in memory. Gives the file's bytes and sha256."""
    kinds = {name: compact(tensor).dtype for name, tensor in tensors.items()}
    header, digest = _header(tensors, kinds), hashlib.sha256()
    total = len(header) + sum(tensor.numel() * kinds[name].itemsize for name, tensor in tensors.items())
    _check_room(path.parent, total)
    with path.open("wb") as file:
        for number, piece in enumerate(_pieces(header, tensors, kinds)):
            file.write(piece)
            digest.update(piece)
            report("Writing", number, len(tensors))
        file.flush()
        os.fsync(file.fileno())
    return total, digest.hexdigest()


def _pieces(header: bytes, tensors: Mapping[str, Tensor], kinds: Mapping[str, torch.dtype]) -> Iterator[bytes | memoryview]:
    yield header
    for name, tensor in tensors.items():
        yield tensor.detach().to(kinds[name]).contiguous().flatten().view(torch.uint8).numpy().data


def _header(tensors: Mapping[str, Tensor], kinds: Mapping[str, torch.dtype]) -> bytes:
    """The table of contents as the format has it: its length, then JSON, padded so that the numbers behind it are aligned."""
    entries: dict[str, object] = {}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * kinds[name].itemsize
        entries[name] = {"dtype": _TYPES[kinds[name]], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WeightsError(f"The model takes {needed / 1e6:,.0f} MB, but {folder} has room for {free / 1e6:,.0f} MB: make room first.")


@contextlib.contextmanager
def new_folders(folder: Path) -> Iterator[Path]:
    """A place beside the models to build folders in. Those in it at the end move into `folder`, in the place of older ones.

    After an error nothing has moved. Raises WeightsError where the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder, ignore_cleanup_errors=True) as place:
            built = Path(place, "new")
            built.mkdir()
            yield built
            for each in sorted(built.iterdir()):
                _replace(folder / each.name, each, Path(place))
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written ({error.strerror or error}): make room or choose another folder.") from error


def _replace(old: Path, new: Path, place: Path) -> None:
    kept = place / f"old-{old.name}"
    if old.exists():
        old.rename(kept)
    try:
        new.rename(old)
    except OSError:
        if kept.exists():
            kept.rename(old)
        raise


def _remove_stale(folder: Path) -> None:
    """What an import left that was killed."""
    for each in folder.glob(f"{_PREFIX}*"):
        if time.time() - each.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(each, ignore_errors=True)
