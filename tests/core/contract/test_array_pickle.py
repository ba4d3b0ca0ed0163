"""Are pickles of the real libraries read, which are not installed here?

The files hold `plain`, the numbers 0 to 11 as a chumpy array (4, 3); `chosen`, its first two columns; `turned` and `summed`, functions
of it; `columns` and `rows`, one sparse matrix; `numpy`, integers of big endian by columns; and a `text`.
"""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from understudy.core.contract.array_pickle import PickledArrays, PickleError, read_pickle

FILES = sorted(Path(__file__).parent.glob("chumpy_*.pkl"))
COUNTED = np.arange(12.0).reshape(4, 3)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def read(request: pytest.FixtureRequest) -> PickledArrays:
    with request.param.open("rb") as file:
        return read_pickle(file)


def test_there_are_files() -> None:
    assert len(FILES) == 2


@pytest.mark.parametrize(("name", "expected"), [
    ("plain", COUNTED), ("chosen", COUNTED[:, :2]), ("columns", [[0, 2, 0], [1, 0, 3]]), ("rows", [[0, 2, 0], [1, 0, 3]]),
    ("numpy", [[0, 2, 4], [1, 3, 5]]),
])  # fmt: skip
def test_arrays(name: str, expected: np.ndarray, read: PickledArrays) -> None:
    array = read.values[name]
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, expected)


def test_what_is_no_array_is_left_alone(read: PickledArrays) -> None:
    assert read.values["text"] == "lbs"
    assert not isinstance(read.values["turned"], np.ndarray) and not isinstance(read.values["summed"], np.ndarray)


def test_the_libraries_are_named(read: PickledArrays) -> None:
    assert {"numpy", "scipy", "chumpy"} <= read.libraries


def sparse(**state: object) -> bytes:
    """A pickle of one sparse matrix with this state, written by hand: its class does not exist here."""
    written = pickle.dumps({name: np.array(value) if isinstance(value, list) else value for name, value in state.items()}, 2)
    return b"\x80\x02}X\x01\x00\x00\x00mcscipy.sparse.csc\ncsc_matrix\n)\x81" + written[2:-1] + b"bs."


GOOD = {"_shape": (2, 2), "data": [5.0], "indices": [1], "indptr": [0, 1, 1]}


def test_a_sparse_matrix() -> None:
    matrix = read_pickle(io.BytesIO(sparse(**GOOD))).values["m"]
    assert isinstance(matrix, np.ndarray) and matrix.tolist() == [[0, 0], [5, 0]]


@pytest.mark.parametrize("changed", [
    {"_shape": (10**9, 10**9)}, {"indptr": [0, 10**15, 10**15]}, {"indptr": [0, 5, 1]}, {"indptr": [0, 1]}, {"indices": [2]}, {"data": [1.0, 2.0]},
    {"indptr": [1, 1, 1]}, {"indptr": []}, {"_shape": (2,)}, {"indices": [0, 1], "indptr": [0, 1, 1]}, {"indices": [-1]},
])  # fmt: skip
def test_a_sparse_matrix_that_lies_is_no_array(changed: dict[str, object]) -> None:
    assert not isinstance(read_pickle(io.BytesIO(sparse(**GOOD | changed))).values["m"], np.ndarray)


def test_a_file_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.core.contract.array_pickle.MAX_BYTES", 10)
    with pytest.raises(PickleError, match="it has 11 bytes"):
        read_pickle(io.BytesIO(bytes(11)))


@pytest.mark.parametrize("opcode", [b"\x96", b"\x8e", b"\x8d"], ids=["bytearray", "bytes", "text"])
def test_what_is_only_announced_takes_no_memory(opcode: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(PickleError):
        read_pickle(io.BytesIO(b"\x80\x05" + opcode + struct.pack("<Q", 64 << 20) + b"."))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20
