"""Do the published features hold what they are published to hold, and do joints come back from them however the body turns?

The expected numbers are made a frame at a time in numpy, from the published formulas: quaternions (w, x, y, z), with q the turn of
the world that makes the body face +Z.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.body.humanml3d import HUMANML3D, KIT_ML, FeatureLayout, joints_from_features, root_from_features
from understudy.core.body.humanml3d_encoding import (
    HUMANML3D_BONE_LENGTHS,
    features_from_joints,
    stand_at_origin,
    with_bone_lengths,
)
from understudy.core.geometry.rotations import (
    matrix_from_quaternion,
    matrix_from_rotation_6d,
    quaternion_about_y,
    quaternion_from_rotation_vector,
    quaternion_multiply,
    rotate,
)
from understudy.core.geometry.skeleton import SMPL_22_NAMES, SMPL_22_PARENTS, Skeleton, forward_kinematics
from understudy.core.training.motion_capture.retarget import retarget
from understudy.tests.core.training.sample_data import needs_data, pack, smpl_positions

SETS = {"HumanML3D": HUMANML3D, "KIT-ML": KIT_ML}
BOTH = pytest.mark.parametrize("layout", SETS.values(), ids=SETS)
KIT_LENGTHS = (0.1, 0.12, 0.2, 0.18, 0.2, 0.27, 0.25, 0.2, 0.27, 0.25, 0.1, 0.4, 0.42, 0.05, 0.1, 0.1, 0.4, 0.42, 0.05, 0.1)
LENGTHS = {"HumanML3D": HUMANML3D_BONE_LENGTHS, "KIT-ML": KIT_LENGTHS}
FRAMES = 120
# Means of the standard deviations of each group's columns, all of HumanML3D
PUBLISHED_DEVIATIONS = {
    "yaw_velocity": 0.012826, "planar_velocity": 0.016927, "root_height": 0.153766, "positions": 0.122244, "rotations": 0.299692,
    "velocities": 0.019470, "contacts": 0.355933,
}  # fmt: skip


def smooth(seed: int, frames: int, *shape: int) -> Tensor:
    """Random curves (frames, ...) that go a few tenths a frame."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.randn(4, *shape, generator=generator, dtype=torch.float64) / 4
    phases = torch.rand(4, *shape, generator=generator, dtype=torch.float64) * 7
    times = torch.arange(frames, dtype=torch.float64).reshape(-1, *[1] * len(shape))
    return sum((torch.sin(times * 0.07 * (k + 1) + phases[k]) * waves[k] for k in range(4)), torch.zeros(1))


def body(layout: FeatureLayout, pelvis: Tensor, seed: int = 0) -> Tensor:
    """Joints (T, J, 3) of a rigid skeleton whose pelvis (T, 4) is given and whose other joints and place move at random.

    It faces +Z while the pelvis does not turn, on whichever side the set has what it calls right.
    """
    frames = len(pelvis)
    offsets = torch.tensor(layout.raw_directions, dtype=torch.float64)
    offsets[1:] *= torch.tensor(LENGTHS[layout.name], dtype=torch.float64)[:, None]
    # Hips and shoulders out of line, as in a body, so that the hips count in the facing
    offsets[layout.shoulders[0]] += torch.tensor([-0.15, 0.1, 0.02])
    offsets[layout.shoulders[1]] += torch.tensor([0.13, 0.11, -0.01])
    if offsets[layout.hips[0], 0] > 0:
        offsets[:, 0] *= -1
    skeleton = Skeleton(tuple(map(str, range(layout.n_joints))), layout.parents, offsets)
    others = quaternion_from_rotation_vector(0.6 * smooth(seed + 100, frames, layout.n_joints - 1, 3))
    place = smooth(seed + 50, frames, 3) + torch.tensor([3.0, 1.0, -2.0], dtype=torch.float64)
    rotations = matrix_from_quaternion(torch.cat((pelvis[:, None], others), dim=1))
    return forward_kinematics(skeleton, rotations, place)[0]


def about_x(angles: Tensor) -> Tensor:
    return quaternion_from_rotation_vector(torch.stack((angles, 0 * angles, 0 * angles), -1))


