"""BVH files give the joint positions that the packs hold, however they are spelt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from understudy.core.geometry.skeleton import forward_kinematics
from understudy.core.training.motion_capture.bvh import BvhMotion, read_bvh
from understudy.tests.core.training.made_skeletons import PLAIN, T_POSE, Figure, little_motion
from understudy.tests.core.training.sample_data import (
    BANDAI_SAMPLES,
    CMU_SAMPLES,
    SAMPLES,
    metres_per_unit,
    needs_data,
    pack_of,
    source_frames,
)

MAX_ERROR = 0.0015  # metres: the data card promises 1.1 mm after quantising


def written(folder: Path, text: str) -> BvhMotion:
    path = folder / "made.bvh"
    path.write_bytes(text.encode())
    return read_bvh(path)


def positions(motion: BvhMotion) -> torch.Tensor:
    return forward_kinematics(motion.joints, motion.rotations, motion.root_positions)[0]


@needs_data
@pytest.mark.parametrize("clip", CMU_SAMPLES + BANDAI_SAMPLES)
def test_sample_has_the_joint_positions_of_its_clip_in_the_pack(clip: str) -> None:
    bvh, packed = read_bvh(SAMPLES / f"{clip}.bvh"), pack_of(clip).clip(clip)
    expected, _ = packed.forward_kinematics()
    assert bvh.joints.names == packed.skeleton.joints.names
    assert bvh.joints.parents == packed.skeleton.joints.parents
    found = positions(bvh)[source_frames(clip, len(expected))] * metres_per_unit(clip)
    assert float((found - expected).norm(dim=-1).max()) < MAX_ERROR


@needs_data
@pytest.mark.parametrize(("clip", "frames", "fps"), [("02_01", 344, 120.0), ("dataset-1_walk_giant_002", 222, 30.0)])
def test_frames_and_rate_are_those_of_the_header(clip: str, frames: int, fps: float) -> None:
    bvh = read_bvh(SAMPLES / f"{clip}.bvh")
    assert len(bvh.rotations) == len(bvh.root_positions) == frames
    assert bvh.fps == pytest.approx(fps, rel=1e-5)


@needs_data
def test_the_t_pose_that_cmu_added_is_still_frame_0() -> None:
    bvh = read_bvh(SAMPLES / "02_01.bvh")
    straight = positions(bvh)[0] - bvh.root_positions[0]
    left, right = (straight[bvh.joints.index(name)] for name in ("LeftHand", "RightHand"))
    assert abs(float(left[1] - right[1])) < 0.3
    assert float(left[0] - right[0]) > 15
    moved = (bvh.rotations[1:] - bvh.rotations[:-1]).flatten(1).norm(dim=1)
    assert float(moved[0]) > 10 * float(moved[1:].median())


@needs_data
def test_the_root_that_only_carries_bandai_namcos_body_is_merged_into_the_hips() -> None:
    bvh = read_bvh(SAMPLES / f"{BANDAI_SAMPLES[0]}.bvh")
    assert bvh.joints.names[0] == "Hips"
    assert "joint_Root" not in bvh.joints.names
    assert bvh.joints.offsets[0].abs().sum() == 0


def test_a_carrier_that_turns_and_moves_passes_both_on_to_the_hips(tmp_path: Path) -> None:
    text = """HIERARCHY
ROOT Armature
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Hips
  {
    OFFSET 0 90 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT Spine
    {
      OFFSET 0 10 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 10 0
      }
    }
  }
}
MOTION
Frames: 1
Frame Time: 0.0333333
5 0 0 90 0 0 0 0 0 0 0 0
"""
    motion = written(tmp_path, text)
    assert motion.joints.names == ("Hips", "Spine")
    assert positions(motion)[0].tolist() == [pytest.approx([-85, 0, 0]), pytest.approx([-95, 0, 0])]


def test_angles_are_turned_in_the_order_of_the_channels(tmp_path: Path) -> None:
    text = Figure().bvh([{}]).replace("94.000000 0.000000 0.000000 0.000000 0.000000", "94 0 90 90 0", 1)
    turned = written(tmp_path, text).rotations[0, 0]
    # First 90 degrees about X, then 90 about the Y that this turned to point forward
    expected = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    assert torch.allclose(turned, expected, atol=1e-9)


@pytest.mark.parametrize(
    "figure",
    [replace(Figure(), line_end="\r\n"), replace(Figure(), lower_case_channels=True), replace(Figure(), line_end="\n\n")],
    ids=["Windows line ends", "lower-case channels", "empty lines"],
)
def test_spelling_changes_nothing(figure: Figure, tmp_path: Path) -> None:
    plain, other = (written(tmp_path, kind.bvh(little_motion())) for kind in (Figure(), figure))
    assert torch.equal(plain.rotations, other.rotations)
    assert torch.equal(plain.root_positions, other.root_positions)
    assert plain.fps == other.fps


def test_end_sites_are_not_joints(tmp_path: Path) -> None:
    motion = written(tmp_path, Figure().bvh([{}, {}]))
    assert sorted(motion.joints.names) == sorted(T_POSE)
    assert motion.rotations.shape == (2, len(T_POSE), 3, 3)


def test_a_joint_called_motion_does_not_end_the_hierarchy(tmp_path: Path) -> None:
    motion = written(tmp_path, Figure({**PLAIN, "head": "MOTION_head"}).bvh([{}]))
    assert "MOTION_head" in motion.joints.names


def test_a_joint_with_a_single_angle_turns_about_that_axis(tmp_path: Path) -> None:
    text = Figure(omitted=tuple(name for name in T_POSE if name != "pelvis")).bvh([{}])
    text = text.replace("CHANNELS 6", "CHANNELS 4").replace(" Xrotation Yrotation", "")
    text = text[: text.rindex("\n", 0, -1)] + "\n0 94 0 90\n"
    assert torch.allclose(written(tmp_path, text).rotations[0, 0, :, 0], torch.tensor([0.0, 1, 0], dtype=torch.float64), atol=1e-9)


def test_position_channels_take_the_place_of_an_offset(tmp_path: Path) -> None:
    text = Figure(omitted=tuple(name for name in T_POSE if name not in ("pelvis", "spine1", "left_hip"))).bvh([{}, {}])
    joint = "CHANNELS 3 Zrotation Xrotation Yrotation"
    text = text.replace(joint, "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation", 1)
    lines = text.rstrip("\n").split("\n")
    lines[-2:] = ["0 94 0 0 0 0 1 2 3 0 0 0 0 0 0"] * 2
    motion = written(tmp_path, "\n".join(lines))
    assert motion.joints.offsets[1].tolist() == [1, 2, 3]
