"""Do features keep a motion up to where it starts and where it faces, however it turns, lies or stands?"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.body.features import (
    FPS,
    Layout,
    LocalRotations,
    foot_contacts,
    group_statistics,
    heading,
    raw_features,
)
from understudy.core.contract import BodyMotion, Recipe
from understudy.core.geometry.rotations import (
    matrix_from_quaternion,
    quaternion_about_y,
    quaternion_from_rotation_vector,
    quaternion_multiply,
    rotate,
    sign_continuous,
)
from understudy.core.geometry.skeleton import REST_SKELETON, REST_SOLE, forward_kinematics

LAYOUT = Layout(22)
GROUPS = LAYOUT.groups
PLAIN = LocalRotations(torch.zeros(161), torch.ones(161))
LEFT, RIGHT = [1, 4, 7, 10, 13, 16, 18, 20], [2, 5, 8, 11, 14, 17, 19, 21]


def smooth(seed: int, frames: int, *shape: int) -> Tensor:
    """Random curves (frames, ...) that go a few tenths a frame."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    times = torch.arange(frames, dtype=torch.float64)
    phases = torch.rand(4, *shape, generator=generator, dtype=torch.float64) * 7
    return sum(
        (torch.sin(times.reshape(-1, *[1] * len(shape)) * 0.07 * (k + 1) + phases[k]) * waves[k] / (k + 1) for k in range(4)),
        torch.zeros(1),
    )


def motion_of(pelvis: Tensor, translation: Tensor, seed: int = 0) -> BodyMotion:
    """A body whose other joints move at random."""
    others = quaternion_from_rotation_vector(0.5 * smooth(seed + 100, len(pelvis), 21, 3))
    rotations = sign_continuous(torch.cat((pelvis[:, None], others), dim=1))
    return BodyMotion(
        translation.float().numpy(), rotations.float().numpy(), np.zeros((len(pelvis), 4), np.float32), REST_SKELETON.names,
        REST_SKELETON.parents, REST_SKELETON.offsets.float().numpy(), FPS,
    )  # fmt: skip


def about_y(angles: Tensor) -> Tensor:
    return quaternion_about_y(angles)


def about_x(angles: Tensor) -> Tensor:
    return quaternion_from_rotation_vector(torch.stack((angles, 0 * angles, 0 * angles), -1))


def path(seed: int, frames: int) -> Tensor:
    return smooth(seed + 50, frames, 3) + torch.tensor([3.0, 1.0, -2.0], dtype=torch.float64)


def walking(frames: int = 60, seed: int = 0) -> BodyMotion:
    lean = quaternion_from_rotation_vector(0.3 * smooth(seed, frames, 3))
    return motion_of(quaternion_multiply(about_y(smooth(seed + 1, frames)), lean), path(seed, frames), seed)


def turning(frames: int = 90, turns: float = 3.0) -> BodyMotion:
    angles = torch.linspace(0.4, 0.4 + 2 * math.pi * turns, frames, dtype=torch.float64)
    return motion_of(quaternion_multiply(about_y(angles), about_x(0.2 * smooth(5, frames))), path(7, frames))


def lying(frames: int = 50) -> BodyMotion:
    flat = about_x(torch.full((frames,), -math.pi / 2, dtype=torch.float64) + 0.05 * smooth(3, frames))
    return motion_of(quaternion_multiply(about_y(smooth(4, frames)), flat), path(9, frames))


def cartwheeling(frames: int = 60) -> BodyMotion:
    """All the way over the hands: the pelvis is upside down in the middle, where its heading is undefined."""
    angles = torch.linspace(0, 2 * math.pi, frames, dtype=torch.float64)
    over = quaternion_from_rotation_vector(torch.stack((0 * angles, 0 * angles, angles), -1))
    return motion_of(over, path(11, frames))


MOTIONS = {
    "walking": walking, "turning left": turning, "turning right": lambda: turning(90, -3.0), "spinning fast": lambda: turning(40, 8.0),
    "lying": lying, "cartwheeling": cartwheeling, "two frames": lambda: walking(2), "three frames": lambda: walking(3),
    "one frame": lambda: walking(1), "fifteen frames": lambda: walking(15), "standing on the head": lambda: motion_of(about_x(torch.full((30,), math.pi)), path(1, 30)),
}  # fmt: skip
ALL = pytest.mark.parametrize("name", MOTIONS)


