"""Reads BVH (Biovision hierarchy) files: a joint tree with channels, then one line of numbers a frame."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ...geometry.rotations import matrix_about_axis
from ...geometry.skeleton import Skeleton, forward_kinematics
from .source_clip import MotionFileError


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BvhMotion:
    """A BVH file as read: offsets and positions in file units, rotations (T, J, 3, 3) local, root_positions (T, 3)."""

    joints: Skeleton
    rotations: Tensor
    root_positions: Tensor
    fps: float


def read_bvh(path: Path) -> BvhMotion:
    """Raises MotionFileError for a file that is not BVH, is cut off, or whose numbers are too few, too many or not finite."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MotionFileError(f"{path} cannot be opened: {error.strerror}.") from error
    parts = re.split(r"^\s*MOTION\b", text, maxsplit=1, flags=re.MULTILINE)
    if len(parts) < 2 or "HIERARCHY" not in parts[0]:
        raise MotionFileError(f"{path.name} is not a BVH file: it has no HIERARCHY and MOTION.")
    hierarchy, motion = parts
    try:
        joints = _parse_hierarchy(hierarchy)
    except (StopIteration, ValueError, IndexError) as error:
        raise MotionFileError(f"{path.name}: the joint hierarchy is not complete.") from error
    fps, frames = _parse_motion(motion, sum(len(joint.channels) for joint in joints), path.name)
    return _assemble(joints, frames, fps)


def _parse_hierarchy(text: str) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int] = []
    tokens = iter(re.findall(r"\S+", text))
    for token in tokens:
        if token in ("ROOT", "JOINT"):
            joints.append(_Joint(next(tokens), open_joints[-1] if open_joints else -1))
            open_joints.append(len(joints) - 1)
        elif token == "End":  # the tip of a chain has an offset, but neither a name nor channels
            while next(tokens) != "}":
                pass
        elif token == "OFFSET":
            joints[-1].offset = [_finite(next(tokens)) for _ in range(3)]
        elif token == "CHANNELS":
            joints[-1].channels = [_channel(next(tokens)) for _ in range(int(next(tokens)))]
        elif token == "}":
            open_joints.pop()
    if not joints or open_joints or sum(joint.parent < 0 for joint in joints) != 1:
        raise ValueError("a brace or the root is missing")
    return joints


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number


def _channel(name: str) -> str:
    """ "Xposition" to "Zrotation" in any case, as lower case."""
    if not re.fullmatch("[xyz](position|rotation)", name.lower()):
        raise ValueError(f"{name} is not a channel")
    return name.lower()


def _parse_motion(text: str, n_channels: int, name: str) -> tuple[float, Tensor]:
    count = re.search(r"Frames:\s*(\d+)", text)
    frame_time = re.search(r"Frame Time:\s*([\d.eE+-]+)", text)
    if not count or not frame_time:
        raise MotionFileError(f"{name}: after MOTION, Frames and Frame Time are missing.")
    try:
        seconds = _finite(frame_time[1])
        numbers = torch.tensor([_finite(number) for number in text[frame_time.end() :].split()], dtype=torch.float64)
    except ValueError as error:
        raise MotionFileError(f"{name}: the frames hold something that is not a number ({error}).") from error
    if seconds <= 0:
        raise MotionFileError(f"{name}: its Frame Time is {frame_time[1]}, but should be the seconds of one frame.")
    expected = int(count[1]) * n_channels
    if len(numbers) != expected or expected == 0:
        raise MotionFileError(
            f"{name}: {count[1]} frames of {n_channels} channels should be {expected:,} numbers, but {len(numbers):,} were found."
        )
    return 1.0 / seconds, numbers.reshape(-1, n_channels)


def _assemble(joints: list[_Joint], frames: Tensor, fps: float) -> BvhMotion:
    rotations, positions = [], []
    column = 0
    for joint in joints:
        values = frames[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        rotations.append(_rotations(joint, values))
        positions.append(_positions(joint, values))
    # Position channels replace the OFFSET. Below the root they are constant in practice, so their mean is the bone.
    offsets = torch.stack([position.mean(0) for position in positions])
    offsets[0] = 0.0
    skeleton = Skeleton(tuple(joint.name for joint in joints), tuple(joint.parent for joint in joints), offsets)
    return _without_carrier(BvhMotion(skeleton, torch.stack(rotations, dim=1), positions[0], fps), positions)


def _rotations(joint: _Joint, values: Tensor) -> Tensor:
    rotations = torch.eye(3, dtype=torch.float64).expand(len(values), 3, 3)
    for index, channel in enumerate(joint.channels):
        if channel.endswith("rotation"):
            rotations = rotations @ matrix_about_axis(channel[0].upper(), torch.deg2rad(values[:, index]))
    return rotations


def _positions(joint: _Joint, values: Tensor) -> Tensor:
    position = torch.tensor(joint.offset, dtype=torch.float64).repeat(len(values), 1)
    for index, channel in enumerate(joint.channels):
        if channel.endswith("position"):
            position[:, "xyz".index(channel[0])] = values[:, index]
    return position


def _without_carrier(motion: BvhMotion, positions: list[Tensor]) -> BvhMotion:
    """Some files hang the hips below a root that only carries the whole body: the two become one joint."""
    names, parents = motion.joints.names, motion.joints.parents
    children = [index for index, parent in enumerate(parents) if parent == 0]
    if len(children) != 1 or len(names) < 2:
        return motion
    if float((positions[1] - positions[1].mean(0)).abs().max()) < 1e-6 and names[0].lower() not in CARRIER_NAMES:
        return motion
    carrier = Skeleton(names[:2], parents[:2], torch.zeros(2, 3, dtype=torch.float64))
    _, turned = forward_kinematics(carrier, motion.rotations[:, :2], motion.root_positions)
    hips = motion.root_positions + (motion.rotations[:, 0] @ positions[1][..., None]).squeeze(-1)
    rotations = torch.cat((turned[:, 1:], motion.rotations[:, 2:]), dim=1)
    merged = Skeleton(names[1:], tuple(parent - 1 for parent in parents[1:]), motion.joints.offsets[1:].clone())
    merged.offsets[0] = 0.0
    return BvhMotion(merged, rotations, hips, motion.fps)


CARRIER_NAMES = ("joint_root", "root", "reference", "armature")
