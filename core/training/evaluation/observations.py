"""What the judge and the rulers see in motions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.features import LocalRotations, raw_features
from ...contract import BodyMotion, Recipe
from ...geometry.skeleton import REST_SKELETON
from ..motion_capture.ground import joint_positions
from .judge import MotionJudge, judge_motions
from .motion_measures import floor_penetration, foot_slide, mean_jerk

MEASURES = ("jerk", "foot_slide", "penetration")


@dataclass(frozen=True)
class Observed:
    """vectors (N, E), contents (N, classes) and styles (N, classes): the judge's; measures: (N, 3) as in MEASURES."""

    vectors: Tensor
    contents: Tensor
    styles: Tensor
    measures: Tensor

    def rows(self, index: Tensor | slice) -> Observed:
        return Observed(self.vectors[index], self.contents[index], self.styles[index], self.measures[index])


def observe(judge: MotionJudge, motions: list[BodyMotion]) -> Observed:
    judged = judge_motions(judge, [raw_features(motion, REST_SKELETON) for motion in motions])
    return Observed(judged.vectors, judged.contents, judged.styles, torch.tensor([_measures(motion) for motion in motions]))


def joined(parts: list[Observed]) -> Observed:
    columns = zip(*((part.vectors, part.contents, part.styles, part.measures) for part in parts), strict=True)
    return Observed(*(torch.cat(column) for column in columns))


def motion_of(features: Tensor) -> BodyMotion:
    """The motion of raw features (T, D)."""
    representation = LocalRotations(torch.zeros(features.shape[1]), torch.ones(features.shape[1]))
    return representation.decode(features, Recipe())


def _measures(motion: BodyMotion) -> tuple[float, float, float]:
    positions = joint_positions(motion)
    return mean_jerk(positions, motion.fps), foot_slide(positions, motion.fps), floor_penetration(positions)
