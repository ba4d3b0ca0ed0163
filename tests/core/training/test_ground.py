"""Feet on the floor: standing soles lie flat on it, nothing sinks in, and nothing else is changed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from understudy.core.contract import BodyMotion
from understudy.core.geometry.skeleton import REST_SKELETON, REST_SOLE
from understudy.core.training.corpus import is_uneven
from understudy.core.training.motion_capture.ground import clearances, on_flat_floor
from understudy.core.training.motion_capture.normalise import at_training_rate, mirrored
from understudy.core.training.motion_capture.retarget import retarget
from understudy.tests.core.training.sample_data import joint, needs_data, pack, smpl_positions

SLOW, LOW = 0.25, 0.08  # metres a second; metres above the flat foot, or it stands on something
FLAT = REST_SKELETON.rest_positions()[:, 1] - REST_SOLE
FEET = [(joint(f"{side}_ankle"), joint(f"{side}_foot")) for side in ("left", "right")]
LYING = ("Female1_A08_CrouchToLie", "Female1_A09_LieT2", "Female1_A11_CrawlForward", "Female1_A12_CrawlBackwards")


@dataclass(frozen=True)
class Floored:
    clip: str
    before: BodyMotion
    after: BodyMotion
    positions: Tensor
    frame_ok: Tensor


def floored(name: str, clip: str) -> Floored:
    before, frame_ok = at_training_rate(retarget(pack(name).clip(clip)))
    after = on_flat_floor(before)
    return Floored(clip, before, after, smpl_positions(after), frame_ok)


@pytest.fixture(scope="module")
def flat_clips() -> list[Floored]:
    made = []
    for name, count in (("bandai_namco", 22), ("cmu", 22), ("accad", 20)):
        flat = [clip for clip in pack(name).names if not is_uneven(pack(name).labels[clip])]
        made += [floored(name, clip) for clip in random.Random(21).sample(flat, count)]
    return made


def standing(clip: Floored) -> list[Tensor]:
    """For each foot, frames (T,) in which ankle and toe are slow and near the floor."""
    found = []
    for pair in FEET:
        at = clip.positions[:, list(pair)]
        slow = (at.diff(dim=0).norm(dim=-1) * 20 < SLOW).all(-1)
        near = (at[..., 1] < FLAT[list(pair)] + LOW).all(-1)
        found.append(torch.cat((slow, slow[-1:])) & near & clip.frame_ok)
    return found


@needs_data
@pytest.mark.parametrize("part", [0, 1], ids=["ankle", "toe"])
def test_standing_soles_are_within_two_centimetres_of_flat_on_average(part: int, flat_clips: list[Floored]) -> None:
    errors = []
    for clip in flat_clips:
        heights = [clip.positions[rows, pair[part], 1] - FLAT[pair[part]] for rows, pair in zip(standing(clip), FEET, strict=True)]
        errors += [float(height) for foot in heights for height in foot.abs()]
    assert len(errors) > 2000
    assert np.mean(errors) < 0.01
    assert np.quantile(errors, 0.95) < 0.04


@needs_data
def test_toes_hardly_ever_sink_two_centimetres_in(flat_clips: list[Floored]) -> None:
    sunk = [(clip.positions[clip.frame_ok][:, toe, 1] < FLAT[toe] - 0.02).double().mean() for clip in flat_clips for _, toe in FEET]
    assert float(torch.stack(sunk).mean()) < 0.001


@needs_data
def test_ankles_seldom_sink_two_centimetres_in(flat_clips: list[Floored]) -> None:
    sunk = [(clip.positions[clip.frame_ok][:, ankle, 1] < FLAT[ankle] - 0.02).double().mean() for clip in flat_clips for ankle, _ in FEET]
    assert float(torch.stack(sunk).mean()) < 0.02


@needs_data
def test_only_height_and_feet_are_changed(flat_clips: list[Floored]) -> None:
    others = [index for index in range(22) if index not in {part for pair in FEET for part in pair}]
    for clip in flat_clips:
        assert np.array_equal(clip.before.rotations[:, others], clip.after.rotations[:, others])
        moved = clip.after.translation - clip.before.translation
        assert np.abs(moved - moved[0]).max() < 1e-5 and not moved[:, [0, 2]].any()


@needs_data
@pytest.mark.parametrize("clip", LYING)
def test_who_lies_or_crawls_is_not_stood_on_backs_of_feet(clip: str) -> None:
    """The same floor as in the performer's standing clips (0.05 m), give or take the thickness of a body."""
    lying, upright = floored("accad", clip), floored("accad", "Female1_A01_Stand")
    drops = [float(made.before.translation[0, 1] - made.after.translation[0, 1]) for made in (lying, upright)]
    assert drops[0] == pytest.approx(drops[1], abs=0.06)
    knees = lying.positions[:, [joint("left_knee"), joint("right_knee")], 1]
    assert float(knees.min()) > 0.0


