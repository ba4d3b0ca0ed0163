"""ASF and AMC files give the same motion as the BVH made from them, and the pack's clip."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from understudy.core.geometry.skeleton import forward_kinematics
from understudy.core.training.motion_capture.acclaim import AcclaimMotion, read_amc, read_asf
from understudy.core.training.motion_capture.bvh import read_bvh
from understudy.core.training.motion_capture.folder import motion_files, read_motion_file
from understudy.tests.core.training.sample_data import METRES_PER_CMU_UNIT, SAMPLES, needs_data, pack, source_frames

pytestmark = needs_data
BVH_NAMES = {
    "root": "Hips", "lfemur": "LeftUpLeg", "ltibia": "LeftLeg", "lfoot": "LeftFoot", "ltoes": "LeftToeBase", "rfemur": "RightUpLeg",
    "rtibia": "RightLeg", "rfoot": "RightFoot", "rtoes": "RightToeBase", "lowerback": "LowerBack", "upperback": "Spine",
    "thorax": "Spine1", "lowerneck": "Neck", "upperneck": "Neck1", "head": "Head", "lclavicle": "LeftShoulder",
    "lhumerus": "LeftArm", "lradius": "LeftForeArm", "lwrist": "LeftHand", "lhand": "LeftFingerBase", "rclavicle": "RightShoulder",
    "rhumerus": "RightArm", "rradius": "RightForeArm", "rwrist": "RightHand", "rhand": "RightFingerBase",
}  # fmt: skip
BELOW_THORAX = [name for name in BVH_NAMES if name.endswith(("femur", "tibia", "foot", "toes", "back"))]


@pytest.fixture(scope="module")
def walk() -> AcclaimMotion:
    return read_amc(SAMPLES / "02_01.amc", read_asf(SAMPLES / "02.asf"))


def test_the_unit_is_the_one_that_the_header_tells() -> None:
    assert read_asf(SAMPLES / "02.asf").metres_per_unit == pytest.approx(METRES_PER_CMU_UNIT, abs=1e-6)


def test_rotations_and_root_are_those_of_bvh_frames_1_to_343(walk: AcclaimMotion) -> None:
    bvh = read_bvh(SAMPLES / "02_01.bvh")
    _, from_amc = forward_kinematics(walk.joints, walk.rotations, walk.root_positions)
    _, from_bvh = forward_kinematics(bvh.joints, bvh.rotations, bvh.root_positions)
    assert len(from_amc) == 343
    for asf_name, bvh_name in BVH_NAMES.items():
        difference = from_amc[:, walk.joints.index(asf_name)] - from_bvh[1:344, bvh.joints.index(bvh_name)]
        assert float(difference.abs().max()) < 1e-5, asf_name
    assert torch.allclose(walk.root_positions, bvh.root_positions[1:344] * METRES_PER_CMU_UNIT, atol=1e-4)


def test_joint_positions_are_those_of_the_pack_below_the_bone_that_the_bvh_lost(walk: AcclaimMotion) -> None:
    clip = pack("cmu").clip("02_01")
    packed, _ = clip.forward_kinematics()
    found, _ = forward_kinematics(walk.joints, walk.rotations, walk.root_positions)
    frames = source_frames("02_01", len(packed)) - 1  # the BVH has a T-pose in front
    for asf_name in BELOW_THORAX:
        expected = packed[:, clip.skeleton.joints.index(BVH_NAMES[asf_name])]
        assert float((found[frames, walk.joints.index(asf_name)] - expected).norm(dim=-1).max()) < 0.0015, asf_name


def test_the_thorax_that_the_bvh_lost_is_there(walk: AcclaimMotion) -> None:
    assert float(walk.joints.offsets[walk.joints.index("lowerneck")].norm()) == pytest.approx(0.117, abs=0.01)


def test_a_joint_sits_where_its_bone_begins(walk: AcclaimMotion) -> None:
    at_rest = walk.joints.rest_positions()
    shin = at_rest[walk.joints.index("lfoot")] - at_rest[walk.joints.index("ltibia")]
    assert float(shin.norm()) == pytest.approx(7.28717 * METRES_PER_CMU_UNIT, abs=1e-4)
    assert at_rest[[walk.joints.index(name) for name in ("lhipjoint", "rhipjoint", "lowerback")]].abs().sum() == 0


def test_windows_line_ends_change_nothing(walk: AcclaimMotion, tmp_path: Path) -> None:
    for name in ("02.asf", "02_01.amc"):
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes().replace(b"\r", b"").replace(b"\n", b"\r\n"))
    clip = read_motion_file(tmp_path / "02_01.amc")
    assert torch.equal(clip.rotations, walk.rotations)


def test_the_only_skeleton_of_the_folder_serves_every_motion(tmp_path: Path) -> None:
    (tmp_path / "Dancer.ASF").write_bytes((SAMPLES / "02.asf").read_bytes())
    (tmp_path / "walk.AMC").write_bytes((SAMPLES / "02_01.amc").read_bytes())
    assert read_motion_file(tmp_path / "walk.AMC").name == "walk"


def test_of_several_skeletons_a_motion_takes_the_one_of_its_subject(tmp_path: Path) -> None:
    asf = (SAMPLES / "02.asf").read_text()
    (tmp_path / "02.asf").write_text(asf)
    (tmp_path / "0.asf").write_text("not this one")
    (tmp_path / "05.asf").write_text("nor this one")
    (tmp_path / "02_01.amc").write_bytes((SAMPLES / "02_01.amc").read_bytes())
    assert len(read_motion_file(tmp_path / "02_01.amc").rotations) == 343


def test_motion_files_are_found_below_a_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.bvh", "a.BVH", "deeper/c.amc", "notes.txt", "skeleton.asf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in motion_files(tmp_path)] == ["a.BVH", "b.bvh", "c.amc"]
