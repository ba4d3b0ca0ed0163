"""Expressions and joint rotations to a head's vertices, by FLAME's formula (Li et al. 2017, which is SMPL's of Loper et al. 2015)."""

from __future__ import annotations

import numpy as np

from ..errors import BadRequest
from ..face_motion import FaceMotion
from .head_model import CORRECTED_JOINTS, FLAME_JOINTS, FLAME_PARENTS, HeadModel

# Shape keys of the correctives, as FLAME's Blender add-on names them
CORRECTIVE_NAMES = tuple(f"Pose{number}" for number in range(1, 9 * len(CORRECTED_JOINTS) + 1))


def posed(head: HeadModel, expression: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Vertices (T, V, 3) in metres, float32; 60 kB a frame for FLAME, so that long motions are better posed in pieces.

    expression: (T, E) coefficients, or fewer columns, whose others are zero. rotations: (T, 5, 3) axis-angle in radians against the
    parent, in the order of FLAME_JOINTS. Raises ValueError for more coefficients than the head has.
    """
    shaped = head.template + _moved(head, expression)
    joints = head.joint_regressor @ shaped
    vertices = shaped + _combined(head.correctives, corrective_values(rotations))
    turns, shifts = _joint_transforms(rotation_matrices(rotations), joints)
    result = np.zeros_like(vertices)
    for joint in range(len(FLAME_JOINTS)):
        turned = vertices @ turns[:, joint].transpose(0, 2, 1) + shifts[:, joint, None]
        result += head.weights[:, joint, None] * turned
    return result


def posed_motion(head: HeadModel, motion: FaceMotion) -> np.ndarray:
    """Vertices (T, V, 3) of a face motion, the root at rest. Raises BadRequest for coefficients that do not belong to this head."""
    unknown = [name for name in motion.expression_names if name not in head.expression_names]
    if motion.space != head.space or unknown:
        lacks = f", and the head has no {unknown[0]}" if unknown else ""
        raise BadRequest(
            f"The face motion is of the face space {motion.space} and the head of {head.space}{lacks}:"
            " convert the motion, or choose a head of its space."
        )
    expression = np.zeros((len(motion.expression), len(head.expression_names)), np.float32)
    expression[:, [head.expression_names.index(name) for name in motion.expression_names]] = motion.expression
    return posed(head, expression, joint_rotations(motion))


def joint_rotations(motion: FaceMotion) -> np.ndarray:
    """(T, 5, 3) axis-angle of FLAME_JOINTS; the head turns at `neck`, and what the motion does not have rests."""
    rotations = np.zeros((len(motion.expression), len(FLAME_JOINTS), 3), np.float32)
    rotations[:, FLAME_JOINTS.index("jaw")] = motion.jaw
    if motion.head is not None:
        rotations[:, FLAME_JOINTS.index("neck")] = motion.head
    if motion.eyes is not None:
        rotations[:, [FLAME_JOINTS.index("left_eye"), FLAME_JOINTS.index("right_eye")]] = motion.eyes
    return rotations


def corrective_values(rotations: np.ndarray) -> np.ndarray:
    """(T, 36) values of the keys CORRECTIVE_NAMES: the entries of R - I, row by row, of every joint but the root; within -2..1."""
    changes: np.ndarray = rotation_matrices(rotations[:, 1:]) - np.eye(3, dtype=np.float32)
    return changes.reshape(len(rotations), -1)


def bone_locations(head: HeadModel, expression: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """(T, 5, 3) metres that bones with fixed heads have to move in the parent's axes, because expressions move FLAME's joints.

    A turn R about a joint that lies d beside the bone's head is R about the head and then a move by d - R d.
    """
    beside = head.joint_regressor @ _moved(head, expression)
    return beside - (rotation_matrices(rotations) @ beside[..., None])[..., 0]


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3) radians to (..., 3, 3) float32, by Rodrigues' formula."""
    x, y, z = np.moveaxis(axis_angle.astype(np.float64), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    angle = np.sqrt(x * x + y * y + z * z)[..., None, None]
    # sin(a) / a and (1 - cos(a)) / a^2, both finite at zero
    straight, bent = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi)) ** 2 / 2
    return np.asarray(np.eye(3) + straight * cross + bent * cross @ cross, np.float32)


def _moved(head: HeadModel, expression: np.ndarray) -> np.ndarray:
    """Offsets (T, V, 3) of an expression."""
    coefficients, available = expression.shape[1], head.expressions.shape[2]
    if coefficients > available:
        raise ValueError(f"{coefficients} expression coefficients for a head of {available}")
    return _combined(head.expressions[..., :coefficients], expression)


def _combined(directions: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(V, 3, K) and (T, K) to (T, V, 3)."""
    return np.tensordot(values.astype(np.float32), directions, axes=(1, 2))


def _joint_transforms(local: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns (T, 5, 3, 3) and shifts (T, 5, 3) of the space around every joint, from turns against the parent and places (T, 5, 3)."""
    turns, shifts = local.copy(), np.empty_like(joints)
    for joint, parent in enumerate(FLAME_PARENTS):
        # About its own place, and then as its parent's space goes
        shift = joints[:, joint] - _applied(local[:, joint], joints[:, joint])
        if parent >= 0:
            turns[:, joint] = turns[:, parent] @ local[:, joint]
            shift = _applied(turns[:, parent], shift) + shifts[:, parent]
        shifts[:, joint] = shift
    return turns, shifts


def _applied(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (matrices @ vectors[..., None])[..., 0]
