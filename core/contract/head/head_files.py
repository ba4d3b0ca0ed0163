"""Reads a head out of FLAME's own file (2020, 2023, 2023 Open) or out of an npz in the same layout, such as our default head's.

Names of the arrays, after FLAME's files: v_template (V, 3), shapedirs (V, 3, S + E), posedirs (V, 3, 36), J_regressor (5, V),
weights (V, 5), kintree_table (2, 5), f (F, 3). FLAME has 300 directions of identity and 100 of expression. Ours may also hold
expression_names (E,) for the last E of shapedirs, space, f as quads (F, 4), material (F,) and material_names.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..array_pickle import MAX_BYTES, PickledArrays, PickleError, UnsafePickle, read_pickle
from ..errors import BadRequest
from ..face_spaces import FLAME_2020, FLAME_2023, FLAME_2023_OPEN, flame_expression_names
from .head_model import CORRECTED_JOINTS, FLAME_JOINTS, FLAME_PARENTS, HeadModel

DEFAULT_HEAD = Path(__file__).resolve().parents[3] / "weights" / "default_head" / "default_head.npz"
FLAME_IDENTITY, FLAME_EXPRESSION = 300, 100
# Models of the same laboratory in the same layout, by their number of vertices
_OTHER_MODELS = {6890: "SMPL body", 10475: "SMPL-X body", 778: "MANO hand"}
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"
_WHICH = "choose the FLAME model itself: generic_model.pkl of FLAME 2020, flame2023.pkl, or flame2023_Open.pkl"
_AGAIN = "download it again from flame.is.tue.mpg.de"
_TOLERANCE = 1e-3  # of weights' sums


class _Refusal(Exception):
    """What is wrong with the file and what to do, as the second half of a sentence."""


def read_head(path: Path, space: str = "") -> HeadModel:
    """The head of a .pkl or .npz file.

    space: its face space, where somebody knows better than the file and its name. Raises BadRequest with one sentence for anything
    that is not a whole head, OSError for a file that cannot be opened.
    """
    try:
        arrays = _read_arrays(path)
        return _head(arrays.values, space or _space(path, arrays))
    except _Refusal as refusal:
        raise BadRequest(f"{path.name} {refusal}.") from refusal


def _read_arrays(path: Path) -> PickledArrays:
    with path.open("rb") as file:
        start = file.read(len(_NPY))
        if start.startswith(_ZIP):
            return PickledArrays(_read_npz(path), frozenset())
        if start == _NPY or start[:1] in (b"", b"<"):
            raise _Refusal(f"is not a FLAME model: {_WHICH}")
        try:
            return read_pickle(file)
        except UnsafePickle as error:
            raise _Refusal(
                f"asks for {error}, which may run a program on this machine, and a FLAME model needs only arrays."
                f" Nothing of it was run: delete it and {_AGAIN}"
            ) from error
        except PickleError as error:
            raise _Refusal(f"cannot be read as a FLAME model ({error}): {_AGAIN}, or {_WHICH}") from error


def _read_npz(path: Path) -> dict[str, object]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ValueError
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # numpy, zipfile and zlib all have their own for a damaged file
        raise _Refusal(f"is a damaged npz, or none of plain arrays: {_AGAIN}") from error


def _space(path: Path, arrays: PickledArrays) -> str:
    """FLAME's files do not say which release they are, but 2020's is made of chumpy's arrays and 2023 Open's is not."""
    if "space" in arrays.values:
        return str(arrays.values["space"])
    name = path.name.lower()
    if "2023" in name:
        return FLAME_2023_OPEN if "open" in name else FLAME_2023
    return FLAME_2020 if "chumpy" in arrays.libraries else FLAME_2023_OPEN


def _head(arrays: Mapping[str, object], space: str) -> HeadModel:
    template = _array(arrays, "v_template", (None, 3))
    _refuse_other_models(arrays, len(template))
    vertices, joints = len(template), len(FLAME_JOINTS)
    directions = _array(arrays, "shapedirs", (vertices, 3, None))
    names = _expression_names(arrays, directions.shape[2])
    identity = directions.shape[2] - len(names)
    faces = _faces(arrays, vertices)
    materials = tuple(str(name) for name in np.atleast_1d(np.asarray(arrays.get("material_names", "skin"))))
    return HeadModel(
        space=space,
        expression_names=names,
        template=template,
        shapes=directions[..., :identity],
        expressions=directions[..., identity:],
        correctives=_array(arrays, "posedirs", (vertices, 3, 9 * len(CORRECTED_JOINTS))),
        joint_regressor=_array(arrays, "J_regressor", (joints, vertices)),
        weights=_weights(arrays, vertices),
        faces=faces,
        material=_material(arrays, len(faces), len(materials)),
        material_names=materials,
    )


def _refuse_other_models(arrays: Mapping[str, object], vertices: int) -> None:
    tree = arrays.get("kintree_table")
    joints = tree.shape[1] if isinstance(tree, np.ndarray) and tree.ndim == 2 else 0
    if vertices in _OTHER_MODELS or joints > len(FLAME_JOINTS):
        what = _OTHER_MODELS.get(vertices, "body")
        raise _Refusal(f"is a model of a whole {what} ({vertices:,} vertices, {joints} joints), not a FLAME head: {_WHICH}")
    tree = _integers(arrays, "kintree_table", (2, len(FLAME_JOINTS)))
    if tuple(tree[0, 1:]) != FLAME_PARENTS[1:]:
        raise _Refusal(f"joins its joints in another way than FLAME (parents {tree[0, 1:].tolist()}): {_WHICH}")


def _array(arrays: Mapping[str, object], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """One array of finite numbers as float32; None in `shape` stands for any length but none."""
    with np.errstate(over="ignore"):  # what is too large is refused as infinite
        array = _numbers(arrays, name, shape, "fiu").astype(np.float32)
    if not np.isfinite(array).all():
        raise _Refusal(f"holds numbers in {name} that are not finite ({int((~np.isfinite(array)).sum()):,} of them): {_AGAIN}")
    return array


def _integers(arrays: Mapping[str, object], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    return _numbers(arrays, name, shape, "iu").astype(np.int64)


def _numbers(arrays: Mapping[str, object], name: str, shape: tuple[int | None, ...], kinds: str) -> np.ndarray:
    array = arrays.get(name)
    if array is None:
        raise _Refusal(f"has no {name}, so it is not a FLAME model: {_WHICH}")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        raise _Refusal(f"holds no numbers in {name}: {_AGAIN}")
    fits = array.ndim == len(shape) and all(wanted in (None, size) and size for size, wanted in zip(array.shape, shape, strict=True))
    if not fits:
        wanted = " × ".join("any" if size is None else str(size) for size in shape)
        raise _Refusal(f"has {name} of {' × '.join(map(str, array.shape)) or 'one number'} instead of {wanted}: {_WHICH}")
    return array


def _expression_names(arrays: Mapping[str, object], directions: int) -> tuple[str, ...]:
    """Names of the last directions, which are those of expression."""
    if "expression_names" in arrays:
        names = tuple(str(name) for name in np.atleast_1d(np.asarray(arrays["expression_names"])))
        if len(names) > directions or len(set(names)) != len(names):
            raise _Refusal(f"names {len(names)} expressions, not all different, for {directions} directions: {_AGAIN}")
        return names
    if directions != FLAME_IDENTITY + FLAME_EXPRESSION:
        raise _Refusal(
            f"has {directions} directions in shapedirs instead of {FLAME_IDENTITY} of shape and {FLAME_EXPRESSION} of expression: {_WHICH}"
        )
    return flame_expression_names(FLAME_EXPRESSION)


def _weights(arrays: Mapping[str, object], vertices: int) -> np.ndarray:
    weights = _array(arrays, "weights", (vertices, len(FLAME_JOINTS)))
    wrong = np.abs(weights.sum(axis=1, dtype=np.float64) - 1) > _TOLERANCE
    if wrong.any():
        raise _Refusal(f"has {int(wrong.sum()):,} vertices whose weights do not sum to one: {_AGAIN}")
    return weights


def _faces(arrays: Mapping[str, object], vertices: int) -> np.ndarray:
    given = arrays.get("f")
    corners = 4 if isinstance(given, np.ndarray) and given.shape[1:] == (4,) else 3
    faces = _integers(arrays, "f", (None, corners))
    if faces.min() < 0 or faces.max() >= vertices:
        raise _Refusal(f"has faces of vertices that do not exist (up to {faces.max():,} of {vertices:,}): {_AGAIN}")
    return faces.astype(np.int32)


def _material(arrays: Mapping[str, object], faces: int, materials: int) -> np.ndarray:
    if "material" not in arrays:
        return np.zeros(faces, np.uint8)
    material = _integers(arrays, "material", (faces,))
    if material.min() < 0 or material.max() >= materials:
        raise _Refusal(f"has faces of material {material.max()} and {materials} names of materials: {_AGAIN}")
    return material.astype(np.uint8)
