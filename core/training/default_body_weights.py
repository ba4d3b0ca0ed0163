"""Skin weights of the default body: MakeHuman's 163 bones merged onto the 52 joints, smoothed; linear blend skinning."""

from __future__ import annotations

import re

import numpy as np

from .default_body_rig import FINGERS, INDEX, JOINT_NAMES, MIRROR_JOINT, PARENTS
from .makehuman_data import FloatArray, IndexArray, MakeHumanBody

JOINTS_PER_VERTEX = 4
WEIGHT_STEP = 1 / 1024  # a power of two: quantised weights still sum to exactly one

_TRUNK_BONES = re.compile(r"root|spine|breast|pelvis")
_LIMB_BONES = (
    (r"clavicle|shoulder", "collar"), (r"upperarm", "shoulder"), (r"lowerarm", "elbow"), (r"wrist|metacarpal", "wrist"),
    (r"upperleg", "hip"), (r"lowerleg", "knee"), (r"foot", "ankle"), (r"toe", "foot"),
)  # fmt: skip
_FINGER_BONE = re.compile(r"finger(\d)-(\d)\.([LR])")
_SMOOTHING_STEPS = 12  # raised arms and bent hips stop showing the seams between MakeHuman's bones, fingers stay crisp
_TRUNK_BLEND = {"spine1": 0.065, "spine2": 0.055, "spine3": 0.045}  # metres above and below the joint over which its weight fades in


def skin_weights(body: MakeHumanBody, joints: FloatArray) -> FloatArray:
    """Weights (V, 52) of every MakeHuman vertex, each row summing to one where any bone holds the vertex; exactly symmetric."""
    weights = np.zeros((len(body.vertices), len(JOINT_NAMES)))
    trunk = np.zeros(len(body.vertices))
    for bone, (vertices, amount) in body.bone_weights.items():
        if _TRUNK_BONES.match(bone):
            trunk[vertices] += amount
        else:
            weights[vertices, INDEX[_joint_of(bone)]] += amount
    weights += trunk[:, None] * _trunk_shares(body.vertices[:, 1], joints)
    weights = smoothed((weights + weights[body.mirror][:, MIRROR_JOINT]) / 2, body.faces["body"])
    normalised: FloatArray = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return normalised


def strongest(weights: FloatArray) -> tuple[IndexArray, FloatArray]:
    """The four strongest joints (V, 4) of each vertex and their weights (V, 4): steps of 1/1024, the strongest first, summing to one.

    Unused slots repeat the strongest joint with weight zero.
    """
    weights = weights.round(9)
    joints = np.argsort(-weights, axis=1, kind="stable")[:, : JOINTS_PER_VERTEX + 1]
    kept = np.take_along_axis(weights, joints, axis=1)
    kept = np.where(kept > kept[:, -1:], kept, 0)[:, :-1]  # a left joint tied with its right twin for the last slot: neither stays
    joints = joints[:, :-1]
    kept = np.round(kept / kept.sum(axis=1, keepdims=True) / WEIGHT_STEP) * WEIGHT_STEP
    kept[:, 0] += 1 - kept.sum(axis=1)
    return np.where(kept > 0, joints, joints[:, :1]), kept


def skinned(
    vertices: FloatArray, joints: IndexArray, weights: FloatArray, rotations: FloatArray, rest: FloatArray, posed: FloatArray
) -> FloatArray:
    """Linear blend skinning (V, 3): joints and weights (V, 4), world `rotations` (J, 3, 3), joint positions before and after (J, 3)."""
    shift = posed - np.einsum("jab,jb->ja", rotations, rest)
    moved: FloatArray = np.einsum("vk,vkab,vb->va", weights, rotations[joints], vertices)
    moved += np.einsum("vk,vka->va", weights, shift[joints])
    return moved


def _joint_of(bone: str) -> str:
    side = {"L": "left_", "R": "right_"}.get(bone[-1], "")
    if finger := _FINGER_BONE.match(bone):
        names = {number: name for name, number in FINGERS.items()}
        return f"{side}{names[int(finger[1])]}{finger[2]}"
    for pattern, joint in _LIMB_BONES:
        if re.match(pattern, bone):
            return side + joint
    return "neck" if bone.startswith("neck") else "head"  # what is left are the bones of the face, jaw and tongue


def _trunk_shares(height: FloatArray, joints: FloatArray) -> FloatArray:
    """How the trunk joints share (V, 52) a trunk vertex of the given height (V,): smooth ramps around each joint."""
    shares = np.zeros((len(height), len(JOINT_NAMES)))
    shares[:, INDEX["pelvis"]] = 1.0
    for name, reach in _TRUNK_BLEND.items():
        j = INDEX[name]
        t = np.clip((height - joints[j, 1]) / (2 * reach) + 0.5, 0, 1)
        above = t * t * (3 - 2 * t)
        shares[:, j] = shares[:, PARENTS[j]] * above
        shares[:, PARENTS[j]] *= 1 - above
    return shares


def smoothed(weights: FloatArray, quads: IndexArray) -> FloatArray:
    """Weights (V, J) after moving every vertex of the `quads` (F, 4) halfway to the mean of its neighbours, several times."""
    edges = np.concatenate([quads[:, [corner, (corner + 1) % 4]] for corner in range(4)])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    first, degree = np.unique(edges[:, 0], return_counts=True)
    starts = np.cumsum(degree) - degree
    for _ in range(_SMOOTHING_STEPS):
        means = np.add.reduceat(weights[edges[:, 1]], starts, axis=0) / degree[:, None]
        weights[first] = (weights[first] + means) / 2
    return weights