@needs_data
def test_a_dancers_foot_that_points_down_while_she_stands_is_lifted_out_of_the_floor() -> None:
    dance = floored("cmu", "05_06")
    toes = dance.positions[dance.frame_ok][:, [toe for _, toe in FEET], 1]
    assert float((toes < FLAT[FEET[0][1]] - 0.02).double().mean()) < 0.02


def still(pitch: float = 0.0, height: float = 0.0, frames: int = 30) -> BodyMotion:
    """The rest pose with pitched feet, its soles at a height."""
    rotations = np.zeros((frames, 22, 4), np.float32)
    rotations[..., 0] = 1
    for ankle, _ in FEET:
        rotations[:, ankle] = (np.cos(pitch / 2), np.sin(pitch / 2), 0, 0)
    translation = np.tile(np.array([[0, height - REST_SOLE, 0]], np.float32), (frames, 1))
    offsets = REST_SKELETON.offsets.float().numpy()
    contacts = np.zeros((frames, 4), np.float32)
    return BodyMotion(translation, rotations, contacts, REST_SKELETON.names, REST_SKELETON.parents, offsets, 20.0)


@pytest.mark.parametrize("height", [-0.3, 0.0, 0.4])
@pytest.mark.parametrize("pitch", [-15.0, 0.0, 15.0])
def test_a_still_figure_stands_flat_from_any_height_and_pitch(pitch: float, height: float) -> None:
    positions = smpl_positions(on_flat_floor(still(np.radians(pitch), height)))
    for pair in FEET:
        assert torch.allclose(positions[:, list(pair), 1], FLAT[list(pair)].expand(30, 2), atol=5e-4)


def test_standing_on_one_leg_leaves_the_other_in_the_air() -> None:
    motion = still(height=0.1)
    motion.rotations[:, joint("right_hip")] = (np.cos(-0.6), np.sin(-0.6), 0, 0)
    motion.rotations[:, joint("right_knee")] = (np.cos(0.7), np.sin(0.7), 0, 0)
    positions = smpl_positions(on_flat_floor(motion))
    assert float(positions[0, joint("left_ankle"), 1]) == pytest.approx(float(FLAT[joint("left_ankle")]), abs=1e-3)
    assert float(positions[0, joint("right_ankle"), 1]) > 0.2


def test_a_figure_lying_on_its_back_lies_on_the_floor() -> None:
    motion = still(height=1.0)
    motion.rotations[:, 0] = (np.cos(-np.pi / 4), np.sin(-np.pi / 4), 0, 0)
    positions = smpl_positions(on_flat_floor(motion))
    assert float((positions[..., 1] - clearances(REST_SKELETON)).min()) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_very_short_clips_are_set_down_too(frames: int) -> None:
    positions = smpl_positions(on_flat_floor(still(height=0.5, frames=frames)))
    assert float(positions[0, joint("left_ankle"), 1]) == pytest.approx(float(FLAT[joint("left_ankle")]), abs=1e-3)


@needs_data
@pytest.mark.parametrize(("name", "clip"), [("cmu", "05_06"), ("bandai_namco", "dataset-1_dance-short_normal_001")])
def test_flooring_the_mirror_image_is_the_mirror_image_of_flooring(name: str, clip: str) -> None:
    made = floored(name, clip)
    other = mirrored(on_flat_floor(mirrored(made.before)))
    assert np.abs(smpl_positions(other) - made.positions).max() < 1e-3


@needs_data
def test_flooring_twice_changes_little(flat_clips: list[Floored]) -> None:
    for clip in flat_clips[::4]:
        again = on_flat_floor(replace(clip.after))
        assert np.abs(again.translation - clip.after.translation).max() < 0.02, clip.clip