def walking(layout: FeatureLayout, frames: int = FRAMES, seed: int = 0) -> Tensor:
    lean = quaternion_from_rotation_vector(0.3 * smooth(seed, frames, 3))
    return body(layout, quaternion_multiply(quaternion_about_y(smooth(seed + 1, frames)), lean), seed)


def turning(layout: FeatureLayout, turns: float, frames: int = 200) -> Tensor:
    angles = torch.linspace(0.4, 0.4 + 2 * math.pi * turns, frames, dtype=torch.float64)
    return body(layout, quaternion_multiply(quaternion_about_y(angles), about_x(0.2 * smooth(5, frames))))


def facing_back(layout: FeatureLayout) -> Tensor:
    """Turns round in two seconds and then sways about straight backwards."""
    times = torch.arange(200, dtype=torch.float64)
    return body(layout, quaternion_about_y(math.pi * (times / 40).clamp(max=1) + 0.8 * torch.sin(times / 9)), 3)


def lying(layout: FeatureLayout, side: float) -> Tensor:
    """side: 0 on the back, +-1 on a side."""
    flat = about_x(torch.full((FRAMES,), -math.pi / 2, dtype=torch.float64) + 0.05 * smooth(3, FRAMES))
    over = quaternion_about_y(torch.full((FRAMES,), side * math.pi / 2, dtype=torch.float64))
    return body(layout, quaternion_multiply(quaternion_about_y(smooth(4, FRAMES)), quaternion_multiply(flat, over)))


def cartwheeling(layout: FeatureLayout) -> Tensor:
    angles = torch.linspace(0, 2 * math.pi, FRAMES, dtype=torch.float64)
    return body(layout, quaternion_from_rotation_vector(torch.stack((0 * angles, 0 * angles, angles), -1)))


Make = Callable[[FeatureLayout], Tensor]
MOTIONS: dict[str, Make] = {
    "walking": walking, "turning left": lambda layout: turning(layout, 1.6), "turning right": lambda layout: turning(layout, -1.6),
    "spinning": lambda layout: turning(layout, 9.0), "facing back": facing_back, "lying on the back": lambda layout: lying(layout, 0),
    "lying on a side": lambda layout: lying(layout, 1), "cartwheeling": cartwheeling, "two frames": lambda layout: walking(layout, 2),
    "ten tokens": lambda layout: walking(layout, 40), "long": lambda layout: walking(layout, 400),
}  # fmt: skip
ALL = pytest.mark.parametrize("motion", MOTIONS)


def away(a: Tensor | np.ndarray, b: Tensor | np.ndarray) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


# The published formulas, a frame at a time


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    x, y, z = (a[..., i] for i in range(3))
    u, v, w = (b[..., i] for i in range(3))
    return np.stack((y * w - z * v, z * u - x * w, x * v - y * u), -1)


def q_times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (r, v), (s, w) = ((q[..., :1], q[..., 1:]) for q in (a, b))
    return np.concatenate((r * s - (v * w).sum(-1, keepdims=True), r * w + s * v + cross(v, w)), -1)


def q_inverse(q: np.ndarray) -> np.ndarray:
    return q * [1, -1, -1, -1]


