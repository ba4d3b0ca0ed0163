"""A head as different from our default one as FLAME's is: another person, other triangles, other directions, and a jaw that turns.

Where each of its points lies on the default head is known, and so is how every motion of that one should move it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.core.contract import FLAME_2020
from understudy.core.contract.head import HeadModel
from understudy.core.contract.head.face_geometry import triangulated

JAW_CORRECTIVES = slice(9, 18)
SHOWN_MATERIALS = ("skin", "eye", "iris", "pupil")  # FLAME has neither teeth nor tongue
LEFT_OUT = ("jawOpen", "eyeLook", "tongue")
_CELL_M = 0.0035


@dataclass(frozen=True)
class OtherHead:
    """vertices: (V, ...) values of the default head's vertices as averages at those of `model`, by `merging` (V, V')."""

    model: HeadModel
    merging: np.ndarray

    def should_be(self, points: np.ndarray) -> np.ndarray:
        """Where the vertices (T, V, 3) of `model` should be for the vertices (T, V', 3) of the default head."""
        return other_person(self.merging @ points)


def other_person(points: np.ndarray) -> np.ndarray:
    """(..., 3) points of the default head on a head that is broader, longer, bent here and there, pitched by 7 degrees and elsewhere."""
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    bent = [0.006 * np.sin(25 * y), 0.005 * np.sin(20 * x) ** 2 + 0.004 * np.sin(30 * z), 0.01 * np.cos(18 * x) * np.sin(22 * y)]
    larger = np.stack([1.19 * x, 1.05 * y, 1.13 * z], axis=-1) + np.stack(bent, axis=-1)
    sine, cosine = np.sin(np.radians(7)), np.cos(np.radians(7))
    return np.asarray(larger @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]]) + (0.01, 1.5, 0.02))


def other_head(head: HeadModel, directions: int = 60, space: str = FLAME_2020, seed: int = 1) -> OtherHead:
    """directions: mixed at random of all shapes but jawOpen, which the jaw's turn stands for, or, of fewer, the principal ones."""
    merging, faces = _merged(head, seed)
    rest = merging @ head.template
    stretch = _stretch(rest)
    shapes = [number for number, name in enumerate(head.expression_names) if not name.startswith(LEFT_OUT)]
    offsets = np.tensordot(merging, head.expressions[..., shapes].astype(np.float64), 1)
    mixed = offsets @ _mixing(offsets, directions, seed)
    correctives = np.zeros((len(rest), 3, 36))
    correctives[..., JAW_CORRECTIVES] = np.tensordot(merging, head.correctives[..., JAW_CORRECTIVES].astype(np.float64), 1)
    model = HeadModel(
        space=space,
        expression_names=tuple(f"Exp{number + 1}" for number in range(mixed.shape[2])),
        template=other_person(rest).astype(np.float32),
        shapes=np.zeros((len(rest), 3, 0), np.float32),
        expressions=np.einsum("vab,vbk->vak", stretch, mixed).astype(np.float32),
        correctives=np.einsum("vab,vbk->vak", stretch, correctives).astype(np.float32),
        joint_regressor=_regressor(other_person(rest), other_person(head.joints)),
        weights=(merging @ head.weights).astype(np.float32),
        faces=faces,
        material=np.zeros(len(faces), np.uint8),
        material_names=("skin",),
    )
    return OtherHead(model, merging)


def _merged(head: HeadModel, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, V') averages over cells, not across the lips nor of eyes and skin, in random order; triangles (F, 3) between them."""
    numbers = [head.material_names.index(name) for name in SHOWN_MATERIALS]
    triangles = triangulated(head.faces[np.isin(head.material, numbers)])
    cells = np.column_stack([np.floor(head.template / _CELL_M + 0.37), head.weights[:, 2:] > 0.5])
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    corners = cell.ravel()[triangles]
    corners = corners[(corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])]
    kept, faces = np.unique(corners, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(kept))
    members = (kept[order][:, None] == cell.ravel()).astype(np.float64)
    return members / members.sum(1, keepdims=True), np.argsort(order)[faces].reshape(-1, 3).astype(np.int32)


def _stretch(points: np.ndarray) -> np.ndarray:
    """(V, 3, 3) what other_person makes of small offsets at (V, 3)."""
    steps = 1e-4 * np.eye(3)
    return np.stack([(other_person(points + step) - other_person(points - step)) / 2e-4 for step in steps], axis=-1)


def _mixing(offsets: np.ndarray, directions: int, seed: int) -> np.ndarray:
    shapes = offsets.shape[2]
    if directions >= shapes:
        return np.asarray(0.5 * np.linalg.qr(np.random.default_rng(seed).normal(size=(shapes, shapes)))[0])
    return np.asarray(0.3 * np.linalg.svd(offsets.reshape(-1, shapes), full_matrices=False)[2][:directions].T)


def _regressor(template: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(5, V) the least weights, with sums of one, that give the joints."""
    points = np.column_stack([template, np.ones(len(template))])
    return np.asarray(np.linalg.pinv(points.T) @ np.column_stack([joints, np.ones(len(joints))]).T, np.float32).T


def written(head: HeadModel, path: Path) -> Path:
    """As a file, in the layout of FLAME's."""
    np.savez(
        path,
        v_template=head.template,
        shapedirs=head.expressions,
        posedirs=head.correctives,
        J_regressor=head.joint_regressor,
        weights=head.weights,
        kintree_table=np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        f=head.faces,
        expression_names=np.array(head.expression_names),
        space=np.array(head.space),
    )
    return path
