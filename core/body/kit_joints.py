"""Between the 21 joints of KIT-ML and SMPL's first 22.

KIT-ML's spine has one joint less, its arms hang at the neck without collar bones, and its feet have a joint in their middle
(Terlemez et al., "Master Motor Map (MMM)", Humanoids 2014). Sides are those that the published features face by.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..geometry.skeleton import REST_SKELETON, SMPL_22_NAMES

# KIT-ML's joint 14 and 19, in the middle of the feet, are no joints of SMPL
_KIT_NAMES = (
    "pelvis", "spine1", "spine3", "neck", "head", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "", "right_foot", "left_hip", "left_knee", "left_ankle", "", "left_foot",
)  # fmt: skip
_MIDDLE_OF_FOOT = {"right": 14, "left": 19}
_SPINE1_TO_2, _SPINE2_TO_3 = (float(REST_SKELETON.offsets[SMPL_22_NAMES.index(name)].norm()) for name in ("spine2", "spine3"))
_SPINE2_SHARE = _SPINE1_TO_2 / (_SPINE1_TO_2 + _SPINE2_TO_3)


def smpl_from_kit(joints: Tensor) -> Tensor:
    """Joints (T, 21, 3) of KIT-ML as SMPL's first 22 (T, 22, 3).

    spine2 lies between its neighbours, collars between spine, neck and shoulders, as far along as those of the default body.
    """
    placed = {name: joints[:, joint] for joint, name in enumerate(_KIT_NAMES) if name}
    placed["spine2"] = torch.lerp(placed["spine1"], placed["spine3"], _SPINE2_SHARE)
    placed |= _collars(placed)
    return torch.stack([placed[name] for name in SMPL_22_NAMES], dim=1)


def _collars(placed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Both collars (T, 3), on the line from a point beside the spine to the shoulder, as the default body has them at rest."""
    rest = dict(zip(SMPL_22_NAMES, REST_SKELETON.rest_positions().to(placed["neck"]), strict=True))
    out = rest["left_collar"][0] / rest["left_shoulder"][0]
    start = (rest["left_collar"] - out * rest["left_shoulder"]) / (1 - out)
    up = (start - rest["spine3"])[1] / (rest["neck"] - rest["spine3"])[1]
    depth = (start - torch.lerp(rest["spine3"], rest["neck"], up))[2]
    across, spine = placed["left_shoulder"] - placed["right_shoulder"], placed["neck"] - placed["spine3"]
    ahead = F.normalize(torch.linalg.cross(across, spine), dim=-1)
    branching = torch.lerp(placed["spine3"], placed["neck"], up) + depth * ahead
    return {f"{side}_collar": torch.lerp(branching, placed[f"{side}_shoulder"], out) for side in ("left", "right")}


def kit_from_smpl(joints: Tensor) -> Tensor:
    """SMPL's first 22 joints (T, 22, 3) as those of KIT-ML (T, 21, 3), with the bone lengths that they have."""
    placed = [joints[:, SMPL_22_NAMES.index(name)] if name else torch.zeros_like(joints[:, 0]) for name in _KIT_NAMES]
    for side, middle in _MIDDLE_OF_FOOT.items():
        ankle, foot = (joints[:, SMPL_22_NAMES.index(f"{side}_{joint}")] for joint in ("ankle", "foot"))
        placed[middle] = (ankle + foot) / 2
    return torch.stack(placed, dim=1)
