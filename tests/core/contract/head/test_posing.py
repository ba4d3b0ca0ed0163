"""Is a head posed by FLAME's formula, written here a second time with plain loops, and do keys and bones of Blender's kind give the same?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import BadRequest, FaceMotion
from understudy.core.contract.head import (
    CORRECTIVE_NAMES,
    FLAME_JOINTS,
    HeadModel,
    bone_locations,
    corrective_values,
    joint_rotations,
    posed,
    posed_motion,
)
from understudy.core.contract.head.posing import rotation_matrices

PARENTS = (-1, 0, 1, 1, 1)
STILL = np.zeros((1, 5, 3), np.float32)


def random_motion(frames: int, coefficients: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients as DEEPTalk's, up to 9, and rotations up to two right angles."""
    dice = np.random.default_rng(seed)
    return dice.normal(0, 3, (frames, coefficients)).astype(np.float32), dice.normal(0, 0.8, (frames, 5, 3)).astype(np.float32)


def matrix_of(axis_angle: np.ndarray) -> np.ndarray:
    """By way of a unit quaternion."""
    angle = math.sqrt(sum(float(part) ** 2 for part in axis_angle))
    if angle == 0:
        return np.eye(3)
    w = math.cos(angle / 2)
    x, y, z = (float(part) / angle * math.sin(angle / 2) for part in axis_angle)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def about(rotation: np.ndarray, place: np.ndarray) -> np.ndarray:
    """4x4: the turn about a place."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = place - rotation @ place
    return matrix


def naive(head: HeadModel, coefficients: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """One frame (V, 3), vertex by vertex in double precision."""
    shaped = head.template.astype(np.float64).copy()
    for number, value in enumerate(coefficients):
        shaped += float(value) * head.expressions[:, :, number].astype(np.float64)
    joints = [sum(float(share) * vertex for share, vertex in zip(row, shaped, strict=True)) for row in head.joint_regressor]
    turns = [matrix_of(rotation) for rotation in rotations]
    corrected = shaped.copy()
    for joint in range(1, 5):
        for row in range(3):
            for column in range(3):
                value = turns[joint][row, column] - (row == column)
                corrected += value * head.correctives[:, :, 9 * (joint - 1) + 3 * row + column].astype(np.float64)
    spaces: list[np.ndarray] = []
    for joint, parent in enumerate(PARENTS):
        local = about(turns[joint], joints[joint])
        spaces.append(spaces[parent] @ local if parent >= 0 else local)
    result = np.empty_like(shaped)
    for number, vertex in enumerate(corrected):
        blended = sum(float(weight) * space for weight, space in zip(head.weights[number], spaces, strict=True))
        result[number] = (blended @ np.append(vertex, 1.0))[:3]
    return result


@pytest.mark.parametrize("coefficients", [0, 1, 50, 100])
def test_vertices_equal_those_of_plain_loops(coefficients: int, head: HeadModel) -> None:
    expression, rotations = random_motion(6, coefficients)
    vertices = posed(head, expression, rotations)
    assert vertices.shape == (6, len(head.template), 3) and vertices.dtype == np.float32
    for frame in range(6):
        np.testing.assert_allclose(vertices[frame], naive(head, expression[frame], rotations[frame]), atol=1e-6)


@pytest.mark.parametrize("joint", range(5))
def test_each_joint_alone(joint: int, head: HeadModel) -> None:
    rotations = STILL.copy()
    rotations[0, joint] = (0.3, -0.2, 0.4)
    expression = random_motion(1, 50)[0]
    np.testing.assert_allclose(posed(head, expression, rotations)[0], naive(head, expression[0], rotations[0]), atol=1e-6)


def test_at_rest_it_is_the_template(head: HeadModel) -> None:
    np.testing.assert_allclose(posed(head, np.zeros((1, 100)), STILL)[0], head.template, atol=1e-7)


def test_more_coefficients_than_the_head_has(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="101 expression coefficients for a head of 100"):
        posed(head, np.zeros((1, 101)), STILL)


def test_the_root_turns_everything_alike(head: HeadModel) -> None:
    rotations = random_motion(1, 0)[1]
    turned = rotations.copy()
    rotations[:, 0] = 0
    distances = [
        np.linalg.norm(vertices[:, None] - vertices, axis=-1)
        for pose in (rotations, turned)
        for vertices in posed(head, np.zeros((1, 0)), pose)
    ]
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)


def test_frames_do_not_know_each_other(head: HeadModel) -> None:
    expression, rotations = random_motion(5, 20)
    together = posed(head, expression, rotations)
    for frame in range(5):
        np.testing.assert_allclose(posed(head, expression[frame : frame + 1], rotations[frame : frame + 1])[0], together[frame], atol=1e-6)


def pose_bones(head: HeadModel, vertices: np.ndarray, rotations: np.ndarray, locations: np.ndarray) -> np.ndarray:
    """What an armature of fixed bones does to vertices (V, 3): each bone moved and turned in its parent's space."""
    spaces: list[np.ndarray] = []
    for joint, parent in enumerate(PARENTS):
        move = np.eye(4)
        move[:3, 3] = locations[joint]
        local = move @ about(matrix_of(rotations[joint]), head.joints[joint].astype(np.float64))
        spaces.append(spaces[parent] @ local if parent >= 0 else local)
    corners = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
    return np.einsum("vj,jab,vb->va", head.weights, np.stack(spaces), corners)[:, :3]


