"""FLAME's five joints in the MakeHuman head: where they sit, what they hold, and the jaw, which is taken from the shape `jawOpen`.

The artist's jawOpen turns the lower teeth stiffly. That turn is the jaw joint's; how far each vertex follows it is its weight; and what
the sculpted shape has beyond that becomes the jaw's pose corrective, so that the joint opens the mouth exactly as the shape does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..contract.head import FLAME_JOINTS
from .default_body_weights import WEIGHT_STEP, smoothed
from .makehuman_data import FloatArray, IndexArray, MakeHumanBody

_BELOW = re.compile(r"root|spine|breast|pelvis|clavicle|shoulder|upper|lower|wrist|metacarpal|finger|foot|toe")
_NECK = {"neck01": 0.0, "neck02": 0.5}  # their shares in turning the head; everything above turns with it
_STIFF = {"helper-lower-teeth": "jaw", "helper-tongue": "jaw", "helper-l-eye": "left_eye", "helper-r-eye": "right_eye"}
_SMALLEST_ARM = 0.01  # metres: nearer to the jaw's axis a weight cannot be told from how far a vertex moves
_REGRESSOR_VERTICES, _REGRESSOR_WIDTH = 64, 0.08  # so many vertices, the nearer the more, by a bell curve of so many metres

_NECK_JOINT, _JAW_JOINT = FLAME_JOINTS.index("neck"), FLAME_JOINTS.index("jaw")


@dataclass(frozen=True)
class JawOpening:
    """jawOpen as a turn by `angle` (radians, about +X) of the jaw about `centre` (3,) in metres; offsets (V, 3) of the shape itself."""

    centre: FloatArray
    angle: float
    offsets: FloatArray

    @property
    def rotation(self) -> FloatArray:
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def jaw_opening(body: MakeHumanBody) -> JawOpening:
    """The turn of the lower teeth in jawOpen, by least squares in the middle plane (Kabsch 1976 in two dimensions)."""
    offsets = shape_offsets(body, "jawOpen")
    teeth = np.unique(body.faces["helper-lower-teeth"])
    before, after = body.vertices[teeth][:, 1:], (body.vertices + offsets)[teeth][:, 1:]
    p, q = before - before.mean(axis=0), after - after.mean(axis=0)
    angle = float(np.arctan2((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum(), (p * q).sum()))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.linalg.solve(np.eye(2) - turn, after.mean(axis=0) - turn @ before.mean(axis=0))
    return JawOpening(np.array([0.0, *centre]), angle, offsets)


def place_head_joints(body: MakeHumanBody, jaw: JawOpening) -> FloatArray:
    """Positions (5, 3) in metres; the head turns halfway between the neck's root and the skull."""
    markers = body.joint_markers
    eye = (markers["l-eye"] + markers["r-eye"] * (-1, 1, 1)) / 2
    middle = {"root": markers["neck"], "neck": (markers["neck"] + markers["head"]) / 2, "jaw": jaw.centre}
    joints = {name: place * (0, 1, 1) for name, place in middle.items()} | {"left_eye": eye, "right_eye": eye * (-1, 1, 1)}
    return np.array([joints[name] for name in FLAME_JOINTS])


def belongs_to_head(body: MakeHumanBody) -> FloatArray:
    """How much (V,) of every vertex the bones of neck and head hold, 0..1."""
    held = np.zeros(len(body.vertices))
    for bone, (vertices, amount) in body.bone_weights.items():
        if not _BELOW.match(bone):
            held[vertices] += amount
    return np.minimum(held, 1.0)


def head_weights(body: MakeHumanBody, jaw: JawOpening) -> FloatArray:
    """Weights (V, 5) in steps of 1/1024, rows summing to one, exactly symmetric."""
    turning = np.zeros((len(body.vertices), 1))
    for bone, (vertices, amount) in body.bone_weights.items():
        if not _BELOW.match(bone):
            turning[vertices, 0] += _NECK.get(bone, 1.0) * amount
    turning = smoothed(np.minimum(turning, 1.0), body.faces["body"])
    weights = np.zeros((len(body.vertices), len(FLAME_JOINTS)))
    weights[:, _JAW_JOINT] = np.minimum(_jaw_weights(body, jaw), turning[:, 0])
    weights[:, _NECK_JOINT] = turning[:, 0] - weights[:, _JAW_JOINT]
    weights = (weights + weights[body.mirror]) / 2
    for group, joint in _STIFF.items():
        weights[np.unique(body.faces[group])] = np.eye(len(FLAME_JOINTS))[FLAME_JOINTS.index(joint)]
    weights = np.round(weights / WEIGHT_STEP) * WEIGHT_STEP
    weights[:, 0] = 1 - weights[:, 1:].sum(axis=1)
    return weights


def _jaw_weights(body: MakeHumanBody, jaw: JawOpening) -> FloatArray:
    """(V,) the share of the jaw's turn that brings each vertex nearest to where jawOpen has it."""
    full = (body.vertices - jaw.centre) @ (jaw.rotation - np.eye(3)).T
    smallest = _SMALLEST_ARM * 2 * np.sin(jaw.angle / 2)
    return np.clip((jaw.offsets * full).sum(axis=1) / ((full * full).sum(axis=1) + smallest**2), 0, 1)


def jaw_correctives(vertices: FloatArray, offsets: FloatArray, weights: FloatArray, jaw: JawOpening) -> FloatArray:
    """(V, 3, 9): offsets for the entries of the jaw's R - I, with which a turn by the jaw's angle is jawOpen.

    They follow the sine of the angle, which stands in two entries; other turns of the jaw have none.
    """
    blended = np.eye(3) + weights[:, _JAW_JOINT, None, None] * (jaw.rotation - np.eye(3))
    wanted = (vertices + offsets - jaw.centre)[..., None]
    at_full = np.linalg.solve(blended, wanted)[..., 0] + jaw.centre - vertices
    entries = np.zeros((3, 3))
    entries[2, 1], entries[1, 2] = 1.0, -1.0
    correctives: FloatArray = at_full[..., None] * (entries.ravel() / (2 * np.sin(jaw.angle)))
    return correctives


def joint_regressor(vertices: FloatArray, still: IndexArray, joints: FloatArray) -> FloatArray:
    """(5, V) with `vertices` giving exactly `joints`, out of vertices `still` that no shape moves, so that no joint moves either."""
    regressor = np.zeros((len(joints), len(vertices)))
    for row, joint in zip(regressor, joints, strict=True):
        distance = np.linalg.norm(vertices[still] - joint, axis=1)
        nearest = still[np.argsort(distance, kind="stable")[:_REGRESSOR_VERTICES]]
        corners = np.concatenate([np.ones((1, len(nearest))), (vertices[nearest] - joint).T])
        bell = np.exp(-((np.sort(distance)[: len(nearest)] / _REGRESSOR_WIDTH) ** 2) / 2)
        # The smallest weights, by the bell curve, whose sum is one and whose mean place is the joint
        row[nearest] = bell * (corners.T @ np.linalg.solve((corners * bell) @ corners.T, [1.0, 0.0, 0.0, 0.0]))
    return regressor


def shape_offsets(body: MakeHumanBody, name: str) -> FloatArray:
    """One face unit as offsets (V, 3) of all vertices."""
    offsets = np.zeros_like(body.vertices)
    vertices, moved = body.face_units[name]
    offsets[vertices] = moved
    return offsets
