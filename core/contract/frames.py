"""Messages as bytes: `MAGIC | u32 header bytes | u64 payload bytes | header (JSON) | payload (raw little-endian arrays)`.

No pickle. A header names the message class and its fields; an array stands in it as dtype and shape, its numbers follow in the
payload in the order of the header. Both lengths are checked before anything is allocated.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import types
import typing
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from .errors import ContractError
from .messages import Message

MAGIC = b"USTD"
PREFIX = struct.Struct("<4sIQ")
MAX_HEADER_BYTES = 4 << 20
MAX_PAYLOAD_BYTES = 1 << 30
ARRAY_TYPES = ("<f4", "<i4", "|u1")
_READ_AT_ONCE = 1 << 20  # bytes: a length that is only announced must not allocate

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(Message)}


def encode_frame(message: Message) -> bytes:
    """The whole frame of one message."""
    arrays: list[bytes] = []
    header = json.dumps({"kind": type(message).__name__, "fields": _to_json(message, arrays)}).encode()
    payload = b"".join(arrays)
    return PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload


def decode_frame(frame: bytes) -> Message:
    """The message of one whole frame. Raises ContractError for anything else."""
    header_bytes, payload_bytes = _lengths(frame[: PREFIX.size])
    if len(frame) != PREFIX.size + header_bytes + payload_bytes:
        raise ContractError(f"A frame of {len(frame)} bytes announces {PREFIX.size + header_bytes + payload_bytes}.")
    return _decode_body(frame[PREFIX.size : PREFIX.size + header_bytes], frame[PREFIX.size + header_bytes :])


def read_frame(stream: BinaryIO) -> Message | None:
    """Waits for the next message; None at a clean end of the stream. Raises ContractError for a broken one."""
    first = stream.read(1)
    if not first:
        return None
    header_bytes, payload_bytes = _lengths(first + _read_exactly(stream, PREFIX.size - 1))
    return _decode_body(_read_exactly(stream, header_bytes), _read_exactly(stream, payload_bytes))


def _lengths(prefix: bytes) -> tuple[int, int]:
    if len(prefix) < PREFIX.size:
        raise ContractError("The other side stopped in the middle of a frame.")
    magic, header_bytes, payload_bytes = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise ContractError(f"The other side sent {magic!r} where a frame should begin.")
    if header_bytes > MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
        raise ContractError(f"A frame announces {header_bytes:,} + {payload_bytes:,} bytes, which is too much.")
    return header_bytes, payload_bytes


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(count - len(data), _READ_AT_ONCE))
        if not part:
            raise ContractError("The other side stopped in the middle of a frame.")
        data += part
    return bytes(data)


def _decode_body(header: bytes, payload: bytes) -> Message:
    try:
        parsed = json.loads(header)
        arrays = _Payload(payload)
        message: Message = _from_json(_KINDS[parsed["kind"]], parsed["fields"], arrays)
        arrays.check_empty()
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ContractError(f"A frame cannot be read: {error!r}.") from error
    return message


def _to_json(value: object, arrays: list[bytes]) -> object:
    if isinstance(value, np.ndarray):
        packed = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        if packed.dtype.str not in ARRAY_TYPES:
            raise ContractError(f"Arrays of {packed.dtype} do not cross the pipe.")
        arrays.append(packed.tobytes())
        return {"dtype": packed.dtype.str, "shape": list(packed.shape)}
    if dataclasses.is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_to_json(item, arrays) for item in value]
    return value


class _Payload:
    """Hands out the arrays of a payload in order."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, dtype: str, shape: list[int]) -> np.ndarray:
        if dtype not in ARRAY_TYPES or not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
            raise ValueError(f"array of {dtype} {shape}")
        array = np.frombuffer(self._data, dtype, math.prod(shape), self._at).reshape(shape)
        self._at += array.nbytes
        return array.copy()

    def check_empty(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at:,} bytes that belong to no array")


# How JSON holds each annotated type; dataclasses and arrays are objects
_JSON_TYPES: Mapping[Any, type[Any]] = {tuple: list, str: str, int: int, float: float, bool: bool}


def _from_json(kind: Any, value: Any, payload: _Payload) -> Any:
    """`value` as the annotated type `kind`; TypeError or ValueError where it is not one."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in arguments if option is not type(None)]
        return None if value is None else _from_json(options[0], value, payload)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not _JSON_TYPES.get(origin or kind, dict):
        raise TypeError(f"{value!r} is not {kind}")
    if origin is tuple:
        return tuple(_from_json(arguments[0], item, payload) for item in value)
    if kind is np.ndarray:
        return payload.take(value["dtype"], value["shape"])
    if dataclasses.is_dataclass(kind):
        annotations = typing.get_type_hints(kind)
        fields = {name: _from_json(annotations[name], item, payload) for name, item in value.items()}
        return typing.cast(Any, kind)(**fields)
    return value
