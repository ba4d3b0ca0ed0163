"""Where the motion data lies, its packs, and the source files that came with it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from understudy.core.contract import BodyMotion
from understudy.core.geometry.rotations import matrix_from_quaternion
from understudy.core.geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, forward_kinematics
from understudy.core.training.motion_capture.packs import MotionPack

REPO = Path(__file__).resolve().parents[3]
BODY = Path(os.environ.get("UNDERSTUDY_DATA", REPO.parent / "shared" / "data")) / "body"
SAMPLES = BODY / "samples"
METRES_PER_CMU_UNIT, METRES_PER_BANDAI_UNIT = 0.056444, 0.01
CMU_SAMPLES = ("02_01", "05_06", "09_02")
BANDAI_SAMPLES = ("dataset-1_kick_normal_001", "dataset-1_walk_giant_002", "dataset-2_wave-left-hand_feminine_002")

needs_data = pytest.mark.skipif(not (BODY / "cmu.npz").is_file(), reason=f"no motion data at {BODY} (set UNDERSTUDY_DATA)")


@cache
def pack(name: str) -> MotionPack:
    return MotionPack(BODY / f"{name}.npz")


def pack_of(clip: str) -> MotionPack:
    return pack("bandai_namco" if clip.startswith("dataset-") else "accad" if clip.startswith("Female1") else "cmu")


def metres_per_unit(clip: str) -> float:
    return METRES_PER_BANDAI_UNIT if clip.startswith("dataset-") else METRES_PER_CMU_UNIT


@cache
def _frame_columns(name: str) -> dict[str, tuple[int, float]]:
    with np.load(BODY / f"{name}.npz") as arrays:
        columns = (arrays["clip_name"], arrays["clip_first_source_frame"], arrays["clip_source_fps"])
        return {str(clip): (int(first), float(fps)) for clip, first, fps in zip(*columns, strict=True)}


def source_frames(clip: str, n_frames: int) -> Tensor:
    """Frames of the source file that became the frames of the pack's clip, as the data card tells."""
    first, fps = _frame_columns(pack_of(clip).path.stem)[clip]
    return first + torch.arange(n_frames) * round(fps / 30)


def smpl_positions(motion: BodyMotion) -> Tensor:
    """Joint positions (T, 22, 3) in metres."""
    rotations = matrix_from_quaternion(torch.from_numpy(motion.rotations.astype(np.float64)))
    return forward_kinematics(REST_SKELETON, rotations, torch.from_numpy(motion.translation.astype(np.float64)))[0]


def joint(name: str) -> int:
    return SMPL_22_NAMES.index(name)


def degrees_between_rotations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle (...) between quaternions (..., 4)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    shorter = np.minimum(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    return np.degrees(4 * np.arcsin(np.clip(shorter / 2, 0, 1)))


def degrees_between_directions(a: Tensor, b: Tensor) -> Tensor:
    """Angle (...) between vectors (..., 3)."""
    a, b = torch.nn.functional.normalize(a, dim=-1), torch.nn.functional.normalize(b, dim=-1)
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1)))
