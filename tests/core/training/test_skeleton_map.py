"""The SMPL joints are found in skeletons of many origins, whatever their names, axes and zero poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.contract import BodyMotion
from understudy.core.geometry.skeleton import SMPL_22_NAMES, Skeleton
from understudy.core.training.motion_capture.folder import read_motion_file
from understudy.core.training.motion_capture.retarget import retarget
from understudy.core.training.motion_capture.skeleton_map import source_clip
from understudy.core.training.motion_capture.source_clip import MotionFileError, SourceClip
from understudy.tests.core.training.made_skeletons import (
    A_POSE,
    FACING_BACK,
    MIXAMO,
    PLAIN,
    RIGIFY,
    SMPL_FBX,
    UNITY,
    Z_UP,
    Figure,
    Turns,
    little_motion,
)
from understudy.tests.core.training.sample_data import (
    BANDAI_SAMPLES,
    CMU_SAMPLES,
    SAMPLES,
    degrees_between_rotations,
    joint,
    needs_data,
    pack,
    pack_of,
    smpl_positions,
    source_frames,
)

CONVENTIONS = ("cmu_asf_subject_16", "cmu_mb_subject_02", "cmu_daz", "bandai_0", "accad_female1")
SPINE = ("spine1", "spine2", "spine3")


def brought(folder: Path, figure: Figure, frames: list[Turns], name: str = "made") -> SourceClip:
    path = folder / f"{name}.bvh"
    path.write_text(figure.bvh(frames))
    return read_motion_file(path)


def motion_of(folder: Path, figure: Figure, frames: list[Turns]) -> BodyMotion:
    return retarget(brought(folder, figure, frames)).motion


def difference(a: BodyMotion, b: BodyMotion) -> float:
    """Largest angle in degrees between two motions' joints."""
    return float(degrees_between_rotations(a.rotations, b.rotations).max())


@needs_data
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_joints_of_every_pack_are_found_by_their_names(convention: str) -> None:
    names = {skeleton: name for name in ("cmu", "bandai_namco", "accad") for skeleton in pack(name)._arrays["skeleton_name"]}
    motion_pack = pack(names[convention])
    packed = motion_pack._skeletons[list(motion_pack._arrays["skeleton_name"]).index(convention)]
    still = torch.eye(3, dtype=torch.float64).expand(2, len(packed.joints.names), 3, 3)
    clip = source_clip("still", packed.joints, still, torch.zeros(2, 3, dtype=torch.float64), 30.0)
    for name, found, told in zip(SMPL_22_NAMES, clip.skeleton.smpl_joints, packed.smpl_joints, strict=True):
        assert name in SPINE or packed.joints.names[found] == packed.joints.names[told], name
    chain = [clip.skeleton.smpl_joints[joint(name)] for name in ("pelvis", *SPINE, "neck")]
    assert all(_is_at_or_below(packed.joints, low, high) for low, high in zip(chain[1:], chain[:-1], strict=True))


def _is_at_or_below(skeleton: Skeleton, low: int, high: int) -> bool:
    while low not in (high, -1):
        low = skeleton.parents[low]
    return low == high


@needs_data
@pytest.mark.parametrize("clip", CMU_SAMPLES + BANDAI_SAMPLES)
def test_a_raw_file_gives_the_motion_of_its_clip_in_the_pack(clip: str) -> None:
    packed = retarget(pack_of(clip).clip(clip)).motion
    raw = retarget(read_motion_file(SAMPLES / f"{clip}.bvh")).motion
    frames = source_frames(clip, len(packed.rotations)).numpy()
    assert degrees_between_rotations(raw.rotations[frames], packed.rotations).max() < 0.3
    assert np.abs(raw.translation[frames] - packed.translation).max() < 0.001


@needs_data
def test_the_asf_of_a_clip_gives_nearly_the_motion_of_its_bvh() -> None:
    packed = retarget(pack("cmu").clip("02_01")).motion
    raw = retarget(read_motion_file(SAMPLES / "02_01.amc")).motion
    frames = source_frames("02_01", len(packed.rotations)).numpy() - 1
    assert degrees_between_rotations(raw.rotations[frames], packed.rotations).max() < 2.0
    assert np.abs(raw.translation[frames] - packed.translation).max() < 0.005


@pytest.mark.parametrize(
    "figure",
    [
        Figure(MIXAMO, prefix="mixamorig:"), Figure(MIXAMO, prefix="Character1_"), Figure(SMPL_FBX, prefix="m_avg_"),
        Figure(UNITY), Figure(RIGIFY),
        Figure(MIXAMO, axes=Z_UP), Figure(axes=FACING_BACK), Figure(RIGIFY, axes=Z_UP, line_end="\r\n"),
    ],
    ids=["Mixamo", "MotionBuilder", "SMPL", "Unity", "Rigify", "Mixamo, Z up", "facing back", "Rigify, Z up, Windows"],
)  # fmt: skip
def test_names_and_axes_make_no_difference(figure: Figure, tmp_path: Path) -> None:
    plain, other = motion_of(tmp_path, Figure(), little_motion()), motion_of(tmp_path, figure, little_motion())
    assert difference(plain, other) < 0.05
    assert np.abs(plain.translation - other.translation).max() < 1e-4