def positions(motion: BodyMotion) -> Tensor:
    rotations = matrix_from_quaternion(torch.from_numpy(motion.rotations).double())
    return forward_kinematics(REST_SKELETON, rotations, torch.from_numpy(motion.translation).double())[0]


def assert_same_up_to_place_and_heading(a: Tensor, b: Tensor, atol: float) -> None:
    """Joint positions (T, J, 3) that differ by one turn about the vertical and one step on the floor: planes as complex numbers."""
    torch.testing.assert_close(a[..., 1], b[..., 1], atol=atol, rtol=0)
    flat_a, flat_b = (torch.complex(p[..., 2], p[..., 0]) for p in (a, b))
    flat_a, flat_b = flat_a - flat_a.mean(), flat_b - flat_b.mean()
    turn = (flat_a.conj() * flat_b).sum()
    assert float((flat_b - flat_a * turn / turn.abs()).abs().max()) < atol


@ALL
def test_decoding_gives_the_encoded_motion_back(name: str) -> None:
    motion = MOTIONS[name]()
    back = PLAIN.decode(PLAIN.encode(motion), Recipe())
    assert_same_up_to_place_and_heading(positions(motion), positions(back), atol=2e-4)
    dots = (motion.rotations[:, 1:] * back.rotations[:, 1:]).sum(-1)
    np.testing.assert_allclose(np.abs(dots), 1, atol=1e-5)


@ALL
def test_a_decoded_motion_starts_at_the_origin_facing_forward_and_is_well_formed(name: str) -> None:
    back = PLAIN.decode(PLAIN.encode(MOTIONS[name]()), Recipe(text=name))
    np.testing.assert_allclose(back.translation[0, [0, 2]], 0, atol=1e-6)
    assert float(heading(torch.from_numpy(back.rotations[:, 0]).double())[0]) == pytest.approx(0, abs=1e-4) or name in (
        "cartwheeling",
        "standing on the head",
    )
    np.testing.assert_allclose(np.linalg.norm(back.rotations, axis=-1), 1, atol=1e-6)
    assert bool(((back.rotations[1:] * back.rotations[:-1]).sum(-1) >= 0).all())
    assert (back.fps, back.joint_names, back.parents, back.recipe.text) == (20.0, REST_SKELETON.names, REST_SKELETON.parents, name)


@pytest.mark.parametrize("name", ["walking", "turning left", "spinning fast", "lying", "one frame", "two frames"])
@settings(max_examples=15)
@given(angle=st.floats(-math.pi, math.pi), x=st.floats(-50, 50), z=st.floats(-50, 50))
def test_features_do_not_tell_where_a_motion_starts_nor_where_it_faces(name: str, angle: float, x: float, z: float) -> None:
    motion = MOTIONS[name]()
    turn = about_y(torch.tensor(angle, dtype=torch.float64))
    rotations = torch.from_numpy(motion.rotations).double()
    rotations = torch.cat((quaternion_multiply(turn, rotations[:, 0])[:, None], rotations[:, 1:]), dim=1)
    translation = rotate(turn, torch.from_numpy(motion.translation).double()) + torch.tensor([x, 0, z], dtype=torch.float64)
    moved = dataclasses.replace(motion, rotations=rotations.float().numpy(), translation=translation.float().numpy())
    difference = (raw_features(moved, REST_SKELETON) - raw_features(motion, REST_SKELETON)).abs()
    assert float(difference[:, : GROUPS["heights"].stop].max()) < 2e-3


def mirrored(motion: BodyMotion) -> BodyMotion:
    """Left and right exchanged: reflected in the plane x = 0."""
    order = list(range(22))
    for left, right in zip(LEFT, RIGHT, strict=True):
        order[left], order[right] = right, left
    return dataclasses.replace(
        motion,
        translation=motion.translation * np.float32([-1, 1, 1]),
        rotations=motion.rotations[:, order] * np.float32([1, 1, -1, -1]),
    )


