"""Arrays out of pickles that others wrote, such as the files of SMPL and FLAME; nothing that such a pickle asks for is ever run.

A pickle is a list of calls. Here each class or function that the published files name is a class of this file that only keeps what it
is given, and any other name ends the reading. Afterwards what was kept is turned into arrays; only a sparse matrix becomes larger by that.
Names in the published files: numpy's arrays and types, scipy's sparse matrices, and chumpy's `Ch` (its array is `x`) and `Select`
(elements `idxs` of the flat array `a`, in the shape `preferred_shape`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from .cautious_unpickler import CautiousUnpickler

MAX_BYTES = 1 << 30  # SMPL with 300 shapes, the largest of the published files, has a third of that


class PickleError(ValueError):
    """The file is not a whole pickle of named arrays; the text says why."""


class UnsafePickle(PickleError):
    """The pickle asks for a class or function that no file of arrays needs; the text is its name."""


@dataclass(frozen=True)
class PickledArrays:
    """values: the pickled mapping by its names. libraries: whose classes it is made of, such as numpy, scipy and chumpy."""

    values: dict[str, object]
    libraries: frozenset[str]


def read_pickle(file: BinaryIO) -> PickledArrays:
    """Arrays come as arrays, sparse matrices as dense ones, and other values as they are or as opaque objects.

    A damaged array is such an object, too. Raises UnsafePickle for a pickle that asks for more, PickleError for what is cut off, too
    large or no mapping.
    """
    size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise PickleError(f"it has {size:,} bytes")
    file.seek(0)
    try:
        reader = _Reader(file)
        kept = reader.load()
    except PickleError:
        raise
    except Exception as error:  # bytes that are no pickle fail anywhere in its reader
        raise PickleError("it is cut off or no pickle") from error
    if not isinstance(kept, dict):
        raise PickleError(f"it holds a {type(kept).__name__} instead of named arrays")
    values = {name: _read(value) for name, value in kept.items() if isinstance(name, str)}
    return PickledArrays(values, frozenset(reader.libraries))


class _Kept:
    """Stands for a class or function of the file: keeps what it was called with and the state that it was given.

    All names stand for classes of this kind, so that no pickle can set a state on one of them instead of on what it made.
    """

    state: Any = None

    def __new__(cls, *arguments: object) -> Any:
        made = object.__new__(cls)
        made.arguments = arguments
        return made

    arguments: tuple[Any, ...] = ()

    def __setstate__(self, state: object) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """What was kept, as an array. Raises whatever it meets in what is none."""
        raise TypeError


class _Reconstructed(_Kept):
    """copyreg's way to make an object without calling its class."""

    def __new__(cls, kind: type[_Kept], *_: object) -> Any:
        if not issubclass(kind, _Kept):
            raise TypeError
        return kind()


class _Encoded(_Kept):
    """The way in which Python 3 writes bytes for Python 2."""

    def __new__(cls, text: str, encoding: str) -> Any:
        return text.encode("latin1")


class _NoBytes(_Kept):
    """The way in which Python 3 writes no bytes at all for Python 2."""

    def __new__(cls) -> Any:
        return b""


class _NumpyType(_Kept):
    def dtype(self) -> np.dtype[Any]:
        code, order = self.arguments[0], self.state[1] if self.state else "|"
        if not re.fullmatch("[fiub][1248]", code) or order not in ("<", ">", "|", "="):
            raise TypeError
        return np.dtype(order + code)


class _NumpyArray(_Kept):
    """State: version, shape, type, whether the columns come first, bytes."""

    def array(self) -> np.ndarray:
        _, shape, kind, by_columns, raw = self.state
        return _from_bytes(raw, kind, shape, "F" if by_columns else "C")


class _NumpyBuffer(_Kept):
    """An array of pickle protocol 5. Arguments: bytes, type, shape, order."""

    def array(self) -> np.ndarray:
        raw, kind, shape, order = self.arguments
        return _from_bytes(raw, kind, shape, order)


