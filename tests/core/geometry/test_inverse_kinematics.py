"""Do rotations found from joint positions put the joints back, without jumps, and with the twist that a body would have?"""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from understudy.core.geometry.inverse_kinematics import HINGE_AXES, joint_errors, rotations_from_joints
from understudy.core.geometry.rotations import (
    matrix_about_axis,
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
    sign_continuous,
)
from understudy.core.geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, Skeleton, forward_kinematics
from understudy.core.training.motion_capture.retarget import retarget
from understudy.tests.core.training.sample_data import degrees_between_rotations, needs_data, pack, smpl_positions

METRES_EXACT = 1e-4
SECONDS_FOR_200_FRAMES = 0.1
MAX_NEW_DEGREES = 20.0
FRAMES = 60
seeds = st.integers(0, 10_000)
LIMBS = {
    f"{side}_{limb}": [SMPL_22_NAMES.index(f"{side}_{joint}") for joint in joints]
    for side in ("left", "right")
    for limb, joints in (("leg", ("hip", "knee", "ankle")), ("arm", ("collar", "shoulder", "elbow")))
}
LIMBS["spine"] = [SMPL_22_NAMES.index(name) for name in ("pelvis", "spine1", "spine2", "spine3", "neck")]
LEAVES = [SMPL_22_NAMES.index(name) for name in ("head", "left_foot", "right_foot", "left_wrist", "right_wrist")]


def index(name: str) -> int:
    return SMPL_22_NAMES.index(name)


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def body_of(seed: int) -> Skeleton:
    """Our skeleton with bones half to one and a half times as long, pointing some 10 degrees elsewhere."""
    factors = 0.5 + torch.rand(22, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    offsets = REST_SKELETON.offsets * factors
    return replace(REST_SKELETON, offsets=offsets + 0.15 * offsets.norm(dim=-1, keepdim=True) * noise(seed + 1, 22, 3))


def positions_of(rotations: Tensor, translation: Tensor | None = None, body: Skeleton = REST_SKELETON) -> Tensor:
    """Positions (T, 22, 3) of local rotations (T, 22, 3, 3)."""
    return forward_kinematics(body, rotations, torch.zeros(len(rotations), 3).double() if translation is None else translation)[0]


def lively(seed: int, frames: int = FRAMES) -> Tensor:
    """Local rotations (T, 22, 3, 3) of a body that moves all joints smoothly, some 5 degrees a frame; elbows and knees stay bent."""
    phase, weight = 6.3 * noise(seed, 22, 3), noise(seed + 1, 22, 3).clamp(-2, 2)
    vectors = 0.25 * weight * torch.sin(0.15 * torch.arange(frames)[:, None, None] + phase)
    for joint, axis in HINGE_AXES.items():
        lower = SMPL_22_NAMES.index(SMPL_22_NAMES[joint].replace("hip", "knee").replace("shoulder", "elbow"))
        vectors[:, lower] = (1.2 + vectors[:, lower, :1]) * torch.tensor(axis).double()
    vectors[:, LEAVES] = 0
    return matrix_from_rotation_vector(vectors)


def posed(**vectors: Tensor) -> Tensor:
    """Local rotations (T, 22, 3, 3) of the rest pose with some joints turned by rotation vectors (T, 3)."""
    frames = len(next(iter(vectors.values())))
    pose = torch.zeros(frames, 22, 3).double()
    for name, turns in vectors.items():
        pose[:, index(name)] = turns
    return matrix_from_rotation_vector(pose)


def about(name: str, degrees: Tensor | list[float]) -> Tensor:
    """Rotation vectors (T, 3) about the hinge behind an upper bone."""
    return torch.deg2rad(torch.as_tensor(degrees).double())[:, None] * torch.tensor(HINGE_AXES[index(name)]).double()


def degrees_a_frame(rotations: Tensor) -> Tensor:
    """Steps (T - 1, J) of quaternions (T, J, 4)."""
    return torch.from_numpy(degrees_between_rotations(rotations[1:].numpy(), rotations[:-1].numpy()))


def assert_same_turns(a: Tensor, b: Tensor, degrees: float = 1e-3) -> None:
    assert float(degrees_between_rotations(a.numpy(), b.numpy()).max()) < degrees


# The joints come back


@settings(max_examples=40)
@given(seeds)
def test_random_poses_are_met_on_the_bodys_own_bones(seed: int) -> None:
    body = body_of(seed)
    rotations = matrix_from_rotation_vector(2 * noise(seed + 2, 20, 22, 3))
    root = noise(seed + 3, 20, 3)
    positions = positions_of(rotations, root, body)
    translation, found, own = rotations_from_joints(positions)
    assert torch.equal(translation, root)
    assert float(joint_errors(positions, found, own).max()) < METRES_EXACT
    torch.testing.assert_close(own.offsets.norm(dim=-1), body.offsets.norm(dim=-1))
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(20, 22).double())