def q_turn(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) turned by one quaternion."""
    return q_times(q_times(q, np.concatenate((0 * v[..., :1], v), -1)), q_inverse(q))[..., 1:]


def q_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    q = np.concatenate(([np.sqrt((a @ a) * (b @ b)) + a @ b], cross(a, b)))
    return q / np.linalg.norm(q)


def q_columns(q: np.ndarray) -> np.ndarray:
    """First two columns of the matrix: what becomes of the axes X and Y."""
    return q_turn(q, np.eye(3)[:2]).ravel()


def unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v)


def published_start(p: np.ndarray, r_hip: int, l_hip: int, r_shoulder: int, l_shoulder: int) -> np.ndarray:
    p = p - [0, p[:, :, 1].min(), 0]
    across = unit((p[0, r_hip] - p[0, l_hip]) + (p[0, r_shoulder] - p[0, l_shoulder]))
    q = q_between(unit(cross(np.array([0, 1, 0]), across)), np.array([0, 0, 1.0]))
    return q_turn(q, p - p[0, 0] * [1, 0, 1])


def published_roots(p: np.ndarray, one: int, other: int, r_shoulder: int, l_shoulder: int) -> list[np.ndarray]:
    """Root quaternions; the hips are handed over as they are published: (one, other) are left and right."""
    ahead = np.array([cross(np.array([0, 1, 0]), unit((f[one] - f[other]) + (f[r_shoulder] - f[l_shoulder]))) for f in p])
    near = np.arange(-80, 81)
    weights = np.exp(-0.5 * (near / 20) ** 2)
    smoothed = [weights @ ahead[np.clip(t + near, 0, len(p) - 1)] for t in range(len(p))]
    return [np.array([1.0, 0, 0, 0]), *(q_between(unit(f), np.array([0, 0, 1.0])) for f in smoothed[1:])]


def published_turn(now: np.ndarray, then: np.ndarray) -> float:
    return math.asin(q_times(then, q_inverse(now))[2])


def passes_backwards(roots: list[np.ndarray]) -> np.ndarray:
    """True (T - 1,) where the root quaternion changes to the far side, as w is never negative."""
    return np.array([now @ then < 0 for now, then in pairwise(roots)])


def published_rotations(frame: np.ndarray, root: np.ndarray, layout: FeatureLayout) -> np.ndarray:
    stored = np.zeros((layout.n_joints, 6))
    for chain in layout.chains:
        so_far = root
        for parent, joint in pairwise(chain):
            world = q_between(np.array(layout.raw_directions[joint]), unit(frame[joint] - frame[parent]))
            local = q_times(q_inverse(so_far), world)
            stored[joint] = q_columns(local)
            so_far = q_times(so_far, local)
    return stored[1:].ravel()


def published_rows(p: np.ndarray, layout: FeatureLayout) -> np.ndarray:
    """Features of a clip that stands at the origin, in the units of the set."""
    right, left = layout.hips
    roots = published_roots(p, left, right, *layout.shoulders)
    rows = []
    for t in range(len(p) - 1):
        now, then = roots[t], roots[t + 1]
        velocity = q_turn(then, p[t + 1, 0] - p[t, 0])
        seen = q_turn(now, p[t, 1:] - p[t, 0] * [1, 0, 1])
        steps = q_turn(now, p[t + 1] - p[t])
        feet = [float(((p[t + 1, j] - p[t, j]) ** 2).sum() < layout.contact_threshold) for j in (*layout.left_foot, *layout.right_foot)]
        rotations = published_rotations(p[t], now, layout)
        rows.append(
            np.concatenate(
                ([published_turn(now, then), velocity[0], velocity[2], p[t, 0, 1]], seen.ravel(), rotations, steps.ravel(), feet)
            )
        )
    return np.array(rows)


def published_joints(rows: np.ndarray, n_joints: int) -> np.ndarray:
    angle, root = 0.0, np.zeros(3)
    joints = []
    for t, row in enumerate(rows):
        if t:
            angle += rows[t - 1, 0]
        back = np.array([math.cos(angle), 0, -math.sin(angle), 0])
        if t:
            root = root + q_turn(back, np.array([rows[t - 1, 1], 0, rows[t - 1, 2]]))
        others = q_turn(back, row[4 : 4 + 3 * (n_joints - 1)].reshape(-1, 3)) + root * [1, 0, 1]
        joints.append([[root[0], row[3], root[2]], *others])
    return np.array(joints)


# Layout


def test_humanml3d_has_263_columns() -> None:
    assert {name: (group.start, group.stop) for name, group in HUMANML3D.groups.items()} == {
        "yaw_velocity": (0, 1), "planar_velocity": (1, 3), "root_height": (3, 4), "positions": (4, 67), "rotations": (67, 193),
        "velocities": (193, 259), "contacts": (259, 263),
    }  # fmt: skip
    assert (HUMANML3D.n_joints, HUMANML3D.n_features, HUMANML3D.fps, HUMANML3D.metres_per_unit) == (22, 263, 20, 1)


def test_kit_has_251_columns() -> None:
    assert {name: (group.start, group.stop) for name, group in KIT_ML.groups.items()} == {
        "yaw_velocity": (0, 1), "planar_velocity": (1, 3), "root_height": (3, 4), "positions": (4, 64), "rotations": (64, 184),
        "velocities": (184, 247), "contacts": (247, 251),
    }  # fmt: skip
    assert (KIT_ML.n_joints, KIT_ML.n_features, KIT_ML.fps, KIT_ML.metres_per_unit) == (21, 251, 12.5, 0.001)


def test_humanml3d_has_the_joints_of_smpl() -> None:
    assert HUMANML3D.parents == SMPL_22_PARENTS
    assert [SMPL_22_NAMES[joint] for joint in HUMANML3D.feet] == ["left_ankle", "left_foot", "right_ankle", "right_foot"]
    assert [SMPL_22_NAMES[joint] for joint in HUMANML3D.hips + HUMANML3D.shoulders] == [
        "right_hip",
        "left_hip",
        "right_shoulder",
        "left_shoulder",
    ]
    assert [SMPL_22_NAMES[joint] for joint in HUMANML3D.leg] == ["right_knee", "right_ankle"]


def test_the_arms_of_kit_hang_at_joint_3() -> None:
    assert KIT_ML.parents == (-1, 0, 1, 2, 3, 3, 5, 6, 3, 8, 9, 0, 11, 12, 13, 14, 0, 16, 17, 18, 19)
    assert KIT_ML.feet == (19, 20, 14, 15)


@BOTH
def test_parents_come_before_their_children_and_raw_directions_are_unit_axes(layout: FeatureLayout) -> None:
    assert all(parent < joint for joint, parent in enumerate(layout.parents))
    assert layout.raw_directions[0] == (0, 0, 0)
    assert all(sorted(map(abs, direction)) == [0, 0, 1] for direction in layout.raw_directions[1:])


# Joints and back


@BOTH
@ALL
def test_joints_come_back_from_their_features(layout: FeatureLayout, motion: str) -> None:
    positions = MOTIONS[motion](layout)
    expected = stand_at_origin(positions, layout)[:-1]
    assert away(joints_from_features(features_from_joints(positions, layout), layout), expected) < 1e-9
    single = features_from_joints(positions.float(), layout)
    assert single.dtype == torch.float32
    assert away(joints_from_features(single, layout), expected) < 1e-5


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(2, 90), turns=st.floats(-4, 4), tilt=st.floats(-math.pi, math.pi))
def test_joints_of_random_motions_come_back(seed: int, frames: int, turns: float, tilt: float) -> None:
    turn = quaternion_about_y(torch.linspace(0, 2 * math.pi * turns, frames, dtype=torch.float64) + smooth(seed, frames))
    lean = quaternion_from_rotation_vector(smooth(seed + 1, frames, 3) + torch.tensor([tilt, 0, 0]))
    positions = body(HUMANML3D, quaternion_multiply(turn, lean), seed)
    assert away(joints_from_features(features_from_joints(positions)), stand_at_origin(positions)[:-1]) < 1e-9


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_joints_and_root_are_those_of_the_published_recovery(layout: FeatureLayout, seed: int) -> None:
    """Of any numbers, as a network makes them."""
    generator = torch.Generator().manual_seed(seed)
    features = 0.3 * torch.randn(50, layout.n_features, generator=generator, dtype=torch.float64)
    expected = published_joints(features.numpy(), layout.n_joints) * layout.metres_per_unit
    assert away(joints_from_features(features, layout), expected) < 1e-12
    heading, root = root_from_features(features, layout)
    assert away(root, expected[:, 0]) < 1e-12
    assert away(heading, np.concatenate(([0], -2 * np.cumsum(features[:-1, 0].numpy())))) < 1e-12


def test_velocities_rotations_and_contacts_do_not_move_the_joints() -> None:
    features = features_from_joints(walking(HUMANML3D))
    changed = features.clone()
    changed[:, HUMANML3D.groups["rotations"].start :] = math.nan
    assert torch.equal(joints_from_features(changed), joints_from_features(features))


@BOTH
def test_a_batch_is_decoded_as_its_motions_are(layout: FeatureLayout) -> None:
    batch = torch.randn(2, 3, 30, layout.n_features, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = joints_from_features(batch, layout)
    assert together.shape == (2, 3, 30, layout.n_joints, 3)
    assert away(together[1, 2], joints_from_features(batch[1, 2], layout)) < 1e-12


def test_one_frame_is_decoded() -> None:
    features = torch.randn(1, 263, generator=torch.Generator().manual_seed(0))
    joints = joints_from_features(features)
    assert torch.equal(joints[0, 1:], features[0, 4:67].reshape(21, 3))
    assert torch.equal(joints[0, 0], torch.stack((torch.zeros(()), features[0, 3], torch.zeros(()))))


@pytest.mark.parametrize(("stored", "turned"), [(math.pi / 8, -math.pi / 4), (-math.pi / 4, math.pi / 2)])
def test_the_stored_yaw_is_half_an_angle_and_counts_from_the_next_frame_on(stored: float, turned: float) -> None:
    features = torch.zeros(4, 263, dtype=torch.float64)
    features[1, 0] = stored
    features[1:3, 2] = 1.0  # one unit ahead, from frame 1 to 2 and from 2 to 3
    features[:, 4:7] = torch.tensor([0.0, 1.0, 0.5])  # half a unit in front of the root
    heading, root = root_from_features(features)
    ahead = torch.tensor([math.sin(turned), 0, math.cos(turned)])
    assert away(heading, np.array([0, 0, turned, turned])) < 1e-12
    assert away(root, torch.stack((0 * ahead, 0 * ahead, ahead, 2 * ahead))) < 1e-7
    seen = joints_from_features(features)[:, 1]
    assert away(seen[2] - root[2], 0.5 * ahead + torch.tensor([0, 1.0, 0])) < 1e-7
    assert away(seen[1], torch.tensor([0, 1.0, 0.5])) < 1e-12


# The columns


@BOTH
@pytest.mark.parametrize("motion", ["walking", "turning right", "spinning", "facing back", "lying on the back", "two frames"])
def test_features_are_those_of_the_published_formulas(layout: FeatureLayout, motion: str) -> None:
    positions = MOTIONS[motion](layout)
    found = features_from_joints(positions, layout)
    clip = published_start(positions.numpy() / layout.metres_per_unit, *layout.hips, *layout.shoulders)
    assert away(stand_at_origin(positions, layout), clip * layout.metres_per_unit) < 1e-9
    expected = published_rows(clip, layout)
    right, left = layout.hips
    expected[passes_backwards(published_roots(clip, left, right, *layout.shoulders)), 0] *= -1
    for name, group in layout.groups.items():
        difference = away(found[:, group], expected[:, group]) * (1 if name in ("yaw_velocity", "rotations") else layout.metres_per_unit)
        assert difference < (1e-6 if name == "rotations" else 1e-9), name


@pytest.mark.parametrize(("motion", "sign"), [("turning left", -1), ("turning right", 1)])
def test_only_frames_that_pass_straight_backwards_differ_from_the_published_turn(motion: str, sign: int) -> None:
    """There its sign is wrong, and a body that is put together from it would face elsewhere ever after."""
    clip = stand_at_origin(MOTIONS[motion](HUMANML3D))
    roots = published_roots(clip.numpy(), 1, 2, 17, 16)
    expected, passing = np.array([published_turn(*pair) for pair in pairwise(roots)]), passes_backwards(roots)
    found = features_from_joints(clip)[:, 0].numpy()
    assert passing.sum() in (1, 2)
    np.testing.assert_array_equal(np.abs(found - expected) > 1e-9, passing)
    np.testing.assert_allclose(found[passing], -expected[passing], atol=1e-9)
    assert (np.sign(found[passing]) == sign).all()


@pytest.mark.parametrize("motion", ["walking", "turning left", "facing back", "lying on the back", "two frames"])
@BOTH
@settings(max_examples=8, deadline=None)
@given(angle=st.floats(-math.pi, math.pi), x=st.floats(-50, 50), y=st.floats(-5, 5), z=st.floats(-50, 50))
def test_features_do_not_tell_where_a_clip_stands_nor_where_it_faces(
    layout: FeatureLayout, motion: str, angle: float, x: float, y: float, z: float
) -> None:
    positions = MOTIONS[motion](layout)
    moved = rotate(quaternion_about_y(torch.tensor(angle, dtype=torch.float64)), positions) + torch.tensor([x, y, z], dtype=torch.float64)
    difference = (features_from_joints(moved, layout) - features_from_joints(positions, layout)).abs()
    assert float(difference.max()) < 1e-7


@pytest.mark.parametrize("motion", ["walking", "turning left", "facing back", "lying on the back", "cartwheeling"])
@BOTH
def test_a_clip_stands_on_the_floor_at_the_origin_and_faces_forward(layout: FeatureLayout, motion: str) -> None:
    clip = stand_at_origin(MOTIONS[motion](layout), layout)
    assert float(clip[..., 1].min()) == pytest.approx(0, abs=1e-12)
    assert away(clip[0, 0, [0, 2]], torch.zeros(2)) < 1e-12
    first = clip[0]
    across = first[layout.hips[0]] - first[layout.hips[1]] + first[layout.shoulders[0]] - first[layout.shoulders[1]]
    assert float(across[2]) == pytest.approx(0, abs=1e-9) and float(across[0]) < 0


@BOTH
@pytest.mark.parametrize("motion", ["walking", "turning left", "lying on the back", "cartwheeling"])
def test_rotations_lead_along_the_chains_to_the_joints(layout: FeatureLayout, motion: str) -> None:
    """Rigid bones along the raw directions, each chain starting from the world's turn that makes the body face +Z."""
    positions = MOTIONS[motion](layout)
    features = features_from_joints(positions, layout)
    joints = joints_from_features(features, layout)
    local = matrix_from_rotation_6d(features[:, layout.groups["rotations"]].unflatten(-1, (layout.n_joints - 1, 6)))
    root = matrix_from_quaternion(quaternion_about_y(-root_from_features(features, layout)[0]))
    placed = {0: joints[:, 0]}
    for chain in layout.chains:
        turned = root
        for parent, joint in pairwise(chain):
            turned = turned @ local[:, joint - 1]
            length = (joints[0, joint] - joints[0, parent]).norm()
            placed[joint] = placed[parent] + length * (turned @ torch.tensor(layout.raw_directions[joint], dtype=torch.float64))
    assert away(torch.stack([placed[joint] for joint in range(layout.n_joints)], dim=1), joints) < 1e-6


