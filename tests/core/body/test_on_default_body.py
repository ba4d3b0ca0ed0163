"""Do the feet of a body with other bones stand on the default body as they stood, level, on the floor and in their places?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.core.body.on_default_body import LARGEST_LEVELLING, LARGEST_SCALE, leg_ratio, on_default_body
from understudy.core.geometry.inverse_kinematics import rotations_from_joints
from understudy.core.geometry.rotations import matrix_about_axis, matrix_from_quaternion
from understudy.core.geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, Skeleton, forward_kinematics
from understudy.tests.core.body.other_bodies import on_its_feet, other_body, resting, squatting

FPS = 20.0
ANKLES, BALLS, HIPS = ([SMPL_22_NAMES.index(f"{side}_{joint}") for side in ("left", "right")] for joint in ("ankle", "foot", "hip"))
FLAT = REST_SKELETON.standing_heights()
BODIES = {"default": REST_SKELETON, "other": other_body()}
EACH_BODY = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


def brought(joints: Tensor, fps: float = FPS) -> tuple[Tensor, Tensor, Tensor]:
    """Joints (T, 22, 3) on the default body, its local rotations (T, 22, 3, 3), and where the source has them, scaled."""
    _, rotations, own = rotations_from_joints(joints)
    translation, local = on_default_body(joints, rotations, own, fps)
    matrices = matrix_from_quaternion(local)
    return forward_kinematics(REST_SKELETON, matrices, translation)[0], matrices, joints * leg_ratio(own)


def standing_on(body: Skeleton, pose: Tensor) -> Tensor:
    return forward_kinematics(body, pose, on_its_feet(pose, body))[0]


@EACH_BODY
@pytest.mark.parametrize("height", [0.0, 0.02, 0.045])
def test_standing_soles_are_flat_on_the_floor(body: Skeleton, height: float) -> None:
    """However high the balls of the feet are above the lowest joint of the clip."""
    placed, _, _ = brought(standing_on(body, resting(30)) + torch.tensor([0, height, 0]))
    torch.testing.assert_close(placed[:, ANKLES + BALLS, 1], FLAT[ANKLES + BALLS].expand(30, 4), atol=1e-3, rtol=0)


@EACH_BODY
def test_feet_stay_in_their_places_while_knees_bend(body: Skeleton) -> None:
    placed, local, _ = brought(standing_on(body, squatting()))
    way = placed[:, ANKLES + BALLS] - placed[:1, ANKLES + BALLS]
    assert float(way.norm(dim=-1).max()) < 0.003
    # Scaled rotations alone would move them further than that
    bare, _ = forward_kinematics(REST_SKELETON, squatting(), leg_ratio(body) * on_its_feet(squatting(), body))
    assert body is REST_SKELETON or float((bare - bare[:1])[:, ANKLES].norm(dim=-1).max()) > 0.01
    # The pelvis comes down by half a metre: legs were bent, not stretched
    assert float(local[30, SMPL_22_NAMES.index("left_knee")].diagonal().sum()) < 1.5


@EACH_BODY
def test_the_balls_of_the_feet_are_where_the_source_has_them_all_the_time(body: Skeleton) -> None:
    phase = torch.arange(60).double() / 6
    pose = squatting()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[:, SMPL_22_NAMES.index(f"{side}_hip")] = matrix_about_axis("X", -0.6 + 0.5 * sign * torch.sin(phase))
    walk = torch.stack((0 * phase, 0 * phase, 0.1 * phase), dim=-1)
    joints = forward_kinematics(body, pose, on_its_feet(pose, body).mean(0) + walk)[0]
    placed, _, source = brought(joints - torch.tensor([0.0, 1.0, 0.0]) * joints[..., 1].min())
    away = (placed - source)[:, BALLS]
    # A stretched leg is 4 mm too short
    assert float((away - away.mean((0, 1))).norm(dim=-1).max()) < 0.005


@pytest.mark.parametrize("longer", ["left", "right"])
def test_a_leg_that_is_longer_than_the_other_does_not_bend_it(longer: str) -> None:
    """The one body of HumanML3D has such; on the default body both feet stand below straight knees."""
    offsets = REST_SKELETON.offsets.clone()
    offsets[SMPL_22_NAMES.index(f"{longer}_ankle")] *= 1.03
    body = Skeleton(REST_SKELETON.names, REST_SKELETON.parents, offsets)
    joints = forward_kinematics(body, resting(30), torch.zeros(30, 3).double())[0]
    placed, local, _ = brought(joints - torch.tensor([0.0, 1.0, 0.0]) * joints[..., 1].min())
    torch.testing.assert_close(placed[:, BALLS, 1], FLAT[BALLS].expand(30, 2), atol=1e-3, rtol=0)
    knees = local[:, [SMPL_22_NAMES.index("left_knee"), SMPL_22_NAMES.index("right_knee")]]
    assert float(knees.diagonal(dim1=-2, dim2=-1).sum(-1).min()) > 1 + 2 * 0.999


def test_hips_follow_those_of_the_source() -> None:
    placed, _, source = brought(standing_on(other_body(), squatting()))
    away = (placed - source)[:, HIPS].mean(1)
    assert float((away - away.mean(0)).norm(dim=-1).max()) < 1e-6


def test_feet_that_are_steeper_at_rest_are_put_flat() -> None:
    placed, _, source = brought(standing_on(other_body(), squatting()))
    rest = float((FLAT[ANKLES] - FLAT[BALLS]).mean())
    assert float((source[:, ANKLES, 1] - source[:, BALLS, 1]).min()) > rest + 0.01
    torch.testing.assert_close(placed[:, ANKLES, 1] - placed[:, BALLS, 1], torch.full((60, 2), rest).double(), atol=1e-3, rtol=0)


def test_who_stands_on_tiptoe_all_the_time_stays_there() -> None:
    tiptoe = resting(30)
    tiptoe[:, ANKLES] = matrix_about_axis("X", torch.tensor(0.7).double())
    placed, _, _ = brought(standing_on(REST_SKELETON, tiptoe))
    raised = placed[:, ANKLES, 1] - placed[:, BALLS, 1] - (FLAT[ANKLES] - FLAT[BALLS])
    length = float(REST_SKELETON.offsets[BALLS[0]].norm())
    assert float(raised.min()) > 0.5 * length * (0.7 - LARGEST_LEVELLING)


def test_feet_that_rise_to_tiptoe_for_most_of_the_time_are_flat_before() -> None:
    pose = resting(60)
    pose[20:, ANKLES] = matrix_about_axis("X", torch.tensor(0.7).double())
    placed, _, _ = brought(standing_on(REST_SKELETON, pose))
    torch.testing.assert_close(placed[:20, ANKLES + BALLS, 1], FLAT[ANKLES + BALLS].expand(20, 4), atol=1e-3, rtol=0)


def test_who_kneels_does_not_stand_on_soles() -> None:
    pose = resting(30)
    for joint, degrees in (("knee", 90.0), ("ankle", 60.0)):
        both = [SMPL_22_NAMES.index(f"{side}_{joint}") for side in ("left", "right")]
        pose[:, both] = matrix_about_axis("X", torch.deg2rad(torch.tensor(degrees).double()))
    joints = forward_kinematics(REST_SKELETON, pose, torch.zeros(30, 3).double())[0]
    found = matrix_from_quaternion(rotations_from_joints(joints)[1])
    _, local, _ = brought(joints - torch.tensor([0.0, 1.0, 0.0]) * joints[..., 1].min())
    torch.testing.assert_close(local[:, ANKLES], found[:, ANKLES], atol=0.02, rtol=0)


def test_a_body_that_never_stands_keeps_its_ankles_and_lies_over_the_floor() -> None:
    flat = resting(30)
    flat[:, 0] = matrix_about_axis("X", torch.tensor(-torch.pi / 2).double())
    joints = forward_kinematics(REST_SKELETON, flat, torch.tensor([0.0, 0.15, 0.0]).double().expand(30, 3))[0]
    placed, local, source = brought(joints)
    assert float((local[:, ANKLES] - torch.eye(3)).abs().max()) < 1e-3
    lift = FLAT[BALLS[0]]
    torch.testing.assert_close(placed[..., 1], source[..., 1] + lift, atol=0.01, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_few_frames_are_brought(frames: int) -> None:
    placed, _, source = brought(standing_on(REST_SKELETON, resting(frames)))
    assert float((placed - source - (placed - source)[0, 0]).norm(dim=-1).max()) < 0.01


@pytest.mark.parametrize("shrunk", [0.5, 2.0])
def test_a_body_of_another_size_becomes_the_default_one(shrunk: float) -> None:
    pose = squatting()
    small = Skeleton(REST_SKELETON.names, REST_SKELETON.parents, REST_SKELETON.offsets * shrunk)
    placed, _, _ = brought(standing_on(small, pose), fps=FPS / shrunk)
    usual, _, _ = brought(standing_on(REST_SKELETON, pose))
    torch.testing.assert_close(placed, usual, atol=0.01, rtol=0)


def test_legs_without_length_do_not_blow_the_body_up() -> None:
    offsets = REST_SKELETON.offsets * 1e-6
    assert leg_ratio(Skeleton(REST_SKELETON.names, REST_SKELETON.parents, offsets)) == pytest.approx(LARGEST_SCALE)
    placed, local, _ = brought(torch.zeros(5, 22, 3).double())
    assert bool(placed.isfinite().all()) and bool(local.isfinite().all())