@pytest.mark.parametrize("name", ["walking", "turning left", "lying"])
def test_a_mirrored_motion_has_mirrored_features(name: str) -> None:
    motion = MOTIONS[name]()
    usual, mirror = raw_features(motion, REST_SKELETON), raw_features(mirrored(motion), REST_SKELETON)

    def close(a: Tensor, b: Tensor) -> None:
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)

    close(mirror[:, 0], -usual[:, 0])
    close(mirror[:, 1], -usual[:, 1])
    close(mirror[:, 2:4], usual[:, 2:4])
    rotations = usual[:, GROUPS["rotations"]].reshape(-1, 22, 6), mirror[:, GROUPS["rotations"]].reshape(-1, 22, 6)
    signs = torch.tensor([1.0, -1, -1, -1, 1, 1])
    heights = torch.cat((usual[:, 3:4], usual[:, GROUPS["heights"]]), 1), torch.cat((mirror[:, 3:4], mirror[:, GROUPS["heights"]]), 1)
    for left, right in [*zip(LEFT, RIGHT, strict=True), *zip(RIGHT, LEFT, strict=True), (0, 0), (3, 3), (12, 12)]:
        close(rotations[1][:, left], rotations[0][:, right] * signs)
        close(heights[1][:, left], heights[0][:, right])
    assert torch.equal(mirror[:, GROUPS["contacts"]], usual[:, GROUPS["contacts"]][:, [2, 3, 0, 1]])


def straight_walk(speed: float, turn_rate: float, frames: int = 40) -> BodyMotion:
    """Walks where it faces, on a circle if it turns."""
    times = torch.arange(frames, dtype=torch.float64) / FPS
    angles = turn_rate * times + 1.0
    ahead = torch.stack((torch.sin(angles), torch.zeros(frames), torch.cos(angles)), -1)
    steps = torch.cumsum(torch.cat((torch.zeros(1, 3), ahead[:-1] * speed / FPS)), dim=0)
    upright = BodyMotion(
        (steps + torch.tensor([0, 0.94, 0])).float().numpy(), np.tile(np.float32([1, 0, 0, 0]), (frames, 22, 1)), np.zeros((frames, 4), np.float32),
        REST_SKELETON.names, REST_SKELETON.parents, REST_SKELETON.offsets.float().numpy(), FPS,
    )  # fmt: skip
    upright.rotations[:, 0] = about_y(angles).float().numpy()
    return upright


@pytest.mark.parametrize(("speed", "turn_rate"), [(1.2, 0.0), (0.0, 2.0), (1.5, -3.0), (0.8, 9.0), (-0.5, 0.5)])
def test_velocities_are_metres_and_radians_a_second_along_the_heading(speed: float, turn_rate: float) -> None:
    raw = raw_features(straight_walk(speed, turn_rate), REST_SKELETON)
    torch.testing.assert_close(raw[:-1, 0], torch.full((39,), turn_rate), atol=2e-3, rtol=0)
    torch.testing.assert_close(raw[:-1, 1:3], torch.tensor([0.0, speed]).expand(39, 2), atol=2e-3, rtol=0)
    torch.testing.assert_close(raw[:, 3], torch.full((40,), 0.94), atol=1e-5, rtol=0)
    torch.testing.assert_close(raw[-1, 0], raw[-2, 0], atol=1e-6, rtol=0)


def test_heights_are_those_of_the_joints_above_the_floor() -> None:
    motion = walking()
    heights = raw_features(motion, REST_SKELETON)[:, GROUPS["heights"]]
    torch.testing.assert_close(heights, positions(motion)[:, 1:, 1].float(), atol=1e-5, rtol=0)


def test_rotations_are_the_first_two_columns_and_the_pelvis_has_no_heading() -> None:
    raw = raw_features(straight_walk(1.0, 0.0), REST_SKELETON)[:, GROUPS["rotations"]].reshape(-1, 22, 6)
    torch.testing.assert_close(raw, torch.tensor([1.0, 0, 0, 0, 1, 0]).expand(40, 22, 6), atol=1e-5, rtol=0)
    motion = walking()
    local = matrix_from_quaternion(torch.from_numpy(motion.rotations).double())[:, 1:]
    columns = raw_features(motion, REST_SKELETON)[:, GROUPS["rotations"]].reshape(-1, 22, 6)[:, 1:]
    torch.testing.assert_close(columns, torch.cat((local[..., 0], local[..., 1]), -1).float(), atol=1e-5, rtol=0)