@BOTH
def test_a_foot_stands_while_its_squared_step_is_below_the_threshold(layout: FeatureLayout) -> None:
    still = walking(layout, 2)[:1].expand(7, -1, -1)
    bar = math.sqrt(layout.contact_threshold) * layout.metres_per_unit
    for column, joint in enumerate(layout.feet):
        moved = still.clone()
        moved[3, joint, 2] += 0.99 * bar
        moved[4, joint, 2] += 2.01 * bar
        moved[5:, joint, 2] += 4 * bar
        expected = torch.ones(6, 4, dtype=torch.float64)
        expected[3:5, column] = 0
        assert torch.equal(features_from_joints(moved, layout)[:, layout.groups["contacts"]], expected)


def test_a_still_body_whose_bones_lie_along_the_raw_directions_has_no_velocities_and_no_rotations() -> None:
    raw = torch.tensor(HUMANML3D.raw_directions)[None].clone()
    for joint, parent in enumerate(HUMANML3D.parents[1:], 1):
        raw[:, joint] += raw[:, parent]
    features = features_from_joints(with_bone_lengths(raw).expand(5, -1, -1))
    assert away(features[:, 0:3], torch.zeros(4, 3)) == 0 and away(features[:, 193:259], torch.zeros(4, 66)) == 0
    assert away(features[:, 67:193].reshape(4, 21, 6), torch.tensor([1.0, 0, 0, 0, 1, 0]).expand(4, 21, 6)) < 1e-6
    # From hip to toe along the published bones
    assert away(features[:, 3], torch.full((4,), 0.39019 + 0.42564)) < 0.04
    assert features[:, 259:263].tolist() == [[1.0] * 4] * 4


