"""Is the joint tree SMPL's, and do its joints go where their parents take them?"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.geometry.rotations import matrix_from_rotation_vector
from understudy.core.geometry.skeleton import (
    REST_SKELETON,
    REST_SOLE,
    SMPL_22_NAMES,
    SMPL_22_PARENTS,
    Skeleton,
    forward_kinematics,
)

# Section 8.1 of the specification
SPECIFIED_ORDER = (
    "pelvis L_hip R_hip spine1 L_knee R_knee spine2 L_ankle R_ankle spine3 L_foot R_foot neck L_collar R_collar head"
    " L_shoulder R_shoulder L_elbow R_elbow L_wrist R_wrist"
)
SPECIFIED_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
SPECIFIED_LEFT, SPECIFIED_RIGHT = [1, 4, 7, 10, 13, 16, 18, 20], [2, 5, 8, 11, 14, 17, 19, 21]


def test_joints_and_parents_are_those_of_the_specification() -> None:
    assert [name.replace("left_", "L_").replace("right_", "R_") for name in SMPL_22_NAMES] == SPECIFIED_ORDER.split()
    assert list(SMPL_22_PARENTS) == SPECIFIED_PARENTS


def test_positions_equal_those_of_a_naive_chain_of_matrices() -> None:
    generator = torch.Generator().manual_seed(3)
    rotations = matrix_from_rotation_vector(2 * torch.randn(5, 2, 22, 3, generator=generator, dtype=torch.float64))
    translation = torch.randn(5, 2, 3, generator=generator, dtype=torch.float64)
    positions, turned = forward_kinematics(REST_SKELETON, rotations, translation)
    assert positions.shape == (5, 2, 22, 3) and turned.shape == (5, 2, 22, 3, 3)
    for t in range(5):
        for b in range(2):
            for joint in range(22):
                chain = [joint]
                while SPECIFIED_PARENTS[chain[0]] >= 0:
                    chain.insert(0, SPECIFIED_PARENTS[chain[0]])
                world = np.eye(4)
                for link in chain:
                    local = np.eye(4)
                    local[:3, :3] = rotations[t, b, link].numpy()
                    local[:3, 3] = (translation[t, b] if link == 0 else REST_SKELETON.offsets[link]).numpy()
                    world = world @ local
                np.testing.assert_allclose(positions[t, b, joint].numpy(), world[:3, 3], atol=1e-12)
                np.testing.assert_allclose(turned[t, b, joint].numpy(), world[:3, :3], atol=1e-12)


def test_feet_stand_a_little_above_their_soles() -> None:
    heights = REST_SKELETON.standing_heights()
    assert float(heights[0]) == -REST_SOLE
    assert all(0 < float(heights[REST_SKELETON.index(f"{side}_foot")]) < 0.05 for side in ("left", "right"))


def test_the_rest_pose_is_kinematics_without_turns() -> None:
    positions, _ = forward_kinematics(
        REST_SKELETON, torch.eye(3, dtype=torch.float64).expand(22, 3, 3), torch.zeros(3, dtype=torch.float64)
    )
    torch.testing.assert_close(positions, REST_SKELETON.rest_positions())


def test_kinematics_takes_the_precision_of_the_rotations() -> None:
    positions, _ = forward_kinematics(REST_SKELETON, torch.eye(3).expand(22, 3, 3), torch.zeros(3))
    assert positions.dtype == torch.float32


def test_mirroring_swaps_left_and_right_and_nothing_else() -> None:
    order = REST_SKELETON.mirror_order()
    assert [order[joint] for joint in SPECIFIED_LEFT] == SPECIFIED_RIGHT
    assert [order[joint] for joint in SPECIFIED_RIGHT] == SPECIFIED_LEFT
    assert all(order[joint] == joint for joint in range(22) if joint not in SPECIFIED_LEFT + SPECIFIED_RIGHT)


def test_the_rest_pose_is_its_own_mirror_image() -> None:
    rest = REST_SKELETON.rest_positions()
    torch.testing.assert_close(rest[REST_SKELETON.mirror_order()], rest * torch.tensor([-1.0, 1, 1], dtype=torch.float64))


@pytest.mark.parametrize(("joint", "axis", "sign"), [
    ("left_hip", 0, 1), ("right_wrist", 0, -1), ("left_wrist", 0, 1), ("head", 1, 1), ("left_foot", 1, -1), ("left_foot", 2, 1),
])  # fmt: skip
def test_the_body_stands_upright_facing_z_with_its_left_on_x(joint: str, axis: int, sign: int) -> None:
    rest = REST_SKELETON.rest_positions()
    assert sign * float(rest[REST_SKELETON.index(joint), axis]) > 0.05


def test_the_soles_are_a_little_below_the_lowest_joints() -> None:
    lowest = float(REST_SKELETON.rest_positions()[:, 1].min())
    assert 0 < lowest - REST_SOLE < 0.08


def test_leg_length_is_thigh_plus_shin_averaged_over_the_sides() -> None:
    names = ("pelvis", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle")
    offsets = torch.tensor([[0, 0, 0], [1, 0, 0], [0, -3, 0], [0, 0, 4], [-1, 0, 0], [0, -5, 0], [0, -8, 6.0]])
    assert Skeleton(names, (-1, 0, 1, 2, 0, 4, 5), offsets).leg_length() == pytest.approx((3 + 4 + 5 + 10) / 2)
