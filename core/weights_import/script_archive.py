"""Tensors out of a TorchScript archive, such as OpenAI's ViT-B-32.pt, without torch.jit and without the programs in it.

An archive is a zip: `data.pkl` tells of modules whose attributes are further modules and tensors, `data/KEY` holds a tensor's bytes,
and `code/` what would be run. The pickle is read with classes of our own in the place of every module, and with nothing else.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..contract.cautious_unpickler import CautiousUnpickler

_MOST_PICKLE_BYTES = 16 << 20  # CLIP's has 0.2 MB
_MOST_MODULES = 10_000  # CLIP has 0.3 thousand
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


class ScriptModule:
    """A module of the archive: its attributes, and no behaviour."""

    attributes: Mapping[str, object] = MappingProxyType({})

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("a module's state is not a mapping")
        self.attributes = state


def is_script(archive: zipfile.ZipFile) -> bool:
    return any(PurePosixPath(name).name == "constants.pkl" for name in archive.namelist())


def read_script(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """All tensors by the names that the modules' state_dict gives them. Raises UnpicklingError for an archive that wants more."""
    (entry,) = (each for each in archive.infolist() if PurePosixPath(each.filename).name == "data.pkl")
    if entry.file_size > _MOST_PICKLE_BYTES:
        raise pickle.UnpicklingError(f"its list of modules has {entry.file_size:,} bytes")
    with archive.open(entry) as file:
        root = _Reader(file, archive, str(PurePosixPath(entry.filename).parent)).load()
    return dict(_tensors(root))


def _tensors(root: object) -> Iterator[tuple[str, Tensor]]:
    waiting, seen = [("", root)], 0
    while waiting:
        name, value = waiting.pop()
        seen += 1
        if seen > _MOST_MODULES:  # modules that hold each other would never end
            raise pickle.UnpicklingError(f"it holds more than {_MOST_MODULES:,} modules")
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, ScriptModule):
            waiting += [(f"{name}.{key}".lstrip("."), part) for key, part in value.attributes.items()]


class _Reader(CautiousUnpickler):
    """Puts a module without behaviour in the place of every module, and hands out storages."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return ScriptModule
        allowed = {
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "device"): str,
            **{("torch", storage): _StorageKind(dtype) for storage, dtype in _STORAGES.items()},
            **{("torch.jit._pickle", f"build_{kind}list"): _as_it_is for kind in ("int", "double", "bool", "tensor")},
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"GLOBAL {module}.{name} was asked for")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> Tensor:
        """One storage, flat."""
        kind, storage, key, _, count = pid
        if kind != "storage" or not isinstance(storage, _StorageKind) or not isinstance(key, str):
            raise pickle.UnpicklingError("a storage is not described as torch does")
        if key not in self._storages:
            flat = torch.frombuffer(bytearray(self._archive.read(f"{self._folder}/data/{key}".lstrip("./"))), dtype=storage.dtype)
            if len(flat) != count:
                raise pickle.UnpicklingError(f"a storage has {len(flat):,} numbers instead of {count:,}")
            self._storages[key] = flat
        return self._storages[key]


class _StorageKind:
    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


def _rebuild(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    return torch.as_strided(storage, size, stride, offset)


def _as_it_is(values: list[object]) -> list[object]:
    return values
