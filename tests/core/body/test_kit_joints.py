"""Do KIT-ML's joints and SMPL's go by each other's places and sides?"""

from __future__ import annotations

import torch
from torch import Tensor

from understudy.core.body.humanml3d import KIT_ML, joints_from_features
from understudy.core.body.humanml3d_encoding import features_from_joints
from understudy.core.body.kit_joints import kit_from_smpl, smpl_from_kit
from understudy.core.geometry.rotations import matrix_from_rotation_vector
from understudy.core.geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, forward_kinematics

MADE_UP = [SMPL_22_NAMES.index(name) for name in ("spine2", "left_collar", "right_collar")]
COMMON = [joint for joint in range(22) if joint not in MADE_UP]


def lively(frames: int = 40) -> Tensor:
    """Joints (T, 22, 3) of the default body, all of which turn."""
    generator = torch.Generator().manual_seed(2)
    phase, weight = (torch.randn(22, 3, generator=generator).double() for _ in range(2))
    vectors = 0.2 * weight * torch.sin(torch.arange(frames)[:, None, None] / 6 + phase)
    vectors[:, 0] = 0
    return forward_kinematics(REST_SKELETON, matrix_from_rotation_vector(vectors), torch.tensor([0, 0.94, 0]).double().expand(frames, 3))[0]


def test_joints_that_both_have_come_back() -> None:
    joints = lively()
    torch.testing.assert_close(smpl_from_kit(kit_from_smpl(joints))[:, COMMON], joints[:, COMMON])


def test_joints_that_kit_lacks_lie_where_the_default_body_has_them() -> None:
    joints = REST_SKELETON.rest_positions()[None]
    away = (smpl_from_kit(kit_from_smpl(joints)) - joints)[0, MADE_UP].norm(dim=-1)
    assert float(away.max()) < 1e-4
    bent = (smpl_from_kit(kit_from_smpl(lively())) - lively())[:, MADE_UP].norm(dim=-1)
    assert float(bent.max()) < 0.02


def test_who_faces_forward_has_toes_ahead_and_what_the_set_calls_right_on_the_right() -> None:
    """Else a body would be put together mirrored, its knees bending forwards."""
    standing = kit_from_smpl(REST_SKELETON.rest_positions().expand(20, 22, 3))
    joints = joints_from_features(features_from_joints(standing, KIT_ML), KIT_ML)
    ankles, toes = joints[:, [KIT_ML.right_foot[0] - 1, KIT_ML.left_foot[0] - 1]], joints[:, [KIT_ML.right_foot[1], KIT_ML.left_foot[1]]]
    assert bool((toes[..., 2] - ankles[..., 2] > 0.1).all())
    assert bool((joints[:, KIT_ML.hips[0], 0] < -0.09).all()) and bool((joints[:, KIT_ML.shoulders[1], 0] > 0.15).all())


def test_bones_between_joints_of_kit_follow_its_chains() -> None:
    """Middles of feet lie between ankle and ball, arms begin at the shoulders."""
    joints = kit_from_smpl(REST_SKELETON.rest_positions()[None])[0]
    for chain in KIT_ML.chains[:2]:
        hip, knee, ankle, middle, ball = (joints[joint] for joint in chain[1:])
        assert hip[1] > knee[1] > ankle[1] > middle[1] > ball[1]
        torch.testing.assert_close(middle, (ankle + ball) / 2)
    heights = joints[list(KIT_ML.chains[2]), 1]
    assert bool((heights.diff() > 0.05).all())