# Bone lengths


def test_other_bones_keep_their_directions_and_steps_follow_the_legs() -> None:
    positions = walking(HUMANML3D)
    lengths = tuple(0.1 + 0.02 * joint for joint in range(21))
    made = with_bone_lengths(positions, lengths)
    parents = list(SMPL_22_PARENTS[1:])
    before, after = (p[:, 1:] - p[:, parents] for p in (positions, made))
    assert away(after.norm(dim=-1), torch.tensor(lengths, dtype=torch.float64).expand(FRAMES, 21)) < 1e-12
    assert away(torch.nn.functional.normalize(before, dim=-1), torch.nn.functional.normalize(after, dim=-1)) < 1e-12
    leg = before[0, [4, 7]].norm(dim=-1).sum()
    assert away(made[:, 0], positions[:, 0] * (lengths[4] + lengths[7]) / leg) < 1e-12
    assert away(with_bone_lengths(made, lengths), made) < 1e-12


def test_bones_of_another_count_are_refused() -> None:
    with pytest.raises(ValueError, match="KIT-ML has 20 bones, not 21"):
        with_bone_lengths(walking(KIT_ML), HUMANML3D_BONE_LENGTHS, KIT_ML)


# Recordings


@pytest.fixture(scope="module")
def recordings() -> list[Tensor]:
    """Clips of two packs at 20 fps."""
    clips = [pack("cmu").clip(name) for name in ("02_01", "05_06", "09_02", "16_15")] + [pack("accad").clip("Female1_A09_LieT2")]
    return [smpl_positions(retarget(clip).motion.resampled(20.0)) for clip in clips]