def test_bones_rest_as_the_armatures_do() -> None:
    """Only around pelvis and chest a body's own angles between bones are kept."""
    _, _, own = rotations_from_joints(positions_of(lively(1), body=body_of(1)))
    single = [joint for joint, parent in enumerate(REST_SKELETON.parents) if parent not in (-1, index("pelvis"), index("spine3"))]
    along = torch.cosine_similarity(own.offsets[single], REST_SKELETON.offsets[single], dim=-1)
    torch.testing.assert_close(along, torch.ones_like(along))


@settings(max_examples=40)
@given(seeds)
def test_a_single_precision_clip_is_met_too(seed: int) -> None:
    positions = positions_of(lively(seed), 5 * noise(seed, 1, 3).expand(FRAMES, 3)).float()
    translation, found, own = rotations_from_joints(positions)
    assert translation.dtype == found.dtype == torch.float32
    assert float(joint_errors(positions, found, own).max()) < METRES_EXACT


def test_the_rest_pose_has_no_turns() -> None:
    rest = REST_SKELETON.rest_positions()[None]
    _, found, own = rotations_from_joints(rest)
    assert_same_turns(found, torch.tensor([1.0, 0, 0, 0]).double().expand(1, 22, 4))
    torch.testing.assert_close(own.offsets, REST_SKELETON.offsets)


# The turn of bones about themselves


@settings(max_examples=40)
@given(seeds)
def test_joints_that_bend_as_a_body_does_get_their_own_rotations_back(seed: int) -> None:
    twist = 0.6 * noise(seed, 4, 1) * torch.tensor([1.0, 0, 0]).double()
    turn = {"left": about("left_shoulder", [60, 70, 80, 90]), "right": about("right_shoulder", [40, 70, 80, 100])}
    pose = posed(left_elbow=turn["left"], right_elbow=turn["right"], left_shoulder=twist, right_shoulder=-twist)
    pose[:, 0] = matrix_from_rotation_vector(noise(seed + 1, 4, 3))
    _, found, _ = rotations_from_joints(positions_of(pose))
    assert_same_turns(found, quaternion_from_matrix(pose), 0.1)


def test_a_bent_knee_shows_how_the_thigh_is_turned_about_itself() -> None:
    along_thigh = torch.nn.functional.normalize(REST_SKELETON.offsets[index("left_knee")], dim=0)
    turned = torch.deg2rad(torch.tensor([-40.0, 0, 40])).double()[:, None] * along_thigh
    _, found, _ = rotations_from_joints(positions_of(posed(left_hip=turned, left_knee=about("left_hip", [70, 70, 70]))))
    seen = 2 * torch.rad2deg(torch.atan2((found[:, index("left_hip"), 1:] * along_thigh).sum(-1), found[:, index("left_hip"), 0]))
    torch.testing.assert_close(seen, torch.tensor([-40.0, 0, 40]).double(), atol=1.0, rtol=0)