def test_a_figure_that_turns_left_turns_left_after_retargeting(tmp_path: Path) -> None:
    for figure in (Figure(), Figure(MIXAMO, axes=Z_UP)):
        turned = motion_of(tmp_path, figure, [{"pelvis": ("Y", 30.0)}, {"pelvis": ("Y", 30.0)}])
        assert turned.rotations[0, 0].tolist() == pytest.approx([np.cos(np.pi / 12), 0, np.sin(np.pi / 12), 0], abs=1e-5)


def test_an_a_pose_at_rest_lets_the_arms_hang(tmp_path: Path) -> None:
    positions = smpl_positions(motion_of(tmp_path, Figure(MIXAMO, hanging=A_POSE), [{}, {}]))[0]
    for side, sign in (("left", 1), ("right", -1)):
        arm = positions[joint(f"{side}_wrist")] - positions[joint(f"{side}_shoulder")]
        assert (arm / arm.norm()).tolist() == pytest.approx([sign * 0.5**0.5, -(0.5**0.5), 0], abs=0.01)


def test_an_a_pose_with_raised_arms_is_the_t_pose(tmp_path: Path) -> None:
    raised: Turns = {"left_shoulder": ("Z", 45.0), "right_shoulder": ("Z", -45.0)}
    moved = motion_of(tmp_path, Figure(MIXAMO, hanging=A_POSE), [raised, raised])
    assert difference(moved, motion_of(tmp_path, Figure(), [{}, {}])) < 0.1


def test_a_straight_t_pose_becomes_a_straight_figure(tmp_path: Path) -> None:
    positions = smpl_positions(motion_of(tmp_path, Figure(), [{}, {}]))[0]
    for side, sign in (("left", 1), ("right", -1)):
        for upper, lower, direction in (
            ("hip", "knee", [0, -1, 0]), ("knee", "ankle", [0, -1, 0]),
            ("shoulder", "elbow", [sign, 0, 0]), ("elbow", "wrist", [sign, 0, 0]),
        ):  # fmt: skip
            bone = positions[joint(f"{side}_{lower}")] - positions[joint(f"{side}_{upper}")]
            assert (bone / bone.norm()).tolist() == pytest.approx(direction, abs=1e-4)


def test_without_toes_the_foot_turns_as_one(tmp_path: Path) -> None:
    figure = Figure(MIXAMO, omitted=("left_foot", "right_foot"))
    motion = motion_of(tmp_path, figure, little_motion())
    toes = motion.rotations[:, [joint("left_foot"), joint("right_foot")]]
    assert np.abs(toes[..., 0]).min() == pytest.approx(1, abs=1e-6)


def test_without_collar_bones_the_shoulders_move_with_the_chest(tmp_path: Path) -> None:
    motion = motion_of(tmp_path, Figure(PLAIN, omitted=("left_collar", "right_collar")), little_motion())
    collars = motion.rotations[:, [joint("left_collar"), joint("right_collar")]]
    assert np.abs(collars[..., 0]).min() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("omitted", [("spine2",), ("spine2", "spine3"), ("spine1", "spine2", "spine3")])
def test_a_shorter_spine_bends_as_far_in_all(omitted: tuple[str, ...], tmp_path: Path) -> None:
    frames: list[Turns] = [{"pelvis": ("Y", 20.0), "neck": ("X", 30.0)}] * 2
    short, whole = (smpl_positions(motion_of(tmp_path, Figure(omitted=left_out), frames)) for left_out in (omitted, ()))
    head = slice(joint("neck"), joint("neck") + 1)
    assert float((short[0, head] - whole[0, head]).norm()) < 1e-4


@pytest.mark.parametrize(
    ("missing", "word"),
    [("Head", "head"), ("LeftForeArm", "left elbow"), ("RightUpLeg", "right hip"), ("LeftFoot", "left ankle"), ("Neck", "neck")],
)
def test_a_skeleton_without_a_limb_is_refused_and_the_limb_named(missing: str, word: str, tmp_path: Path) -> None:
    names = {key: "Thing" if name == missing else name for key, name in MIXAMO.items()}
    with pytest.raises(MotionFileError, match=f"gun.*No joint for the {word} was found"):
        brought(tmp_path, Figure(names), [{}, {}], "gun")


def test_the_unit_of_a_file_does_not_matter(tmp_path: Path) -> None:
    clip = brought(tmp_path, Figure(), little_motion())
    joints = replace(clip.skeleton.joints, offsets=clip.skeleton.joints.offsets / 2.54)
    inches = source_clip("inches", joints, clip.rotations, clip.root_positions / 2.54, clip.fps)
    assert np.abs(retarget(clip).motion.translation - retarget(inches).motion.translation).max() < 1e-5
