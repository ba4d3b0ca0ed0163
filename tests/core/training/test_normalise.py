"""20 frames a second, and the mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from understudy.core.contract import BodyMotion
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training.motion_capture.normalise import at_training_rate, mirrored
from understudy.core.training.motion_capture.retarget import Retargeted, retarget
from understudy.tests.core.training.sample_data import degrees_between_rotations, needs_data, pack, smpl_positions

SOME_CLIPS = [
    ("cmu", "05_06"), ("cmu", "02_01"), ("cmu", "60_05"), ("accad", "Female1_D6_CartWheel"),
    ("bandai_namco", "dataset-2_wave-left-hand_feminine_002"),
]  # fmt: skip
each_clip = pytest.mark.parametrize(("name", "clip"), SOME_CLIPS, ids=[clip for _, clip in SOME_CLIPS])


def turning(frames: int, fps: float) -> Retargeted:
    """Walks one metre a second to the left while turning one radian a second."""
    seconds = np.arange(frames) / fps
    rotations = np.zeros((frames, 22, 4), np.float32)
    rotations[..., 0] = 1
    rotations[:, 0] = np.stack((np.cos(seconds / 2), 0 * seconds, np.sin(seconds / 2), 0 * seconds), axis=-1)
    translation = np.stack((seconds, 0 * seconds + 0.9, 0 * seconds), axis=-1).astype(np.float32)
    contacts, offsets = np.zeros((frames, 4), np.float32), REST_SKELETON.offsets.float().numpy()
    motion = BodyMotion(translation, rotations, contacts, REST_SKELETON.names, REST_SKELETON.parents, offsets, fps)
    return Retargeted(motion, torch.ones(frames, dtype=torch.bool), 1.0)


@pytest.mark.parametrize("fps", [10.0, 20.0, 24.0, 29.97, 30.0, 59.94, 60.0, 120.00048])
def test_frames_are_the_poses_at_multiples_of_a_twentieth_of_a_second(fps: float) -> None:
    motion, frame_ok = at_training_rate(turning(frames=97, fps=fps))
    seconds = np.arange(len(motion.translation)) / 20
    assert motion.fps == 20
    assert seconds[-1] <= 96 / fps + 1e-6 < seconds[-1] + 1 / 20 + 1e-5
    assert np.abs(motion.translation[:, 0] - seconds).max() < 1e-4
    assert np.abs(motion.rotations[:, 0, 2] - np.sin(seconds / 2)).max() < 1e-3
    assert frame_ok.shape == seconds.shape and bool(frame_ok.all())


@needs_data
@each_clip
def test_at_30_fps_every_second_frame_is_every_third_of_the_source(name: str, clip: str) -> None:
    source = retarget(pack(name).clip(clip))
    motion, _ = at_training_rate(source)
    exact = source.motion.rotations[::3][: len(motion.rotations[::2])]
    assert degrees_between_rotations(motion.rotations[::2], exact).max() < 0.05
    assert np.abs(motion.translation[::2] - source.motion.translation[::3][: len(exact)]).max() < 1e-5


@pytest.mark.parametrize(
    ("fps", "bad", "expected"),
    [
        (30.0, {0}, {0}), (30.0, {2, 3}, {1, 2}), (30.0, {4, 5}, {2, 3}), (20.0, {5}, {4, 5}),
        (120.0, {12}, {2}), (120.0, {9, 10}, {1}), (120.0, {11, 12}, {1, 2}), (120.0, {0, 1}, {0}),
    ],
)  # fmt: skip
def test_a_jump_between_two_frames_is_never_lost(fps: float, bad: set[int], expected: set[int]) -> None:
    clip = turning(frames=60, fps=fps)
    clip.frame_ok[list(bad)] = False
    _, frame_ok = at_training_rate(clip)
    assert set((~frame_ok).nonzero().flatten().tolist()) == expected


@needs_data
@each_clip
def test_mirroring_twice_gives_the_motion_back(name: str, clip: str) -> None:
    motion = retarget(pack(name).clip(clip)).motion
    motion = replace(motion, contacts=np.random.default_rng(0).random((len(motion.translation), 4), np.float32))
    again = mirrored(mirrored(motion))
    for part in ("translation", "rotations", "contacts"):
        assert np.array_equal(getattr(again, part), getattr(motion, part))


@needs_data
@each_clip
def test_the_mirror_images_joints_are_the_reflected_joints_of_the_other_side(name: str, clip: str) -> None:
    motion = retarget(pack(name).clip(clip)).motion
    reflected = smpl_positions(motion)[:, REST_SKELETON.mirror_order()] * torch.tensor([-1.0, 1, 1])
    assert float((smpl_positions(mirrored(motion)) - reflected).abs().max()) < 1e-4


def test_the_mirror_image_swaps_the_contacts_of_the_feet() -> None:
    motion = turning(2, 20.0).motion
    motion.contacts[:] = (1, 0.5, 0, 0.25)
    assert mirrored(motion).contacts[0].tolist() == [0, 0.25, 1, 0.5]


def test_the_rest_skeleton_is_its_own_mirror_image() -> None:
    offsets = REST_SKELETON.offsets[REST_SKELETON.mirror_order()] * torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    assert torch.equal(offsets, REST_SKELETON.offsets)