@needs_data
def test_recordings_come_back_from_their_features(recordings: list[Tensor]) -> None:
    for positions in recordings:
        joints = joints_from_features(features_from_joints(positions.float()))
        assert away(joints, stand_at_origin(positions)[:-1]) < 1e-5


@needs_data
def test_recordings_have_features_that_vary_as_much_as_published() -> None:
    """HumanML3D is other recordings, mostly; half a yaw, a velocity a second or another threshold would be further off than this."""
    clips = map(pack("cmu").clip, random.Random(0).sample(pack("cmu").names, 40))
    motions = (retarget(clip).motion.resampled(20.0) for clip in clips)
    rows = torch.cat([features_from_joints(with_bone_lengths(smpl_positions(motion))) for motion in motions])
    for name, published in PUBLISHED_DEVIATIONS.items():
        deviation = float(rows[:, HUMANML3D.groups[name]].std(0).mean())
        assert published / 1.5 < deviation < published * 1.5, (name, deviation)


# Refusals


@pytest.mark.parametrize("shape", [(10, 251), (10, 264), (263,), (0, 263), (2, 0, 263)], ids=str)
def test_features_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"features of HumanML3D are \(T, 263\) with at least one frame, not"):
        joints_from_features(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(10, 21, 3), (10, 22, 4), (22, 3), (1, 22, 3), (0, 22, 3), (2, 10, 22, 3)], ids=str)
def test_joints_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"joints of HumanML3D are \(T, 22, 3\) with at least 2 frames, not"):
        features_from_joints(torch.zeros(shape))


def test_the_other_set_is_named() -> None:
    with pytest.raises(ValueError, match=r"features of KIT-ML are \(T, 251\) .*, not \(8, 263\)"):
        joints_from_features(torch.zeros(8, 263), KIT_ML)
    with pytest.raises(ValueError, match=r"joints of KIT-ML are \(T, 21, 3\) .*, not \(8, 22, 3\)"):
        stand_at_origin(torch.zeros(8, 22, 3), KIT_ML)


def test_a_layout_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HUMANML3D.fps = 30.0  # type: ignore[misc]