def test_a_swing_of_the_hips_is_not_a_turn_of_the_heading() -> None:
    times = torch.arange(200, dtype=torch.float64) / FPS
    swing = about_y(0.2 * torch.sin(2 * math.pi * 2.0 * times) + 0.7)
    assert float((heading(swing) - 0.7).abs()[20:-20].max()) < 0.02


@pytest.mark.parametrize("turns", [-5.0, -0.6, 0.0, 0.5, 4.25])
def test_a_steady_turn_stays_steady_to_its_ends_and_is_never_wrapped(turns: float) -> None:
    angles = torch.linspace(0.3, 0.3 + 2 * math.pi * turns, 120, dtype=torch.float64)
    torch.testing.assert_close(heading(about_y(angles)), angles, atol=1e-6, rtol=0)


def test_contacts_are_slow_and_low() -> None:
    rest = REST_SKELETON.rest_positions() - torch.tensor([0, REST_SOLE, 0], dtype=torch.float64)
    assert foot_contacts(rest.repeat(5, 1, 1), REST_SKELETON).tolist() == [[1.0] * 4] * 5
    lifted = rest.repeat(5, 1, 1)
    lifted[:, [7, 10], 1] += 0.1
    assert foot_contacts(lifted, REST_SKELETON).tolist() == [[0.0, 0.0, 1.0, 1.0]] * 5
    for speed, standing in ((0.2, 1.0), (0.3, 0.0)):
        sliding = rest.repeat(5, 1, 1)
        sliding[:, [8, 11], 2] += torch.arange(5, dtype=torch.float64)[:, None] * speed / FPS
        assert foot_contacts(sliding, REST_SKELETON).tolist() == [[1.0, 1.0, standing, standing]] * 5


def test_contacts_come_back_between_nought_and_one() -> None:
    features = PLAIN.encode(straight_walk(0.0, 0.0))
    features[:, GROUPS["contacts"]] = torch.tensor([-3.0, 0.25, 1.0, 7.0])
    assert PLAIN.decode(features, Recipe()).contacts.tolist() == [[0.0, 0.25, 1.0, 1.0]] * 40


def test_normalising_is_undone_by_decoding() -> None:
    generator = torch.Generator().manual_seed(0)
    scaled = LocalRotations(torch.randn(161, generator=generator), torch.rand(161, generator=generator) + 0.1)
    motion = walking()
    raw = raw_features(motion, REST_SKELETON)
    torch.testing.assert_close(scaled.encode(motion), (raw - scaled.mean) / scaled.std)
    torch.testing.assert_close(scaled.denormalise(scaled.normalise(raw)), raw, atol=1e-5, rtol=0)
    assert_same_up_to_place_and_heading(positions(motion), positions(scaled.decode(scaled.encode(motion), Recipe())), atol=1e-3)


def test_groups_are_all_161_columns_in_order() -> None:
    columns = [column for group in GROUPS.values() for column in range(161)[group]]
    assert columns == list(range(161)) == list(range(LAYOUT.n_features)) == list(range(PLAIN.n_features))


@pytest.mark.parametrize("emphasis", [{}, {"heights": 4.0, "yaw_velocity": 0.5}])
def test_a_group_shares_the_mean_of_its_deviations_divided_by_its_emphasis(emphasis: dict[str, float]) -> None:
    raw = torch.randn(500, 161, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.1, 5, 161) + torch.linspace(-1, 1, 161)
    mean, std = group_statistics(raw, LAYOUT, emphasis)
    own = raw.numpy().std(0, ddof=1)
    np.testing.assert_allclose(mean, raw.numpy().mean(0), atol=1e-5)
    for name, group in GROUPS.items():
        np.testing.assert_allclose(std[group], own[group].mean() / emphasis.get(name, 1.0), rtol=1e-4)


def test_a_column_that_never_changes_does_not_divide_by_zero() -> None:
    _, std = group_statistics(torch.ones(10, 161), LAYOUT, {})
    assert float(std.min()) > 9e-5


def test_other_frame_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="20 fps, not at 30"):
        raw_features(walking().resampled(30.0), REST_SKELETON)
