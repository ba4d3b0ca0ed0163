"""Making the published features of HumanML3D and KIT-ML from joint positions (Guo et al., CVPR 2022).

What reads as odd in here is part of the published features and kept, as the weights were trained on it: the chains of the arms
turn relative to the root, the hips are taken the wrong way round in the smoothed heading, and the first frame always faces +Z.
One thing is mended: where the heading passes straight backwards the published turn of that one frame has the wrong sign.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..geometry.rotations import matrix_from_quaternion, quaternion_about_y, rotate, rotation_6d_from_matrix, shortest_arc, wrap_angle
from .humanml3d import HUMANML3D, FeatureLayout
from .time_series import smoothed

HEADING_SIGMA_FRAMES = 20.0
HEADING_REACH_SIGMAS = 4.0

# Distances in metres of the joints 1.. from their parents in HumanML3D's subject 000021, to whom all its clips were brought
HUMANML3D_BONE_LENGTHS = (
    0.10307, 0.10988, 0.13157, 0.39362, 0.39019, 0.14319, 0.43243, 0.42564, 0.05736, 0.14338, 0.14942, 0.21936, 0.13749, 0.14338,
    0.10304, 0.13161, 0.12298, 0.25684, 0.26309, 0.26601, 0.26988,
)  # fmt: skip


def features_from_joints(positions: Tensor, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """Features (T - 1, D), not normalised, of joint positions (T, J, 3) in metres, Y up, at the set's frame rate.

    Neither where the clip stands nor where it faces is in them: see `stand_at_origin`. Bones keep their lengths: the weights know
    only those that `with_bone_lengths` gives. Raises ValueError for other shapes and for a single frame.
    """
    _check(positions, layout, least=2)
    clip = stand_at_origin(positions, layout) / layout.metres_per_unit
    heading = smooth_heading(clip, layout)
    upright = quaternion_about_y(-heading)
    root, steps = clip[:, 0], clip[1:] - clip[:-1]
    seen = rotate(upright[:, None], clip - root[:, None] * root.new_tensor([1.0, 0.0, 1.0]))
    # Wrapped, so that a turn through straight backwards is the short one
    half_turn = -0.5 * wrap_angle(heading[1:] - heading[:-1])
    columns = (
        half_turn[:, None],
        rotate(upright[1:], steps[:, 0])[:, [0, 2]],
        root[:-1, 1:2],
        seen[:-1, 1:].flatten(1),
        rotation_6d_from_matrix(chain_rotations(clip[:-1], heading[:-1], layout)).flatten(1),
        rotate(upright[:-1, None], steps).flatten(1),
        (steps[:, list(layout.feet)].square().sum(-1) < layout.contact_threshold).to(clip.dtype),
    )
    return torch.cat(columns, dim=-1)


def stand_at_origin(positions: Tensor, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """The clip (T, J, 3) moved and turned about Y as a whole: lowest joint of all frames at y = 0, first root above the origin,
    first frame facing +Z by its hips and shoulders. Raises ValueError for other shapes.
    """
    _check(positions, layout, least=1)
    start = torch.stack((positions[0, 0, 0], positions[..., 1].amin(), positions[0, 0, 2]))
    return rotate(quaternion_about_y(-_heading_of(_ahead(positions[0], layout))), positions - start)


def smooth_heading(positions: Tensor, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """Published heading (T,) in [-pi, pi] about +Y of a clip (T, J, 3) that stands at the origin: low-passed over seconds."""
    ahead = _ahead(positions, layout, hips=-1.0)
    heading = _heading_of(smoothed(ahead, HEADING_SIGMA_FRAMES, HEADING_REACH_SIGMAS))
    return torch.cat((torch.zeros_like(heading[:1]), heading[1:]))


def chain_rotations(positions: Tensor, heading: Tensor, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """Rotations (T, J - 1, 3, 3) of the joints 1.. of a clip (T, J, 3) with a heading (T,).

    Each bone is turned the shortest way from its raw direction. Its rotation is relative to the bone before it in its chain, and
    the first of a chain, of an arm too, to the turn of the world that makes the body face +Z.
    """
    bones = positions[:, 1:] - positions[:, list(layout.parents[1:])]
    raw = bones.new_tensor(layout.raw_directions)[1:].expand_as(bones)
    root = matrix_from_quaternion(quaternion_about_y(-heading))
    turned = torch.cat((root[:, None], shortest_arc(raw, bones)), dim=1)
    first_of_chain = {chain[1] for chain in layout.chains}
    before = [0 if joint in first_of_chain else layout.parents[joint] for joint in range(1, layout.n_joints)]
    return turned[:, before].transpose(-1, -2) @ turned[:, 1:]


def with_bone_lengths(positions: Tensor, lengths: tuple[float, ...] = HUMANML3D_BONE_LENGTHS, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """The clip (T, J, 3) with bones (J - 1,) of other lengths in metres but the same directions.

    The root's way is scaled by the ratio of the legs, whose length is that of the first frame. The default is
    the body that all of HumanML3D moves. Raises ValueError for other shapes.
    """
    _check(positions, layout, least=1)
    if len(lengths) != layout.n_joints - 1:
        raise ValueError(f"{layout.name} has {layout.n_joints - 1} bones, not {len(lengths)}")
    bones = positions[:, 1:] - positions[:, list(layout.parents[1:])]
    target = bones.new_tensor(lengths)
    leg = [joint - 1 for joint in layout.leg]
    ratio = target[leg].sum() / bones[0, leg].norm(dim=-1).sum()
    offsets = F.normalize(bones, dim=-1) * target[:, None]
    placed = [positions[:, 0] * ratio]
    for joint, parent in enumerate(layout.parents[1:]):
        placed.append(placed[parent] + offsets[:, joint])
    return torch.stack(placed, dim=1)


def _ahead(positions: Tensor, layout: FeatureLayout, hips: float = 1.0) -> Tensor:
    """Level direction (..., 3) ahead of hips and shoulders of joints (..., J, 3); shorter where their line is steep.

    hips: weight of the hips' line beside that of the shoulders.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = positions[..., layout.hips + layout.shoulders, :].unbind(-2)
    across = F.normalize(hips * (right_hip - left_hip) + right_shoulder - left_shoulder, dim=-1)
    return torch.linalg.cross(across.new_tensor([0.0, 1.0, 0.0]).expand_as(across), across)


def _heading_of(ahead: Tensor) -> Tensor:
    """Angle (...) in [-pi, pi] about +Y from +Z to level directions (..., 3)."""
    return torch.atan2(ahead[..., 0], ahead[..., 2])


def _check(positions: Tensor, layout: FeatureLayout, least: int) -> None:
    if positions.dim() != 3 or positions.shape[1:] != (layout.n_joints, 3) or len(positions) < least:
        shape = tuple(positions.shape)
        raise ValueError(f"joints of {layout.name} are (T, {layout.n_joints}, 3) with at least {least} frames, not {shape}")
