"""Skeletons that nobody recorded: BVH text with the names, axes and zero poses of tools that animators use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

Vector = tuple[float, float, float]
# SMPL joint it stands for, parent, offset from the parent in cm: a straight T-pose, Y up, facing +Z
T_POSE: dict[str, tuple[str, Vector]] = {
    "pelvis": ("", (0, 0, 0)),
    "left_hip": ("pelvis", (10, -7, 0)), "left_knee": ("left_hip", (0, -40, 0)), "left_ankle": ("left_knee", (0, -42, 0)),
    "left_foot": ("left_ankle", (0, -5, 13)),
    "right_hip": ("pelvis", (-10, -7, 0)), "right_knee": ("right_hip", (0, -40, 0)), "right_ankle": ("right_knee", (0, -42, 0)),
    "right_foot": ("right_ankle", (0, -5, 13)),
    "spine1": ("pelvis", (0, 10, 0)), "spine2": ("spine1", (0, 12, 0)), "spine3": ("spine2", (0, 13, 0)),
    "neck": ("spine3", (0, 15, 0)), "head": ("neck", (0, 10, 2)),
    "left_collar": ("spine3", (6, 12, 0)), "left_shoulder": ("left_collar", (12, 0, 0)), "left_elbow": ("left_shoulder", (27, 0, 0)),
    "left_wrist": ("left_elbow", (25, 0, 0)),
    "right_collar": ("spine3", (-6, 12, 0)), "right_shoulder": ("right_collar", (-12, 0, 0)),
    "right_elbow": ("right_shoulder", (-27, 0, 0)), "right_wrist": ("right_elbow", (-25, 0, 0)),
}  # fmt: skip

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    **{f"{side}_{joint}": f"{side.title()}{name}" for side in ("left", "right") for joint, name in {
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
        "elbow": "ForeArm", "wrist": "Hand"}.items()},
}  # fmt: skip
UNITY = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "neck": "Neck", "head": "Head",
    **{f"{side}_{joint}": f"{side.title()}{name}" for side in ("left", "right") for joint, name in {
        "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot", "foot": "Toes", "collar": "Shoulder", "shoulder": "UpperArm",
        "elbow": "LowerArm", "wrist": "Hand"}.items()},
}  # fmt: skip
RIGIFY = {
    "pelvis": "hips", "spine1": "spine", "spine2": "spine.001", "spine3": "chest", "neck": "neck", "head": "head",
    **{f"{side}_{joint}": f"{name}.{side[0].upper()}" for side in ("left", "right") for joint, name in {
        "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "toe", "collar": "shoulder", "shoulder": "upper_arm",
        "elbow": "forearm", "wrist": "hand"}.items()},
}  # fmt: skip
SMPL_FBX = {name: "_".join(part[0].upper() if part in ("left", "right") else part.title() for part in name.split("_")) for name in T_POSE}
PLAIN = {name: name for name in T_POSE}


Y_UP = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
Z_UP = ((1, 0, 0), (0, 0, -1), (0, 1, 0))  # Blender: facing -Y
FACING_BACK = ((-1, 0, 0), (0, 1, 0), (0, 0, -1))
A_POSE = {"left_shoulder": -45.0, "right_shoulder": 45.0}
Turns = dict[str, tuple[str, float]]


@dataclass(frozen=True)
class Figure:
    """How the file is written.

    names: of the joints; hanging: degrees about Z by which a bone and all below it hang in the zero pose; axes: where left, up
    and forward point; omitted: joints that this skeleton does not have.
    """

    names: Mapping[str, str] = field(default_factory=lambda: PLAIN)
    hanging: Mapping[str, float] = field(default_factory=dict)
    axes: tuple[Vector, Vector, Vector] = Y_UP
    prefix: str = ""
    line_end: str = "\n"
    lower_case_channels: bool = False
    omitted: tuple[str, ...] = ()

    def bvh(self, frames: list[Turns], path: list[Vector] | None = None, fps: float = 30.0) -> str:
        """frames: for each joint that turns, an axis of the body ("X" left, "Y" up, "Z" forward) and degrees; path: of the root, cm."""
        lines = ["HIERARCHY", *self._joint("pelvis", 0), "MOTION", f"Frames: {len(frames)}", f"Frame Time: {1 / fps:.8f}"]
        for number, turns in enumerate(frames):
            place = self._turned_axes(path[number] if path else (0.0, 94.0, 0.0))
            angles = [angle for name in self._order() for angle in self._angles(*turns.get(name, ("X", 0.0)))]
            lines.append(" ".join(f"{value:.6f}" for value in (*place, *angles)))
        return self.line_end.join(lines) + self.line_end

    def _joint(self, name: str, depth: int) -> Iterator[str]:
        channels = (("Xposition", "Yposition", "Zposition") if depth == 0 else ()) + tuple(f"{axis}rotation" for axis in "ZXY")
        spelt = " ".join(channel.lower() if self.lower_case_channels else channel for channel in channels)
        yield f"{'JOINT' if depth else 'ROOT'} {self.prefix}{self.names[name]}"
        yield "{"
        yield "\tOFFSET " + " ".join(f"{value:.6f}" for value in self._turned_axes(self._offset(name)))
        yield f"\tCHANNELS {len(channels)} {spelt}"
        for child in self._children(name):
            yield from self._joint(child, depth + 1)
        if not self._children(name):
            yield from ("\tEnd Site", "\t{", "\t\tOFFSET 0 0 5", "\t}")
        yield "}"

    def _order(self, name: str = "pelvis") -> list[str]:
        return [name, *(below for child in self._children(name) for below in self._order(child))]

    def _parent(self, name: str) -> str:
        parent = T_POSE[name][0]
        return self._parent(parent) if parent in self.omitted else parent

    def _children(self, name: str) -> list[str]:
        return [child for child in T_POSE if self._parent(child) == name and child not in self.omitted]

    def _offset(self, name: str) -> np.ndarray:
        parent, offset = T_POSE[name]
        degrees, above = 0.0, parent
        while above:
            degrees += self.hanging.get(above, 0.0)
            above = T_POSE[above][0]
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        own = np.array((cos * offset[0] - sin * offset[1], sin * offset[0] + cos * offset[1], offset[2]))
        return own + self._offset(parent) if parent in self.omitted else own

    def _turned_axes(self, vector: Vector | np.ndarray) -> np.ndarray:
        return np.array(self.axes, float) @ np.asarray(vector, float)

    def _angles(self, axis: str, degrees: float) -> tuple[float, float, float]:
        """In the order of the channels, Z X Y."""
        x, y, z = degrees * np.array(self.axes, float)[:, "XYZ".index(axis)]
        return z, x, y


def little_motion() -> list[Turns]:
    """Two seconds in which the whole body, a leg, an arm, the back and the head turn."""
    swing = [float(np.sin(frame / 60 * 2 * np.pi)) for frame in range(60)]
    return [
        {"pelvis": ("Y", 80 * s), "left_hip": ("X", -50 * s), "left_knee": ("X", 40 + 30 * s), "right_shoulder": ("Z", 60 * s),
         "right_elbow": ("Y", 45 + 40 * s), "spine2": ("Z", 20 * s), "head": ("Y", -40 * s), "left_ankle": ("X", 15 * s)}
        for s in swing
    ]  # fmt: skip
