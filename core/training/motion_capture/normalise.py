"""A retargeted clip as training sees it: at 20 fps, and its mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from ...body.features import FPS
from ...contract import BodyMotion
from ...geometry.skeleton import REST_SKELETON, Skeleton
from .retarget import Retargeted


def at_training_rate(clip: Retargeted) -> tuple[BodyMotion, Tensor]:
    """The motion at 20 fps, and (T,) False where a frame stands next to a bad one of the source."""
    motion = clip.motion.resampled(FPS)
    before = np.floor(np.arange(len(motion.translation)) / FPS * clip.motion.fps + 1e-6).astype(int)
    after = np.minimum(before + 1, len(clip.frame_ok) - 1)
    return motion, clip.frame_ok[before] & clip.frame_ok[after]


def mirrored(motion: BodyMotion, skeleton: Skeleton = REST_SKELETON) -> BodyMotion:
    """Left and right exchanged: reflected in the plane x = 0."""
    order = skeleton.mirror_order()
    return replace(
        motion,
        translation=motion.translation * np.array([-1, 1, 1], np.float32),
        rotations=motion.rotations[:, order] * np.array([1, 1, -1, -1], np.float32),
        contacts=motion.contacts[:, [2, 3, 0, 1]],
    )