class _Chumpy(_Kept):
    def array(self) -> np.ndarray:
        return _array(self.state["x"])


class _ChumpySelect(_Kept):
    def array(self) -> np.ndarray:
        chosen = _array(self.state["a"]).ravel()[_array(self.state["idxs"])]
        return chosen.reshape(self.state["preferred_shape"])


class _SparseColumns(_Kept):
    """scipy's csc: rows and values of column k stand at indptr[k] to indptr[k + 1]."""

    def array(self) -> np.ndarray:
        rows, columns = self.shape()
        return self.dense(rows, columns)

    def shape(self) -> tuple[int, int]:
        rows, columns = self.state.get("_shape") or self.state["shape"]
        return int(rows), int(columns)

    def dense(self, inner: int, outer: int) -> np.ndarray:
        values, inside, starts = (_array(self.state[name]).ravel() for name in ("data", "indices", "indptr"))
        counts = np.diff(starts.astype(np.int64))
        whole = len(counts) == outer and starts[0] == 0 and starts[-1] == len(inside) == len(values)
        # A matrix that claims more than it holds must not take memory
        if not whole or counts.min() < 0 or inside.min(initial=0) < 0 or inner * outer > MAX_BYTES // 8:
            raise ValueError
        matrix = np.zeros((inner, outer))
        np.add.at(matrix, (inside, np.repeat(np.arange(outer), counts)), values)
        return matrix


class _SparseRows(_SparseColumns):
    def array(self) -> np.ndarray:
        rows, columns = self.shape()
        return self.dense(columns, rows).T


_BUILTINS = ("__builtin__", "builtins")
_CORES = ("numpy.core", "numpy._core")
_NAMES: dict[tuple[str, str], type[_Kept]] = {
    **{(module, name): _Kept for module in _BUILTINS for name in ("object", "set")},
    **{(module, "bytes"): _NoBytes for module in _BUILTINS},
    **{(module, "_reconstructor"): _Reconstructed for module in ("copy_reg", "copyreg")},
    **{(f"{core}.multiarray", "_reconstruct"): _NumpyArray for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): _Kept for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): _NumpyBuffer for core in _CORES},
    ("_codecs", "encode"): _Encoded,
    ("numpy", "ndarray"): _NumpyArray,
    ("numpy", "dtype"): _NumpyType,
}
_SPARSE = {"csc_matrix": _SparseColumns, "csc_array": _SparseColumns, "csr_matrix": _SparseRows, "csr_array": _SparseRows}


class _Reader(CautiousUnpickler):
    """Knows the names above and those of chumpy."""

    def __init__(self, file: BinaryIO) -> None:
        # latin1 gives the bytes of Python 2 back one by one; its names stay as they are
        super().__init__(file, fix_imports=False, encoding="latin1")
        self.libraries: set[str] = set()

    def find_class(self, module: str, name: str) -> type[_Kept]:
        library = module.split(".")[0]
        self.libraries.add(library)
        if library == "chumpy":
            return _ChumpySelect if name == "Select" else _Chumpy
        if library == "scipy" and name in _SPARSE:
            return _SPARSE[name]
        if (module, name) not in _NAMES:
            raise UnsafePickle(re.sub(r"[^\w.]", "?", f"{module}.{name}", flags=re.ASCII)[:80])
        return _NAMES[module, name]


def _read(value: object) -> object:
    if not isinstance(value, _Kept):
        return value
    try:
        return value.array()
    except Exception:  # a function of chumpy's, or damaged: whoever needs it finds no array
        return value


def _array(value: object) -> np.ndarray:
    return value.array() if isinstance(value, _Kept) else np.asarray(value)


def _from_bytes(raw: Any, kind: _NumpyType, shape: tuple[int, ...], order: Any) -> np.ndarray:
    raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    return np.frombuffer(raw, kind.dtype()).reshape(shape, order="F" if order == "F" else "C")
