"""Finds the SMPL-22 joints in a skeleton that somebody brings, by its joint names and its zero pose.

Understands CMU's BVH and ASF names, SMPL, Mixamo, DAZ, Bandai Namco, ACCAD, Unity and plain anatomical names.
"""

from __future__ import annotations

from os.path import commonprefix

import torch
from torch import Tensor

from ...geometry.rotations import shortest_arc
from ...geometry.skeleton import SMPL_22_NAMES, Skeleton, forward_kinematics
from .retarget import source_leg_length
from .source_clip import MotionFileError, SourceClip, SourceSkeleton, frames_without_jumps

# Names without side, without punctuation, lower case, best first.
_CENTRE = {"pelvis": ("hips", "hip", "pelvis", "root"), "neck": ("lowerneck", "neck", "neck1"), "head": ("head",)}
_SIDED = {
    "hip": ("upleg", "thigh", "femur", "upperleg", "hip"),
    "knee": ("leg", "shin", "tibia", "lowerleg", "calf", "knee"),
    "ankle": ("ankle", "foot"),  # SMPL has both, and its foot is the toe joint
    "foot": ("toes", "toebase", "toe", "ball", "foot"),
    "collar": ("clavicle", "collar", "shoulder"),
    "shoulder": ("arm", "upperarm", "humerus", "shldr", "uparm", "shoulder"),
    "elbow": ("forearm", "lowerarm", "radius", "elbow"),
    # CMU's BVH carries the wrist's flexion in FingerBase; its Hand only turns with the forearm
    "wrist": ("fingerbase", "wrist", "hand"),
}
_ACCLAIM_WRIST = ("hand",)  # beside a radius, the joint called wrist only turns with the forearm
_OPTIONAL = {"foot": "ankle"}  # a skeleton without toes turns them with the ankle


def source_clip(name: str, joints: Skeleton, rotations: Tensor, root_positions: Tensor, fps: float) -> SourceClip:
    """A clip of any humanoid skeleton, turned to Y up, facing +Z in its zero pose.

    rotations: (T, J, 3, 3) local; root_positions: (T, 3). Raises MotionFileError for a skeleton in which arms, legs, neck or
    head cannot be found.
    """
    try:
        smpl_joints = _find_joints(joints)
    except MotionFileError as error:
        raise MotionFileError(f"{name}: {error}") from error
    if _is_bandai_namco(joints):
        skeleton = SourceSkeleton(joints, _bandai_namco_t_pose(joints), smpl_joints)
    else:
        axes = _axes(joints, smpl_joints)
        turned = Skeleton(joints.names, joints.parents, joints.offsets @ axes.T)
        skeleton = SourceSkeleton(turned, _t_pose(turned, smpl_joints), smpl_joints)
        rotations, root_positions = axes @ rotations @ axes.T, root_positions @ axes.T
    leg_length = source_leg_length(skeleton)
    if leg_length == 0:
        raise MotionFileError(f"{name}: the legs of its skeleton have no length.")
    positions, _ = forward_kinematics(skeleton.joints, rotations, root_positions)
    frame_ok = frames_without_jumps(positions[:, list(smpl_joints)], fps, leg_length)
    return SourceClip(name, skeleton, rotations, root_positions, fps, frame_ok)


def _find_joints(joints: Skeleton) -> tuple[int, ...]:
    names = [_plain(name) for name in joints.names]
    # "Character1_Hips", "Character1_LeftArm"
    prefix = len(commonprefix(names)) if len(names) > 1 else 0  # noqa: RUF071
    plain = {name[prefix:]: index for index, name in reversed(list(enumerate(names)))}
    found: dict[str, int] = {}
    for joint, stems in _CENTRE.items():
        found[joint] = _first(plain, stems, joint)
    for side in ("left", "right"):
        for joint, usual in _SIDED.items():
            stems = _ACCLAIM_WRIST if joint == "wrist" and "lradius" in plain else usual
            words = [word for stem in stems for word in (side + stem, side[0] + stem, stem + side[0], stem + side)]
            fallback = found.get(f"{side}_{_OPTIONAL[joint]}") if joint in _OPTIONAL else None
            found[f"{side}_{joint}"] = _first(plain, words, f"{side} {joint}", fallback)
    found |= _spine(joints, found)
    for side in ("left", "right"):
        if found[f"{side}_collar"] == found[f"{side}_shoulder"]:  # no collar bone: it moves with the chest
            found[f"{side}_collar"] = found["spine3"]
    return tuple(found[name] for name in SMPL_22_NAMES)


def _plain(name: str) -> str:
    return "".join(character for character in name.split(":")[-1].lower() if character.isalnum())


def _first(plain: dict[str, int], words: list[str] | tuple[str, ...], what: str, fallback: int | None = None) -> int:
    for word in words:
        if word in plain:
            return plain[word]
    if fallback is None:
        raise MotionFileError(f"No joint for the {what} was found among {', '.join(sorted(plain))[:200]}.")
    return fallback