def keyed(head: HeadModel, coefficients: np.ndarray, correctives: np.ndarray) -> np.ndarray:
    """What shape keys do: each adds its offsets times its value."""
    return head.template + head.expressions[..., : len(coefficients)] @ coefficients + head.correctives @ correctives


def test_expression_keys_corrective_keys_and_bones_are_the_exact_head(head: HeadModel) -> None:
    expression, rotations = random_motion(4, 50)
    vertices, locations = posed(head, expression, rotations), bone_locations(head, expression, rotations)
    values = corrective_values(rotations)
    assert values.shape == (4, len(CORRECTIVE_NAMES)) and CORRECTIVE_NAMES[9:18] == tuple(f"Pose{number}" for number in range(10, 19))
    for frame in range(4):
        built = pose_bones(head, keyed(head, expression[frame], values[frame]), rotations[frame], locations[frame])
        np.testing.assert_allclose(built, vertices[frame], atol=2e-6)


def test_bones_stay_where_no_expression_moves_a_joint_and_where_none_turns(head: HeadModel) -> None:
    expression, rotations = random_motion(3, 50)
    assert not bone_locations(head, expression * 0, rotations).any()
    assert not bone_locations(head, expression, rotations * 0).any()
    assert np.abs(bone_locations(head, expression, rotations)).max() > 1e-3


def test_corrective_values_are_the_matrix_less_identity_row_by_row() -> None:
    rotations = STILL.copy()
    rotations[0, FLAME_JOINTS.index("jaw"), 0] = 0.5
    expected = [0, 0, 0, 0, math.cos(0.5) - 1, -math.sin(0.5), 0, math.sin(0.5), math.cos(0.5) - 1]
    values = corrective_values(rotations)[0]
    np.testing.assert_allclose(values[9:18], expected, atol=1e-7)
    assert not values[:9].any() and not values[18:].any()


number = st.floats(-4, 4, allow_subnormal=False) | st.sampled_from([0.0, 1e-9, math.pi, -math.pi])


@given(st.tuples(number, number, number))
def test_rotation_matrices_are_those_of_quaternions(axis_angle: tuple[float, float, float]) -> None:
    vector = np.array(axis_angle)
    np.testing.assert_allclose(rotation_matrices(vector), matrix_of(vector), atol=1e-6)


def motion_of(space: str, names: tuple[str, ...], **turns: np.ndarray) -> FaceMotion:
    values = np.arange(1, 1 + len(names), dtype=np.float32)
    return FaceMotion(np.stack([values, -values]), turns.pop("jaw", np.zeros((2, 3), np.float32)), names, space, 25.0, **turns)


def test_a_motion_is_posed_by_the_names_of_its_coefficients(head: HeadModel) -> None:
    """Only some of the head's, in another order; and a turn of each joint but the root."""
    turns = np.random.default_rng(2).normal(0, 0.3, (4, 2, 3)).astype(np.float32)
    motion = motion_of(head.space, ("Exp7", "Exp2"), jaw=turns[0], head=turns[1], eyes=np.stack([turns[2], turns[3]], axis=1))
    expression = np.zeros((2, 100), np.float32)
    expression[:, 6], expression[:, 1] = (1, -1), (2, -2)
    for frame, vertices in enumerate(posed_motion(head, motion)):
        rotations = np.stack([np.zeros(3), turns[1, frame], turns[0, frame], turns[2, frame], turns[3, frame]])
        np.testing.assert_allclose(vertices, naive(head, expression[frame], rotations), atol=1e-6)


def test_a_motion_without_head_and_eyes_turns_the_jaw_alone(head: HeadModel) -> None:
    jaw = np.full((2, 3), 0.1, np.float32)
    rotations = joint_rotations(motion_of(head.space, (), jaw=jaw))
    assert np.array_equal(rotations[:, 2], jaw) and not rotations[:, [0, 1, 3, 4]].any()


@pytest.mark.parametrize(
    ("space", "name", "named"), [("flame-2023", "Exp1", "flame-2023"), ("arkit", "jawOpen", "no jawOpen"), ("", "Exp101", "no Exp101")]
)
def test_a_motion_of_another_face_space(space: str, name: str, named: str, head: HeadModel) -> None:
    with pytest.raises(BadRequest, match=rf"{named}.*convert the motion, or choose a head of its space"):
        posed_motion(head, motion_of(space or head.space, (name,)))
