"""Files as FLAME's releases hold them, with random numbers: for Python 2 with chumpy and scipy, for Python 3, and npz.

The writers stand in for libraries that are not installed here: modules of their names with classes of the same state.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

VERTICES, FACES = 40, 60
Fields = dict[str, Any]


def random_fields(seed: int = 0, vertices: int = VERTICES) -> Fields:
    """A head of nonsense in FLAME's layout and about its sizes: a span of 20 cm, expressions of millimetres."""
    dice = np.random.default_rng(seed)
    weights = dice.random((vertices, 5)) ** 4
    regressor = dice.random((5, vertices)) * (dice.random((5, vertices)) < 0.2) + 1e-3
    return {
        "v_template": dice.normal(0, 0.07, (vertices, 3)),
        "shapedirs": dice.normal(0, 0.003, (vertices, 3, 400)),
        "posedirs": dice.normal(0, 0.005, (vertices, 3, 36)),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "f": dice.integers(0, vertices, (FACES, 3)).astype(np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


class Ch:
    """chumpy's array, which pickles its attributes."""

    def __init__(self, x: object) -> None:
        self.x, self._dirty_vars, self._itr = x, set(), None


class Select:
    def __init__(self, a: object, idxs: np.ndarray, shape: tuple[int, ...]) -> None:
        self.a, self.idxs, self.preferred_shape = a, idxs, shape


class add:
    """A sum that chumpy would compute: no array of its own."""

    def __init__(self, a: object, b: object) -> None:
        self.a, self.b = a, b


class csc_matrix:
    """scipy's sparse matrix by columns."""

    def __init__(self, dense: np.ndarray) -> None:
        columns, rows = np.nonzero(dense.T)
        self._shape, self.maxprint = dense.shape, 50
        self.data, self.indices = dense[rows, columns], rows.astype(np.int32)
        self.indptr = np.searchsorted(columns, np.arange(dense.shape[1] + 1)).astype(np.int32)


class csr_matrix(csc_matrix):
    def __init__(self, dense: np.ndarray) -> None:
        super().__init__(dense.T)
        self._shape = dense.shape


HOMES = {
    Ch: "chumpy.ch",
    Select: "chumpy.reordering",
    add: "chumpy.ch_ops",
    csc_matrix: "scipy.sparse.csc",
    csr_matrix: "scipy.sparse._csr",
}


@contextmanager
def _libraries() -> Iterator[None]:
    """The classes above under the names of their libraries, as long as something is written."""
    before = dict(sys.modules)
    try:
        for kind, home in HOMES.items():
            parts = home.split(".")
            for depth in range(1, len(parts) + 1):
                name = ".".join(parts[:depth])
                sys.modules[name] = sys.modules[name] if name not in before and name in sys.modules else ModuleType(name)
            setattr(sys.modules[home], kind.__name__, kind)
            kind.__module__ = home
        yield
    finally:
        for kind in HOMES:
            kind.__module__ = __name__
        for name in set(sys.modules) - set(before):
            del sys.modules[name]
        sys.modules.update(before)


class _Python2Pickler(pickle._Pickler):
    """Text and bytes are one kind."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, text: Any) -> None:
        raw = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_text


def python_2_pickle(fields: Fields) -> bytes:
    """As FLAME 2020 was written: protocol 2, directions and template chumpy's, the regressor sparse."""
    template, directions = Ch(fields["v_template"]), fields["shapedirs"]
    backwards = np.arange(directions.size)[::-1]
    changed = {
        "v_template": template,
        "shapedirs": Select(Ch(directions.ravel()[::-1].copy()), backwards, directions.shape),
        "J_regressor": csc_matrix(fields["J_regressor"]),
        "weights": np.asfortranarray(fields["weights"]),
        "J": add(template, Ch(np.zeros(3))),
    }
    return _written(fields | changed, lambda file: _Python2Pickler(file, 2))


def python_3_pickle(fields: Fields, protocol: int = 4) -> bytes:
    """As FLAME 2023 Open: without chumpy, the regressor sparse."""
    return _written(fields | {"J_regressor": csr_matrix(fields["J_regressor"])}, lambda file: pickle._Pickler(file, protocol))


def _written(fields: Fields, pickler: Callable[[io.BytesIO], pickle._Pickler]) -> bytes:
    file = io.BytesIO()
    with _libraries():
        pickler(file).dump(fields)
    return file.getvalue()


def write(folder: Path, content: bytes | Fields, name: str = "generic_model.pkl") -> Path:
    """Bytes as they are, fields as an npz."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with path.open("wb") as file:
            np.savez(file, **{field: value for field, value in content.items() if value is not None})
    return path
