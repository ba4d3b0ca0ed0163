"""Is everything that is not a frame refused with a ContractError, quickly and without much memory?"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from understudy.core.contract import ContractError, Message, decode_frame, encode_frame, read_frame

PREFIX = struct.Struct("<4sIQ")
Path_ = tuple[str | int, ...]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def frame(header: object, payload: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(b"USTD", len(raw), len(payload)) + raw + payload


def taken_apart(whole: bytes) -> tuple[Any, bytes]:
    _, header_bytes, _ = PREFIX.unpack(whole[: PREFIX.size])
    return json.loads(whole[PREFIX.size : PREFIX.size + header_bytes]), whole[PREFIX.size + header_bytes :]


def message_or_contract_error(data: bytes) -> None:
    for read in (decode_frame, lambda data: read_frame(io.BytesIO(data))):
        try:
            read(data)
        except ContractError as error:
            assert str(error)


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    yield path, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))


def replaced(value: Any, path: Path_, new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new) if path[1:] else new  # type: ignore[index]
    return copy


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    if data:
        with pytest.raises(ContractError):
            decode_frame(data)
        with pytest.raises(ContractError):
            read_frame(io.BytesIO(data))


@given(st.binary(max_size=100), st.binary(max_size=50))
def test_random_bytes_behind_a_right_prefix(header: bytes, payload: bytes) -> None:
    with pytest.raises(ContractError):
        decode_frame(frame(header, payload))


def test_a_frame_cut_off_anywhere(one_of_each: list[Message]) -> None:
    for message in one_of_each:
        whole = encode_frame(message)
        for length in range(len(whole)):
            with pytest.raises(ContractError):
                decode_frame(whole[:length])
            if length:
                with pytest.raises(ContractError):
                    read_frame(io.BytesIO(whole[:length]))


def test_a_frame_with_a_byte_too_many(one_of_each: list[Message]) -> None:
    for message in one_of_each:
        with pytest.raises(ContractError):
            decode_frame(encode_frame(message) + b"\0")


def test_a_payload_that_no_array_takes(one_of_each: list[Message]) -> None:
    for message in one_of_each:
        header, payload = taken_apart(encode_frame(message))
        with pytest.raises(ContractError):
            decode_frame(frame(header, payload + b"\0\0\0\0"))


@settings(max_examples=400)
@given(which=st.integers(0, 10**6), where=st.integers(0, 10**6), new=st.binary(max_size=4), gone=st.integers(0, 4))
def test_a_frame_with_some_bytes_replaced(which: int, where: int, new: bytes, gone: int, one_of_each: list[Message]) -> None:
    whole = encode_frame(one_of_each[which % len(one_of_each)])
    at = where % len(whole)
    message_or_contract_error(whole[:at] + new + whole[at + gone :])


@pytest.mark.parametrize("kind", ["Hello", "BodyRequest", "Cancel", "Unload", "Progress", "BodyReply", "Failure"])
def test_fields_of_any_shape(kind: str, one_of_each: list[Message]) -> None:
    message = next(m for m in one_of_each if type(m).__name__ == kind)
    header, payload = taken_apart(encode_frame(message))
    paths = [path for path, _ in leaves(header)]

    @settings(max_examples=150)
    @given(st.sampled_from(paths), json_values)
    @example(("fields",), [])
    @example(("fields",), 3)
    @example(("fields", "id"), 10**400)
    @example(paths[-1], 10**400)
    def anything_goes_in(path: Path_, value: Any) -> None:
        message_or_contract_error(frame(replaced(header, path, value), payload))

    anything_goes_in()


def wrong_values(right: Any, path: Path_) -> list[Any]:
    """Values of every other type of JSON than the right one, where that one is not also allowed."""
    others = {bool: True, str: "1", type(None): None, list: ["1"], dict: {"1": 1}, float: 1.5, int: 1}
    optional = path[-1:] in (("seconds",), ("longest_s",)) or path == ("fields", "guidance")
    allowed = {type(right)} | ({int} if isinstance(right, float) else set()) | ({type(None)} if optional else set())
    return [value for kind, value in others.items() if kind not in allowed]


def test_values_of_a_wrong_type(one_of_each: list[Message]) -> None:
    tried = 0
    for message in one_of_each:
        header, payload = taken_apart(encode_frame(message))
        for path, right in leaves(header):
            for wrong in wrong_values(right, path):
                with pytest.raises(ContractError):
                    decode_frame(frame(replaced(header, path, wrong), payload))
                tried += 1
    assert tried > 250


def test_whole_numbers_may_stand_for_real_ones(one_of_each: list[Message]) -> None:
    arrived = decode_frame(frame({"kind": "BodyRequest", "fields": {"id": 1, "text": "a", "guidance": 4, "seconds": 2}}))
    assert arrived.guidance == 4.0 and isinstance(arrived.guidance, float)  # type: ignore[union-attr]
    assert isinstance(arrived.seconds, float)  # type: ignore[union-attr]


def test_a_missing_field(one_of_each: list[Message]) -> None:
    for kind, fields in (
        ("Cancel", {}),
        ("Hello", {"version": "1"}),
        ("Progress", {"id": 1, "stage": "a", "step": 0}),
        ("BodyReply", {"id": 1}),
    ):
        with pytest.raises(ContractError):
            decode_frame(frame({"kind": kind, "fields": fields}))


def test_a_field_too_many(one_of_each: list[Message]) -> None:
    for message in one_of_each:
        header, payload = taken_apart(encode_frame(message))
        header["fields"]["surprise"] = 1
        with pytest.raises(ContractError):
            decode_frame(frame(header, payload))


@pytest.mark.parametrize("kind", ["", "hello", "Message", "object", "BodyMotion", "StageTime", None, 1, ["Hello"], {}])
def test_an_unknown_kind(kind: object) -> None:
    with pytest.raises(ContractError):
        decode_frame(frame({"kind": kind, "fields": {}}))


ARRAYS = [
    {"dtype": "|O", "shape": [2, 4]}, {"dtype": "<f8", "shape": [2, 4]}, {"dtype": "O", "shape": [2, 4]}, {"dtype": "<f4", "shape": [4, 2]},
    {"dtype": "<f4", "shape": [2, 5]}, {"dtype": "<f4", "shape": [-2, -4]}, {"dtype": "<f4", "shape": [-1]}, {"dtype": "<f4", "shape": []},
    {"dtype": "<f4", "shape": [2**62, 4]}, {"dtype": "<f4", "shape": [2**80]}, {"dtype": "<f4", "shape": [2**32, 2**32]},
    {"dtype": "<f4", "shape": [2**63 - 1, 3]}, {"dtype": "<f4", "shape": [1.5, 4]}, {"dtype": "<f4", "shape": 8},
    {"dtype": "<f4", "shape": "24"}, {"dtype": "<f4", "shape": {"2": 1}}, {"dtype": "<f4", "shape": [[2, 4]]}, {"dtype": ["<f4"], "shape": [2, 4]},
    {"dtype": "<f4"}, {"shape": [2, 4]}, {"dtype": "|u1", "shape": [2, 4]}, {"dtype": "<f4", "shape": [1] * 100}, "<f4", [1.0, 2.0],
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_an_array_that_is_not_what_it_says(array: object, one_of_each: list[Message]) -> None:
    reply = next(m for m in one_of_each if type(m).__name__ == "BodyReply")
    header, payload = taken_apart(encode_frame(reply))
    header["fields"]["motions"][0]["contacts"] = array
    tracemalloc.start()
    with pytest.raises(ContractError):
        decode_frame(frame(header, payload))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (10, 2**64 - 1), (10, 2**40), (4 << 20, 1 << 30), (10, 1 << 30), (0, 0)])
@pytest.mark.parametrize("kind_of_stream", ["memory", "pipe"])
def test_a_length_that_nothing_follows(lengths: tuple[int, int], kind_of_stream: str) -> None:
    start = PREFIX.pack(b"USTD", *lengths) + b"{}" * 5
    if kind_of_stream == "pipe":
        receiving, sending = os.pipe()
        os.write(sending, start)
        os.close(sending)
        stream: Any = os.fdopen(receiving, "rb")
    else:
        stream = io.BytesIO(start)
    tracemalloc.start()
    with stream, pytest.raises(ContractError):
        read_frame(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_header_nested_without_end(opening: bytes) -> None:
    with pytest.raises(ContractError):
        decode_frame(frame(opening * 500_000))


def test_a_number_without_end() -> None:
    with pytest.raises(ContractError):
        decode_frame(frame(b'{"kind": "Cancel", "fields": {"id": ' + b"9" * 100_000 + b"}}"))


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("place", ["stream", "header", "payload"])
def test_a_pickle_is_never_opened(place: str, tmp_path: Path, one_of_each: list[Message]) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    header, payload = taken_apart(encode_frame(next(m for m in one_of_each if type(m).__name__ == "BodyReply")))
    header["fields"]["motions"][0]["contacts"]["dtype"] = "|O"
    data = {"stream": bomb, "header": frame(bomb), "payload": frame(header, bomb + payload)}[place]
    with pytest.raises(ContractError):
        decode_frame(data)
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)
    assert (tmp_path / "exploded").exists()
