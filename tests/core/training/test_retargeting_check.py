"""`train retargeting`: the bar for retargeting holds on a few clips of each pack, and faults that are planted break it."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.__main__ import main
from understudy.core.contract import BadRequest
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training import retargeting_check
from understudy.core.training.motion_capture.normalise import at_training_rate
from understudy.core.training.motion_capture.retarget import Retargeted, retarget
from understudy.core.training.motion_capture.source_clip import SourceClip
from understudy.core.training.pack_names import PACKS
from understudy.core.training.retargeting_check import (
    JOINTS,
    LIMBS_BAR,
    MEASURES,
    SOLES_BAR,
    Figures,
    clip_figures,
    evenly_spread,
    standing_soles,
)
from understudy.core.training.retargeting_picture import LEFT, MIDDLE, RIGHT, _colour, draw
from understudy.tests.core.training.sample_data import BODY, joint, needs_data, pack
from understudy.tests.core.training.test_ground import still

CLIPS = {
    "bandai_namco": ("dataset-1_kick_normal_001", "dataset-1_walk_giant_002", "dataset-2_wave-left-hand_feminine_002"),
    "cmu": ("02_01", "05_06", "16_15", "60_04", "135_11"),  # one of each kind of skeleton, at least
    "accad": ("Female1_A01_Stand", "Female1_B03_Walk1", "Female1_D6_CartWheel"),
}
ROOT, BONES = "from the root", "with our bones"
# A toe joint is another point of the foot in Bandai Namco's skeleton: 39 degrees below level in a flat foot, in ours 18
ELSEWHERE = {"bandai_namco": {"feet"}, "cmu": set(), "accad": set()}
Pairs = dict[str, list[tuple[SourceClip, Retargeted]]]


@pytest.fixture(scope="module")
def retargeted() -> Pairs:
    return {name: [(clip, retarget(clip)) for clip in map(pack(name).clip, clips)] for name, clips in CLIPS.items()}


@needs_data
def test_limbs_are_within_the_bar_and_soles_on_the_floor(retargeted: Pairs) -> None:
    of_packs = {name: [clip_figures(*pair, flat=True) for pair in pairs] for name, pairs in retargeted.items()}
    everything = Figures.of([figures for of_pack in of_packs.values() for figures in of_pack])
    assert everything.clips == 11
    assert everything.limbs(ROOT) < LIMBS_BAR
    for name, of_pack in of_packs.items():
        figures = Figures.of(of_pack)
        assert figures.over_the_bar(BONES).keys() <= ELSEWHERE[name]
        assert len(figures.soles) > 100
        assert float(figures.soles.mean()) < SOLES_BAR


@needs_data
@pytest.mark.parametrize("pack_name", PACKS)
def test_exchanged_sides_are_far_over_the_bar(pack_name: str, retargeted: Pairs) -> None:
    clip, right = retargeted[pack_name][1]
    rotations = right.motion.rotations[:, REST_SKELETON.mirror_order()]
    swapped = replace(right, motion=replace(right.motion, rotations=rotations))
    found = clip_figures(clip, swapped, flat=False)
    assert {"knees", "ankles"} <= Figures.of([found]).over_the_bar(BONES).keys()


@needs_data
@pytest.mark.parametrize("limb", ["left_hip", "right_shoulder"])
def test_one_limb_turned_by_20_degrees_is_over_the_bar(limb: str, retargeted: Pairs) -> None:
    clip, right = retargeted["cmu"][0]
    motion = replace(right.motion, rotations=right.motion.rotations.copy())
    half = np.radians(20) / 2
    w, x, y, z = np.moveaxis(motion.rotations[:, joint(limb)], -1, 0)
    # times a turn about the limb's own z axis, across the bone
    motion.rotations[:, joint(limb)] = np.stack((w, x, y, z), -1) * np.cos(half) + np.stack((-z, y, -x, w), -1) * np.sin(half)
    chain = {"left_hip": {"knees", "ankles"}, "right_shoulder": {"elbows", "wrists"}}[limb]
    before, after = (Figures.of([clip_figures(clip, made, flat=False)]) for made in (right, replace(right, motion=motion)))
    assert not before.over_the_bar(BONES).keys() & chain
    assert after.over_the_bar(BONES).keys() >= chain


def test_a_figure_that_hops_between_two_heights_stands_off_the_floor() -> None:
    motion = still(frames=40)
    motion.translation[20:, 1] += 0.1
    good = torch.ones(40, dtype=torch.bool)
    assert float(standing_soles(still(), good[:30]).abs().max()) < 1.0
    assert float(standing_soles(motion, good).abs().mean()) > SOLES_BAR


@needs_data
def test_bad_frames_and_lying_bodies_do_not_count_as_standing() -> None:
    motion, good = at_training_rate(retarget(pack("accad").clip("Female1_A09_LieT2")))
    assert len(standing_soles(motion, good)) < len(good) / 10
    assert len(standing_soles(still(), torch.zeros(30, dtype=torch.bool))) == 0


@needs_data
def test_a_source_without_toes_has_no_feet_to_compare(retargeted: Pairs) -> None:
    figures = {clip.name: Figures.of([clip_figures(clip, made, flat=False)]) for clip, made in retargeted["cmu"]}
    assert all(np.isnan(figures["60_04"].distance(measure, "feet")) for measure in MEASURES)
    assert figures["02_01"].distance(ROOT, "feet") > 0


@needs_data
def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retargeting_check, "MotionPack", lambda path: pack(path.stem))  # they are open already
    assert main(["train", "retargeting", "--packs", str(BODY), "--limit", "2"]) == 0
    printed = capsys.readouterr().out
    for measure in MEASURES:
        assert re.search(rf"^{measure}, mm +{' +'.join(JOINTS)} +limbs$", printed, re.MULTILINE)
    for name, clips in (*((name, 2) for name in PACKS), ("all", 6)):
        assert len(re.findall(rf"^  {name} +{clips}( +(\d+\.\d|-)){{10}}$", printed, re.MULTILINE)) == len(MEASURES)
        assert re.search(rf"^  {name} +\d+ +\d+\.\d +\d+\.\d +\d+\.\d%$", printed, re.MULTILINE)
    assert re.search(r"^from the root: limbs \d+\.\d mm on average, within the bar of 40 mm", printed, re.MULTILINE)


@pytest.mark.parametrize(("options", "said"), [(["--limit", "0"], "--limit should be"), ([], "no_such_folder")])
def test_what_cannot_be_checked_is_said(options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "retargeting", "--packs", str(tmp_path / "no_such_folder"), *options]) != 0
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "picked"), [(None, "abcdefghi"), (3, "beh"), (1, "e"), (20, "abcdefghi")])
def test_a_subset_is_spread_evenly(limit: int | None, picked: str) -> None:
    assert "".join(evenly_spread("abcdefghi", limit)) == picked


def test_without_matplotlib_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BadRequest, match="pip install matplotlib"):
        draw(BODY, tmp_path / "picture.png")


@needs_data
@pytest.mark.parametrize(("pack_name", "clip"), [(name, clips[0]) for name, clips in CLIPS.items()] + [("cmu", "16_15"), ("cmu", "60_04")])
def test_the_picture_tells_sides_by_the_sources_own_names(pack_name: str, clip: str) -> None:
    skeleton = pack(pack_name).clip(clip).skeleton
    names = skeleton.joints.names
    for part, colour in (("left_knee", LEFT), ("right_wrist", RIGHT), ("spine1", MIDDLE), ("neck", MIDDLE), ("head", MIDDLE)):
        assert _colour(names[skeleton.smpl_joints[joint(part)]], names) == colour