def _spine(joints: Skeleton, found: dict[str, int]) -> dict[str, int]:
    """The joints between pelvis and neck, shared out to spine1, spine2, spine3 from below."""
    chain: list[int] = []
    at = joints.parents[found["neck"]]
    while at not in (-1, found["pelvis"]):
        chain.insert(0, at)
        at = joints.parents[at]
    chain = chain or [found["pelvis"]]
    picks = {1: (0, 0, 0), 2: (0, 1, 1)}.get(len(chain), (0, len(chain) // 2, len(chain) - 1))
    return {f"spine{number}": chain[pick] for number, pick in enumerate(picks, start=1)}


def _axes(joints: Skeleton, smpl_joints: tuple[int, ...]) -> Tensor:
    """Rotation (3, 3) that brings the zero pose, along the file's nearest axes, to Y up and facing +Z."""
    rest = joints.rest_positions()
    at = dict(zip(SMPL_22_NAMES, smpl_joints, strict=True))
    up = _nearest_axis(rest[at["head"]] - rest[at["left_ankle"]] / 2 - rest[at["right_ankle"]] / 2)
    across = rest[at["left_hip"]] - rest[at["right_hip"]]
    left = _nearest_axis(across - (across @ up) * up)
    return torch.stack((left, up, torch.linalg.cross(left, up)))


def _nearest_axis(vector: Tensor) -> Tensor:
    axis = torch.zeros_like(vector)
    largest = int(vector.abs().argmax())
    axis[largest] = torch.sign(vector[largest])
    return axis


def _t_pose(joints: Skeleton, smpl_joints: tuple[int, ...]) -> Tensor:
    """Global rotations (J, 3, 3) that straighten the limbs of the zero pose: legs down, arms to the sides."""
    t_pose = torch.eye(3, dtype=joints.offsets.dtype).repeat(len(joints.names), 1, 1)
    at = dict(zip(SMPL_22_NAMES, smpl_joints, strict=True))
    rest = joints.rest_positions()
    for side, arm in (("left", 1.0), ("right", -1.0)):
        for chain, direction in (
            (("hip", "knee", "ankle"), (0.0, -1.0, 0.0)),
            (("shoulder", "elbow", "wrist"), (arm, 0.0, 0.0)),
        ):
            upper, middle, end = (at[f"{side}_{joint}"] for joint in chain)
            target = rest.new_tensor(direction)
            t_pose[_subtree(joints, upper)] = shortest_arc(rest[middle] - rest[upper], target)
            bent = t_pose[upper] @ (rest[end] - rest[middle])
            t_pose[_subtree(joints, middle)] = shortest_arc(bent, target) @ t_pose[upper]
    return t_pose


def _subtree(joints: Skeleton, top: int) -> list[int]:
    members = {top}
    for joint, parent in enumerate(joints.parents):
        if parent in members:
            members.add(joint)
    return sorted(members)


def _is_bandai_namco(joints: Skeleton) -> bool:
    """Their zero pose is a heap in which every bone runs along its own X."""
    if not {"Chest", "UpperArm_L", "UpperLeg_L", "Toes_L"} <= set(joints.names):
        return False
    chest, neck = joints.offsets[joints.index("Chest")], joints.offsets[joints.index("Neck")]
    return bool(chest[0] > 0.9 * chest.norm() and neck[0] > 0.9 * neck.norm())


def _bandai_namco_t_pose(joints: Skeleton) -> Tensor:
    """Where the local axes of each joint point in the T-pose, columns X, Y, Z in (left, up, forward)."""
    left, up, forward = torch.eye(3, dtype=joints.offsets.dtype)
    frames = {
        "Hips": (up, -left, forward),
        **dict.fromkeys(("Spine", "Chest", "Neck", "Head"), (up, forward, left)),
        **dict.fromkeys(("Shoulder_L", "UpperArm_L", "LowerArm_L", "Hand_L"), (left, up, forward)),
        **dict.fromkeys(("Shoulder_R", "UpperArm_R", "LowerArm_R", "Hand_R"), (left, -up, -forward)),
        **dict.fromkeys(("UpperLeg_L", "LowerLeg_L"), (-up, left, forward)),
        **dict.fromkeys(("UpperLeg_R", "LowerLeg_R"), (up, left, -forward)),
        **{f"{part}_{side}": _sole_frame(sign, degrees, left, up, forward)
           for part, degrees in (("Foot", 39.0), ("Toes", 24.0)) for side, sign in (("L", 1.0), ("R", -1.0))},
    }  # fmt: skip
    return torch.stack([torch.stack(frames[name], dim=-1) for name in joints.names])


def _sole_frame(sign: float, degrees: float, left: Tensor, up: Tensor, forward: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    angle = torch.deg2rad(torch.tensor(degrees, dtype=up.dtype))
    along = sign * (torch.cos(angle) * forward - torch.sin(angle) * up)
    return along, left, torch.linalg.cross(along, left)
