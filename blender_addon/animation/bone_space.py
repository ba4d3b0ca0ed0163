"""From SMPL's rotations and metres to what a rig's pose bones hold, whatever their axes, rolls, units and rest pose are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.contract import BadRequest, BodyMotion
from . import quaternions
from .rig import BODY_JOINTS, Rig, RigError

ANKLE_HEIGHT = 0.08622  # of the leg length, from the sole up to the ankle: the default body's, SMPL's differ by a centimetre
ROUNDING = 1e-4  # of the leg length: bodies that differ by less are the same, stored with different rounding
SAME_PLACE = 0.1  # leg lengths; a pelvis this close to the armature's origin is meant to stand above it
CORRECTED_FROM = np.radians(15.0)  # rest limbs further off the T-pose are turned into it
CORRECTED_TO = np.radians(120.0)  # rest limbs still further off are no rest pose of a standing body
# Limbs that a rest pose may hold differently: upper joint, middle joint, end, and whether the end turns with the limb.
LIMBS = (
    ("left_shoulder", "left_elbow", "left_wrist", True), ("right_shoulder", "right_elbow", "right_wrist", True),
    ("left_hip", "left_knee", "left_ankle", False), ("right_hip", "right_knee", "right_ankle", False),
)  # fmt: skip


@dataclass(frozen=True)
class BoneSpace:
    """Everything constant between one body and one rig.

    joints: (22,) indices into the motion's joints. smpl_axes: (3, 3) SMPL's x, y, z in armature space, as columns.
    corrections: (22, 4) turn of every rest bone into the T-pose. scale: armature units a metre of the motion.
    origin: (3,) where the motion's origin, on its floor, lies in armature space.
    """

    rig: Rig
    joints: tuple[int, ...]
    smpl_axes: np.ndarray
    corrections: np.ndarray
    scale: float
    origin: np.ndarray

    @classmethod
    def between(cls, motion: BodyMotion, rig: Rig) -> BoneSpace:
        """Raises BadRequest if the motion lacks one of SMPL's 22 joints, RigError if the rig does not rest in a T- or A-pose."""
        missing = [name for name in BODY_JOINTS if name not in motion.joint_names]
        if missing:
            raise BadRequest(f"The motion has no joint “{missing[0]}” and cannot be keyed on a body: generate it with another model.")
        axes = smpl_axes(rig)
        corrections = _corrections(motion, rig, axes)
        scale = leg_length(rig) / motion.leg_length
        if abs(scale - 1) < ROUNDING:
            scale = 1.0
        joints = tuple(motion.joint_names.index(name) for name in BODY_JOINTS)
        return cls(rig, joints, axes, corrections, scale, _origin(motion, rig, axes, corrections, scale))

    def rotations(self, motion: BodyMotion) -> np.ndarray:
        """Pose bone rotations (T, 22, 4) of the rig."""
        turned = _global_rotations(motion)[:, self.joints]
        axes = quaternions.from_matrices(self.smpl_axes)
        turned = quaternions.multiply(quaternions.multiply(axes, turned), quaternions.multiply(quaternions.inverse(axes), self.corrections))
        # the last row stands for the armature itself: parent -1
        fixed = np.broadcast_to(quaternions.IDENTITY, (len(turned), 1, 4))
        parents = np.concatenate((turned, fixed), axis=1)[:, self.rig.parents]
        rest = quaternions.from_matrices(self.rig.axes)
        local = quaternions.multiply(quaternions.inverse(parents), turned)
        return quaternions.multiply(quaternions.multiply(quaternions.inverse(rest), local), rest)

    def locations(self, motion: BodyMotion) -> np.ndarray:
        """Location (T, 3) of the pelvis bone."""
        positions = self.origin + self.scale * motion.translation.astype(np.float64) @ self.smpl_axes.T
        return np.asarray((positions - self.rig.head("pelvis")) @ self.rig.location_axes)

    def posed(self, template: BodyMotion, rotations: np.ndarray, locations: np.ndarray) -> BodyMotion:
        """The motion that `rotations` and `locations` give these numbers of: pose bones (T, 22, 4) and the pelvis (T, 3).

        template: any motion of the body that this space was made for; its joints are BODY_JOINTS in their order.
        """
        axes, rest = quaternions.from_matrices(self.smpl_axes), quaternions.from_matrices(self.rig.axes)
        local = quaternions.multiply(quaternions.multiply(rest, rotations), quaternions.inverse(rest))
        turned = np.tile(quaternions.IDENTITY, (len(rotations), len(BODY_JOINTS) + 1, 1))  # the last is the armature itself: parent -1
        for joint in self.rig.from_the_root:
            turned[:, joint] = quaternions.multiply(turned[:, self.rig.parents[joint]], local[:, joint])
        undone = quaternions.multiply(quaternions.inverse(self.corrections), axes)
        smpl = quaternions.multiply(quaternions.multiply(quaternions.inverse(axes), turned[:, :-1]), undone)
        parents = np.array(template.parents)
        below = np.concatenate((smpl, np.tile(quaternions.IDENTITY, (len(smpl), 1, 1))), axis=1)[:, parents]
        positions = self.rig.head("pelvis") + locations @ self.rig.location_axes.T
        return replace(
            template,
            translation=((positions - self.origin) @ self.smpl_axes / self.scale).astype(np.float32),
            rotations=quaternions.unit(quaternions.multiply(quaternions.inverse(below), smpl)).astype(np.float32),
            contacts=np.zeros((len(rotations), 4), np.float32),
        )

    def turning(self, angle: float) -> tuple[np.ndarray, np.ndarray]:
        """How the pelvis changes where a motion is turned by `angle` radians about its up axis: a quaternion (4,) that its rotations are
        multiplied by from the left, and a matrix (3, 3) for its locations.
        """
        turn = quaternions.from_axis_angle(angle * self.smpl_axes[:, 1])
        rest = quaternions.from_matrices(self.rig.axes[0])
        rotation = quaternions.multiply(quaternions.multiply(quaternions.inverse(rest), turn), rest)
        turned = np.array([quaternions.rotate(turn, axis) for axis in self.rig.location_axes.T]).T
        return rotation, self.rig.location_axes.T @ turned


