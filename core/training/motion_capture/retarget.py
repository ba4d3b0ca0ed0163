"""From a capture skeleton to SMPL-22: rotations are carried over, positions follow from them.

A source joint's global rotation, taken relative to how that joint stands in the T-pose, is given to the SMPL joint. Thighs,
shins and arms are turned a little more, so that the target's bones point exactly as the source's do although neither T-pose
is perfectly straight. The pelvis moves by the source's hips, scaled by the ratio of leg lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...contract import BodyMotion
from ...geometry.rotations import quaternion_from_matrix, shortest_arc, sign_continuous
from ...geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, Skeleton
from .source_clip import SourceClip, SourceSkeleton

SPINE_CHAIN = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
# Bones that point as the source's do: joint, and the child that it points at
LIMB_BONES = tuple(
    (f"{side}_{joint}", f"{side}_{child}")
    for side in ("left", "right")
    for joint, child in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


@dataclass(frozen=True)
class Retargeted:
    """A clip on SMPL-22 at the rate of its source.

    scale: target leg length over source leg length. frame_ok: (T,) False next to jumps of the recording.
    """

    motion: BodyMotion
    frame_ok: Tensor
    scale: float


def retarget(clip: SourceClip, target: Skeleton = REST_SKELETON) -> Retargeted:
    """`clip` on the target skeleton. Where the recording stood and looked is kept; contacts are left at 0."""
    positions, source_global = clip.forward_kinematics()
    rotations = _local_rotations(_smpl_global_rotations(source_global, clip.skeleton, target), target)
    scale = target.leg_length() / source_leg_length(clip.skeleton)
    hips = [clip.skeleton.smpl_joints[target.index(name)] for name in ("left_hip", "right_hip")]
    target_hips = target.offsets[[target.index("left_hip"), target.index("right_hip")]].double().mean(0)
    translation = scale * positions[:, hips].mean(1) - rotations[:, 0] @ target_hips
    motion = BodyMotion(
        translation=_float(translation),
        rotations=_float(sign_continuous(quaternion_from_matrix(rotations))),
        contacts=np.zeros((len(translation), 4), np.float32),
        joint_names=target.names,
        parents=target.parents,
        offsets=_float(target.offsets),
        fps=clip.fps,
    )
    return Retargeted(motion, clip.frame_ok, scale)


def source_leg_length(skeleton: SourceSkeleton) -> float:
    """Thigh plus shin, mean of both sides, in the units of the source, along the joints between hip and ankle."""
    rest = skeleton.joints.rest_positions()
    lengths = []
    for bones in (("left_hip", "left_knee", "left_ankle"), ("right_hip", "right_knee", "right_ankle")):
        hip, knee, ankle = (rest[skeleton.smpl_joints[SMPL_22_NAMES.index(name)]] for name in bones)
        lengths.append((knee - hip).norm() + (ankle - knee).norm())
    return float(sum(lengths) / 2)


def _smpl_global_rotations(source_global: Tensor, skeleton: SourceSkeleton, target: Skeleton) -> Tensor:
    """Global rotations (T, 22, 3, 3) of the target's joints."""
    sources = list(skeleton.smpl_joints)
    turned = source_global[:, sources] @ skeleton.t_pose[sources].transpose(-1, -2)
    stands = _t_pose_positions(skeleton)
    for joint, child in LIMB_BONES:
        index, end = target.index(joint), target.index(child)
        rest = target.offsets[end].to(stands)
        turned[:, index] = turned[:, index] @ shortest_arc(rest, stands[sources[end]] - stands[sources[index]])
    return _spread_spine(turned, sources, target)


def _t_pose_positions(skeleton: SourceSkeleton) -> Tensor:
    """Where the source joints (J, 3) are while its body stands in the T-pose, root at the origin."""
    joints = skeleton.joints
    positions = [torch.zeros_like(joints.offsets[0])]
    for joint in range(1, len(joints.names)):
        parent = joints.parents[joint]
        positions.append(positions[parent] + skeleton.t_pose[parent] @ joints.offsets[joint])
    return torch.stack(positions)


def _spread_spine(turned: Tensor, sources: list[int], target: Skeleton) -> Tensor:
    """Where one source joint serves several spine joints, those before the last share the bend evenly."""
    chain = [target.index(name) for name in SPINE_CHAIN]
    start = 0
    while start < len(chain) - 1:
        end = start + 1
        while end + 1 < len(chain) and sources[chain[end + 1]] == sources[chain[end]]:
            end += 1
        low, high = (quaternion_from_matrix(turned[:, chain[at]]) for at in (start, end))
        for at in range(start + 1, end):
            turned[:, chain[at]] = _between(low, high, (at - start) / (end - start))
        start = end
    return turned


def _between(a: Tensor, b: Tensor, weight: float) -> Tensor:
    from ...contract.interpolation import slerp
    from ...geometry.rotations import matrix_from_quaternion

    mixed = slerp(a.numpy(), b.numpy(), np.full((len(a), 1), weight))
    return matrix_from_quaternion(torch.from_numpy(mixed))


def _local_rotations(turned: Tensor, target: Skeleton) -> Tensor:
    local = turned.clone()
    for joint, parent in enumerate(target.parents):
        if parent >= 0:
            local[:, joint] = turned[:, parent].transpose(-1, -2) @ turned[:, joint]
    return local


def _float(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().astype(np.float32)
