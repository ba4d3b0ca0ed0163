"""The skeleton of the default body: SMPL-H's joints placed in the MakeHuman body, and the turns from its A-pose to the T-pose."""

from __future__ import annotations

import re

import numpy as np

from .makehuman_data import FloatArray, MakeHumanBody

BODY_JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3", "left_foot",
    "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
)  # fmt: skip
BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
FINGERS = {"index": 2, "middle": 3, "pinky": 5, "ring": 4, "thumb": 1}  # in SMPL-H's order, with MakeHuman's finger numbers
_HAND_JOINTS = tuple(f"{side}_{finger}{k}" for side in ("left", "right") for finger in FINGERS for k in (1, 2, 3))

JOINT_NAMES = BODY_JOINTS + _HAND_JOINTS
INDEX = {name: j for j, name in enumerate(JOINT_NAMES)}
PARENTS = BODY_PARENTS + tuple(
    INDEX[f"{name[:-1]}{int(name[-1]) - 1}"] if name[-1] != "1" else INDEX[f"{name.split('_')[0]}_wrist"] for name in _HAND_JOINTS
)
_OTHER_SIDE = {"left": "right", "right": "left"}
MIRROR_JOINT = np.array([INDEX[re.sub("^(left|right)", lambda side: _OTHER_SIDE[side[0]], name)] for name in JOINT_NAMES])

# Trunk joints lie on the line from the hips (0) to the neck (1), about where SMPL has them.
TRUNK_HEIGHTS = {"pelvis": 0.13, "spine1": 0.32, "spine2": 0.53, "spine3": 0.64, "neck": 1.0}
_LIMB_MARKERS = {
    "hip": ("upper-leg",), "knee": ("knee",), "ankle": ("ankle",), "foot": tuple(f"toe-{toe}-1" for toe in range(1, 6)),
    "collar": ("clavicle", "scapula"), "shoulder": ("shoulder",), "elbow": ("elbow",), "wrist": ("hand",),
}  # fmt: skip
COLLAR_RAISE = np.radians(18.0)  # the shoulder blade's share of lifting the arm to the horizontal


def place_joints(body: MakeHumanBody) -> FloatArray:
    """Joint positions (52, 3) in metres in MakeHuman's A-pose, exactly symmetric."""
    markers = body.joint_markers
    left = {f"left_{joint}": np.mean([markers[f"l-{m}"] for m in names], axis=0) for joint, names in _LIMB_MARKERS.items()}
    for finger, number in FINGERS.items():
        left |= {f"left_{finger}{k}": markers[f"l-finger-{number}-{k}"] for k in (1, 2, 3)}
    hips, neck = left["left_hip"] * (0, 1, 1), markers["neck"]
    centre = {name: hips + height * (neck - hips) for name, height in TRUNK_HEIGHTS.items()} | {"head": markers["head"]}

    joints = np.zeros((len(JOINT_NAMES), 3))
    for name, position in (left | centre).items():
        joints[INDEX[name]] = position
    joints[[INDEX[name] for name in centre], 0] = 0.0
    for name in left:
        joints[MIRROR_JOINT[INDEX[name]]] = joints[INDEX[name]] * (-1, 1, 1)
    return joints


def t_pose_rotations(joints: FloatArray) -> FloatArray:
    """Rotation (52, 3, 3) of every joint's frame, in the world, that takes the A-pose `joints` (52, 3) to the T-pose.

    Each arm's elbow hinge comes to stand vertical and its palm to look down; each leg's hip comes to stand above its ankle,
    with the slight bend of the knee kept; trunk, head and feet stay as they are.
    """
    at = {name: joints[j] for name, j in INDEX.items()}
    upper_arm, forearm = at["left_elbow"] - at["left_shoulder"], at["left_wrist"] - at["left_elbow"]
    hinge = np.cross(forearm, upper_arm)
    palm_length, palm_width = at["left_middle1"] - at["left_wrist"], at["left_index1"] - at["left_pinky1"]
    leg = at["left_hip"] - at["left_ankle"]
    hand = _frame(palm_length, np.cross(palm_width, palm_length)).T
    left = {
        "collar": _about_z(COLLAR_RAISE),
        "shoulder": _frame(upper_arm, hinge).T,
        "elbow": _frame(forearm, hinge).T,
        "wrist": hand,
        "hip": _frame(np.cross(leg, (0.0, 0.0, 1.0)), leg).T,
    }
    left["knee"] = left["hip"]
    left |= {name.removeprefix("left_"): hand for name in _HAND_JOINTS if name.startswith("left")}
    rotations = np.tile(np.eye(3), (len(JOINT_NAMES), 1, 1))
    mirror = np.diag([-1.0, 1.0, 1.0])
    for name, rotation in left.items():
        rotations[INDEX[f"left_{name}"]] = rotation
        rotations[INDEX[f"right_{name}"]] = mirror @ rotation @ mirror
    return rotations


def move_joints(joints: FloatArray, rotations: FloatArray) -> FloatArray:
    """Forward kinematics: positions (52, 3) after every bone of `joints` was turned by its parent's world rotation."""
    moved = joints.copy()
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            moved[j] = moved[parent] + rotations[parent] @ (joints[j] - joints[parent])
    return moved


def _frame(x: FloatArray, y: FloatArray) -> FloatArray:
    """Orthonormal axes as columns (3, 3): the first along `x`, the second towards `y`."""
    x = x / np.linalg.norm(x)
    y = y - x * (x @ y)
    y = y / np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _about_z(angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