def smpl_axes(rig: Rig) -> np.ndarray:
    """SMPL's x (left), y (up) and z (forwards) as columns (3, 3): the armature axes nearest to where the rest joints point."""
    up = _nearest_axis(rig.head("head") - rig.head("pelvis"))
    left = rig.head("left_hip") - rig.head("right_hip")
    left = _nearest_axis(left * (up == 0))
    return np.column_stack((left, up, np.cross(left, up)))


def leg_length(rig: Rig) -> float:
    """Thigh plus shin of the left leg, armature units."""
    hip, knee, ankle = (rig.head(f"left_{joint}") for joint in ("hip", "knee", "ankle"))
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    axis = np.zeros(3)
    longest = np.abs(direction).argmax()
    axis[longest] = np.sign(direction[longest])
    return axis


def _corrections(motion: BodyMotion, rig: Rig, axes: np.ndarray) -> np.ndarray:
    """(22, 4) rotations of the rest bones into the T-pose; a limb within 15 degrees of it keeps its own rest pose."""
    corrections = np.tile(quaternions.IDENTITY, (len(BODY_JOINTS), 1))
    for upper, middle, end, turns_end in LIMBS:
        turns = [
            quaternions.shortest_arc(
                _rest_direction(rig, joint, child), axes @ motion.offsets[motion.joint_names.index(child)].astype(np.float64)
            )
            for joint, child in ((upper, middle), (middle, end))
        ]
        angle = max(2 * np.arccos(min(turn[0], 1.0)) for turn in turns)
        if angle > CORRECTED_TO:
            raise RigError(
                f"The bones “{rig.bone(upper)}” and “{rig.bone(middle)}” of “{rig.object.name}” rest"
                f" {np.degrees(angle):.0f} degrees away from a T-pose: choose a character that stands upright at rest."
            )
        if angle > CORRECTED_FROM:
            corrections[[BODY_JOINTS.index(upper), BODY_JOINTS.index(middle)]] = turns
            corrections[BODY_JOINTS.index(end)] = turns[1] if turns_end else quaternions.IDENTITY
    return corrections


def _rest_direction(rig: Rig, joint: str, child: str) -> np.ndarray:
    direction = rig.head(child) - rig.head(joint)
    if not direction.any():
        raise RigError(
            f"The bones “{rig.bone(joint)}” and “{rig.bone(child)}” of “{rig.object.name}” start at the same point:"
            " move one of them in Edit Mode, or add Understudy's own character."
        )
    return np.asarray(direction)


def _origin(motion: BodyMotion, rig: Rig, axes: np.ndarray, corrections: np.ndarray, scale: float) -> np.ndarray:
    """Below the rest pelvis, at the height where ankles that stand in the motion are as high as the rig's are at rest."""
    up = axes[:, 1]
    drop = _pelvis_over_ankle(rig, corrections, up)
    motion_height = _motion_pelvis_over_ankle(motion) + ANKLE_HEIGHT * motion.leg_length
    floor = rig.head("left_ankle") @ up + drop - scale * motion_height
    pelvis = rig.head("pelvis")
    level = pelvis - (pelvis @ up) * up
    if np.linalg.norm(level) < SAME_PLACE * leg_length(rig):
        level = np.zeros(3)
    if abs(floor) < ROUNDING * leg_length(rig):
        floor = 0.0
    return np.asarray(level + floor * up)


def _pelvis_over_ankle(rig: Rig, corrections: np.ndarray, up: np.ndarray) -> float:
    """Height of the pelvis above the left ankle while the rig stands in the T-pose, armature units."""
    chain = ("pelvis", "left_hip", "left_knee", "left_ankle")
    steps = [rig.head(child) - rig.head(joint) for joint, child in zip(chain, chain[1:], strict=False)]
    turns = corrections[[BODY_JOINTS.index(joint) for joint in chain[:-1]]]
    return float(-(quaternions.rotate(turns, np.array(steps)) @ up).sum())


def _motion_pelvis_over_ankle(motion: BodyMotion) -> float:
    return -float(sum(motion.offsets[motion.joint_names.index(f"left_{joint}")][1] for joint in ("hip", "knee", "ankle")))


def _global_rotations(motion: BodyMotion) -> np.ndarray:
    """(T, J, 4) float64."""
    turned = motion.rotations.astype(np.float64)
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            turned[:, joint] = quaternions.multiply(turned[:, parent], turned[:, joint])
    return turned