@pytest.mark.parametrize("upper", ["left_shoulder", "right_shoulder", "left_hip", "right_hip"])
def test_a_straight_limb_keeps_the_turn_that_it_was_last_seen_with(upper: str) -> None:
    lower = upper.replace("shoulder", "elbow").replace("hip", "knee")
    along = torch.nn.functional.normalize(REST_SKELETON.offsets[index(lower)], dim=0)
    bend = torch.cat((torch.linspace(70, 0, 20), torch.zeros(20)))
    pose = posed(**{upper: 0.7 * along.expand(40, 3), lower: about(upper, bend)})
    _, found, _ = rotations_from_joints(positions_of(pose))
    assert_same_turns(found[:, index(upper)], quaternion_from_matrix(pose[:, index(upper)]), 3.0)


def test_the_spine_shares_the_turn_between_pelvis_and_chest() -> None:
    yaw = torch.deg2rad(torch.tensor([-45.0, 0, 30])).double()
    _, found, _ = rotations_from_joints(positions_of(posed(spine3=torch.stack((0 * yaw, yaw, 0 * yaw), -1))))
    for name in ("spine1", "spine2", "spine3"):
        turn = 2 * torch.atan2(found[:, index(name), 2], found[:, index(name), 0])
        torch.testing.assert_close(turn, yaw / 3, atol=0.06, rtol=0)


def test_head_wrists_and_feet_stand_as_in_their_parents_frames() -> None:
    _, found, _ = rotations_from_joints(positions_of(matrix_from_rotation_vector(noise(0, 5, 22, 3))))
    assert_same_turns(found[:, LEAVES], torch.tensor([1.0, 0, 0, 0]).double().expand(5, 5, 4))


# Where the body is and how time runs


@settings(max_examples=40)
@given(seeds)
def test_a_body_turned_as_a_whole_turns_only_its_root(seed: int) -> None:
    positions = positions_of(lively(seed), noise(seed, FRAMES, 3))
    turn = matrix_from_rotation_vector(2 * noise(seed + 5, 3))
    _, still, _ = rotations_from_joints(positions)
    _, turned, _ = rotations_from_joints(positions @ turn.T + noise(seed + 6, 3))
    assert_same_turns(turned[:, 1:], still[:, 1:])
    assert_same_turns(turned[:, 0], quaternion_from_matrix(turn @ matrix_from_quaternion(still[:, 0])))


@settings(max_examples=40)
@given(seeds, st.floats(0, 1))
def test_time_read_backwards_gives_the_same_poses(seed: int, stretch: float) -> None:
    pose = lively(seed)
    for joint in HINGE_AXES:
        lower = joint + 3 if "hip" in SMPL_22_NAMES[joint] else joint + 2
        pose[10:40, lower] = matrix_from_rotation_vector(stretch * about(SMPL_22_NAMES[joint], np.linspace(0, 40, 30).tolist()))
    positions = positions_of(pose)
    _, forwards, own = rotations_from_joints(positions)
    _, backwards, own_backwards = rotations_from_joints(positions.flip(0))
    assert_same_turns(backwards.flip(0), forwards)
    torch.testing.assert_close(own_backwards.offsets, own.offsets)


@settings(max_examples=40)
@given(seeds)
def test_neighbouring_quaternions_lie_in_one_hemisphere(seed: int) -> None:
    _, found, _ = rotations_from_joints(positions_of(lively(seed)))
    assert bool(((found[1:] * found[:-1]).sum(-1) >= 0).all())


# Turns of the whole body


def whole_turn(axis: str, turns: float, frames: int = 120) -> Tensor:
    return matrix_about_axis(axis, torch.linspace(0, 2 * math.pi * turns, frames).double())


