"""The representations that a model's card may name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from ..geometry.skeleton import REST_SKELETON
from .features import Layout, LocalRotations, Representation
from .humanml3d import HUMANML3D, KIT_ML
from .humanml3d_motion import HumanML3DMotion

LOCAL_ROTATIONS = "local-rotations"


@dataclass(frozen=True)
class RepresentationKind:
    """n_features: numbers a frame; build: of mean (D,) and standard deviation (D,)."""

    n_features: int
    build: Callable[[Tensor, Tensor], Representation]


REPRESENTATIONS = {
    LOCAL_ROTATIONS: RepresentationKind(Layout(len(REST_SKELETON.names)).n_features, LocalRotations),
    "humanml3d-263": RepresentationKind(HUMANML3D.n_features, partial(HumanML3DMotion, HUMANML3D)),
    "kit-251": RepresentationKind(KIT_ML.n_features, partial(HumanML3DMotion, KIT_ML)),
}
