"""A retargeted clip as training sees it: at 20 fps, and its mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...body.features import FPS
from ...contract import BodyMotion
from ...geometry.skeleton import REST_SKELETON, Skeleton
from .retarget import Retargeted


def at_training_rate(clip: Retargeted) -> tuple[BodyMotion, Tensor]:
    """The motion at 20 fps, and (T,) False where a bad frame of the source is next to a frame or between it and the next one."""
    motion = clip.motion.resampled(FPS)
    before = np.floor(np.arange(len(motion.translation) + 1) / FPS * clip.motion.fps + 1e-6).astype(int)
    last = np.minimum(np.maximum(before[:-1] + 1, before[1:] - 1), len(clip.frame_ok) - 1)
    bad_so_far = np.concatenate(([0], np.cumsum(~clip.frame_ok.numpy())))
    return motion, torch.from_numpy(bad_so_far[last + 1] == bad_so_far[before[:-1]])


def mirrored(motion: BodyMotion, skeleton: Skeleton = REST_SKELETON) -> BodyMotion:
    """Left and right exchanged: reflected in the plane x = 0."""
    order = skeleton.mirror_order()
    return replace(
        motion,
        translation=motion.translation * np.array([-1, 1, 1], np.float32),
        rotations=motion.rotations[:, order] * np.array([1, 1, -1, -1], np.float32),
        contacts=motion.contacts[:, [2, 3, 0, 1]],
    )