@pytest.mark.parametrize(("axis", "turns"), [("Y", 2), ("Y", -2), ("Z", 1), ("Z", -2), ("X", 1), ("X", -2)], ids=str)
def test_full_turns_leave_the_body_as_it_was_and_the_root_steady(axis: str, turns: float) -> None:
    pose = lively(3, 120)
    _, still, _ = rotations_from_joints(positions_of(pose))
    spun = torch.cat((whole_turn(axis, turns)[:, None] @ pose[:, :1], pose[:, 1:]), dim=1)
    _, found, _ = rotations_from_joints(positions_of(spun))
    assert_same_turns(found[:, 1:], still[:, 1:])
    step = 360 * abs(turns) / 119
    assert float(degrees_a_frame(found)[:, 0].max()) < step + float(degrees_a_frame(still)[:, 0].max()) + 1e-3


def test_two_turns_end_with_the_sign_that_they_began_with() -> None:
    spun = whole_turn("Y", 2)[:, None] @ posed(neck=torch.zeros(120, 3))[:, :1]
    _, found, _ = rotations_from_joints(positions_of(torch.cat((spun, posed(neck=torch.zeros(120, 3))[:, 1:]), dim=1)))
    torch.testing.assert_close(found[-1, 0], found[0, 0], atol=1e-6, rtol=0)
    # Half way, after one turn, the sign is the other one
    torch.testing.assert_close(found[60, 0], -found[0, 0], atol=0.06, rtol=0)


@pytest.mark.parametrize(("axis", "degrees"), [("Y", 180.0), ("Y", -179.999), ("X", 90.0), ("X", -90.0), ("X", 180.0), ("Z", 90.0), ("Z", 180.0)])
def test_a_body_that_faces_back_or_lies_or_stands_on_its_hands_moves_as_upright(axis: str, degrees: float) -> None:
    pose = lively(4)
    _, upright, _ = rotations_from_joints(positions_of(pose))
    turn = matrix_about_axis(axis, torch.deg2rad(torch.tensor(degrees).double()))
    _, found, _ = rotations_from_joints(positions_of(pose) @ turn.T)
    assert_same_turns(found[:, 1:], upright[:, 1:])
    assert_same_turns(found[:, 0], quaternion_from_matrix(turn @ matrix_from_quaternion(upright[:, 0])))


# Limbs and bodies that show little


@pytest.mark.parametrize("upper", ["left_shoulder", "right_shoulder", "left_hip", "right_hip"])
@pytest.mark.parametrize("past_straight", [0.0, 5.0, 20.0])
def test_limbs_pass_through_straight_without_jumps(upper: str, past_straight: float) -> None:
    lower = upper.replace("shoulder", "elbow").replace("hip", "knee")
    phase = torch.linspace(0, 4 * math.pi, 100).double()
    middle = (90 - past_straight) / 2
    pose = posed(**{lower: about(upper, middle + (90 - middle) * torch.cos(phase)), upper: 0.5 * torch.sin(phase)[:, None].expand(100, 3)})
    positions = positions_of(pose)
    _, found, own = rotations_from_joints(positions)
    assert float(joint_errors(positions, found, own).max()) < METRES_EXACT
    source = degrees_a_frame(sign_continuous(quaternion_from_matrix(pose)))
    assert float((degrees_a_frame(found).amax(1) - source.sum(1)).max()) < MAX_NEW_DEGREES


@pytest.mark.parametrize("name", ["left_hip", "left_shoulder"])
@pytest.mark.parametrize("lean", [0.0, 1e-9, 1e-3, 0.1])
def test_a_straight_limb_swung_all_round_turns_evenly(name: str, lean: float) -> None:
    """Through the direction opposite to rest, exactly and past it: there the smallest turn from rest spins round the bone."""
    child = name.replace("shoulder", "elbow").replace("hip", "knee")
    end = child.replace("elbow", "wrist").replace("knee", "ankle")
    along = torch.nn.functional.normalize(REST_SKELETON.offsets[index(child)], dim=0)
    offsets = REST_SKELETON.offsets.clone()
    offsets[index(end)] = along * offsets[index(end)].norm()
    across = torch.linalg.cross(along, torch.tensor([0.0, 0, 1]).double())
    turns = torch.linspace(0, 4 * math.pi, 121).double()[:, None] * torch.nn.functional.normalize(across + lean * along, dim=0)
    positions = positions_of(posed(**{name: turns}), body=replace(REST_SKELETON, offsets=offsets))
    _, found, own = rotations_from_joints(positions)
    assert float(joint_errors(positions, found, own).max()) < METRES_EXACT
    assert float(degrees_a_frame(found)[:, index(name)].max()) < 6 + 1.5


def test_a_bone_without_length_hides_nothing_but_itself() -> None:
    for joint in range(1, 22):
        offsets = REST_SKELETON.offsets.clone()
        offsets[joint] = 0
        positions = positions_of(lively(joint), body=replace(REST_SKELETON, offsets=offsets))
        _, found, own = rotations_from_joints(positions)
        assert bool(found.isfinite().all())
        assert float(joint_errors(positions, found, own).max()) < METRES_EXACT
        assert float(degrees_a_frame(found).max()) < MAX_NEW_DEGREES


@pytest.mark.parametrize("joint", ["left_knee", "right_ankle", "right_elbow", "left_wrist", "head", "spine2", "left_foot"])
def test_a_bone_that_vanishes_for_some_frames_is_crossed_evenly(joint: str) -> None:
    shown = positions_of(lively(7))
    gone, parent = index(joint), REST_SKELETON.parents[index(joint)]
    shown[20:25, gone] = shown[20:25, parent]
    _, found, _ = rotations_from_joints(shown)
    assert bool(found.isfinite().all())
    # The bones behind it start elsewhere and really turn
    steady = [other for other in range(22) if other != gone and REST_SKELETON.parents[other] != gone]
    assert float(degrees_a_frame(found)[:, steady].max()) < MAX_NEW_DEGREES


@pytest.mark.parametrize("frames", [slice(0, FRAMES), slice(20, 26), slice(0, 5), slice(50, FRAMES)], ids=["all", "middle", "start", "end"])
def test_coincident_hips_leave_the_pelvis_its_turn(frames: slice) -> None:
    pose = posed(neck=torch.zeros(FRAMES, 3))
    pose[:, 0] = whole_turn("Y", 1, FRAMES)
    positions = positions_of(pose)
    positions[frames, 1:3] = positions[frames, 1:3].mean(1, keepdim=True)
    _, found, _ = rotations_from_joints(positions)
    assert bool(found.isfinite().all())
    assert float(degrees_a_frame(found)[:, 0].max()) < 360 / (FRAMES - 1) + 1
    if frames == slice(20, 26):
        assert_same_turns(found[:, 0], quaternion_from_matrix(pose[:, 0]), 1.0)


def test_hips_that_come_together_and_part_again_do_not_jump() -> None:
    positions = positions_of(lively(5))
    apart = torch.linspace(-1, 1, FRAMES).double().abs()[:, None, None]
    middle = positions[:, 1:3].mean(1, keepdim=True)
    positions[:, 1:3] = middle + apart * (positions[:, 1:3] - middle)
    _, found, _ = rotations_from_joints(positions)
    assert float(degrees_a_frame(found)[:, 0].max()) < MAX_NEW_DEGREES


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_body_shrunk_to_a_point_has_no_turns(frames: int) -> None:
    translation, found, own = rotations_from_joints(torch.ones(frames, 22, 3))
    assert torch.equal(translation, torch.ones(frames, 3))
    assert_same_turns(found, torch.tensor([1.0, 0, 0, 0]).expand(frames, 22, 4))
    assert not bool(own.offsets.any())


@settings(max_examples=40)
@given(seeds)
def test_noise_gives_finite_unit_quaternions(seed: int) -> None:
    _, found, _ = rotations_from_joints(noise(seed, 15, 22, 3))
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(15, 22).double())


@settings(max_examples=20)
@given(seeds)
def test_a_centimetre_of_noise_costs_centimetres(seed: int) -> None:
    positions = positions_of(lively(seed)) + 0.005 * noise(seed + 9, FRAMES, 22, 3)
    _, found, own = rotations_from_joints(positions)
    assert float(joint_errors(positions, found, own).mean()) < 0.02


# Another skeleton


def test_errors_on_another_skeleton_keep_the_root_and_tell_the_difference_of_bones() -> None:
    pose = lively(6)
    grown = replace(REST_SKELETON, offsets=1.1 * REST_SKELETON.offsets)
    positions = positions_of(pose, noise(0, FRAMES, 3), grown)
    _, found, own = rotations_from_joints(positions)
    errors = joint_errors(positions, found, REST_SKELETON)
    assert errors.shape == (FRAMES, 22)
    assert float(errors[:, 0].max()) == 0
    torch.testing.assert_close(errors, 0.1 / 1.1 * (positions - positions[:, :1]).norm(dim=-1), atol=1e-6, rtol=0)
    assert float(joint_errors(positions, found, own).max()) < METRES_EXACT


# Real clips


@needs_data
@pytest.mark.parametrize("name", ["cmu", "accad", "bandai_namco"])
def test_recordings_are_met_without_jumps_of_our_own(name: str) -> None:
    """A limb's joints step no further than all of the source's joints in that limb together, and 20 degrees.

    Joint by joint is not comparable: where a recording turns a shin about itself, positions only show how the foot turns.
    """
    largest = {"millimetres": 0.0, "degrees": 0.0}
    for clip in random.Random(7).sample(pack(name).names, 8):
        retargeted = retarget(pack(name).clip(clip))
        positions = smpl_positions(retargeted.motion)
        _, found, own = rotations_from_joints(positions)
        largest["millimetres"] = max(largest["millimetres"], 1000 * float(joint_errors(positions, found, own).max()))
        steps, source = degrees_a_frame(found), degrees_a_frame(torch.from_numpy(retargeted.motion.rotations.astype(np.float64)))
        ok = retargeted.frame_ok[1:] & retargeted.frame_ok[:-1]
        for joints in LIMBS.values():
            new = (steps[:, joints].amax(1) - source[:, joints].sum(1))[ok]
            largest["degrees"] = max(largest["degrees"], float(new.max()))
    print(name, largest)
    assert largest["millimetres"] < 1
    assert largest["degrees"] < MAX_NEW_DEGREES


def test_two_hundred_frames_take_milliseconds() -> None:
    positions = positions_of(lively(8, 200))
    threads, seconds = torch.get_num_threads(), []
    torch.set_num_threads(1)
    for _ in range(10):
        started = time.process_time()
        rotations_from_joints(positions)
        seconds.append(time.process_time() - started)
    torch.set_num_threads(threads)
    print(f"200 frames in {1000 * min(seconds):.1f} ms")
    assert min(seconds) < SECONDS_FOR_200_FRAMES


# What is refused


@pytest.mark.parametrize("shape", [(22, 3), (5, 24, 3), (5, 22, 4), (0, 22, 3), (2, 5, 22, 3)], ids=str)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape \(frames, 22, 3\), not \("):
        rotations_from_joints(torch.zeros(shape))


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"decimal numbers in metres, not torch\.int64"):
        rotations_from_joints(torch.zeros(5, 22, 3, dtype=torch.long))


def test_values_that_are_not_finite_are_refused_with_their_frame() -> None:
    positions = torch.zeros(5, 22, 3)
    positions[3, 4, 1] = torch.nan
    with pytest.raises(ValueError, match="frame 3"):
        rotations_from_joints(positions)


def test_another_tree_is_refused() -> None:
    other = Skeleton(("a", "b"), (-1, 0), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="SMPL's first 22 joints"):
        rotations_from_joints(torch.zeros(5, 22, 3), other)
