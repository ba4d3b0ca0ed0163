"""Reads Acclaim motion capture: an ASF skeleton and an AMC file of joint angles, as CMU publishes them.

Each bone has its own axes C (`axis`, Euler angles in the order that it names, turned about fixed axes); a frame's angles M give
the local rotation C M C^-1, and the bone hangs at the end of its parent, along the parent's `direction`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...geometry.rotations import matrix_about_axis
from ...geometry.skeleton import Skeleton
from .source_clip import MotionFileError

METRES_PER_INCH = 0.0254


@dataclass(frozen=True)
class _Bone:
    name: str
    direction: Tensor
    length: float
    axes: Tensor
    degrees_of_freedom: tuple[str, ...]


@dataclass(frozen=True)
class AcclaimSkeleton:
    """joints: a joint sits at the start of its bone, offsets in metres. axes: (J, 3, 3) of each bone. order: channels of each."""

    joints: Skeleton
    axes: Tensor
    order: tuple[tuple[str, ...], ...]
    metres_per_unit: float


@dataclass(frozen=True)
class AcclaimMotion:
    """rotations: (T, J, 3, 3) local; root_positions: (T, 3) metres."""

    joints: Skeleton
    rotations: Tensor
    root_positions: Tensor


def read_asf(path: Path) -> AcclaimSkeleton:
    """Raises MotionFileError for a file without bones or hierarchy, or whose hierarchy names bones that it does not have."""
    sections = _sections(path)
    unit = re.search(r"length\s+([\d.]+)", sections.get("units", ""))
    blocks = re.findall(r"\bbegin\b(.*?)\bend\b", sections.get("bonedata", ""), re.DOTALL)
    bones = {bone.name: bone for bone in (_parse_bone(block, path.name) for block in blocks)}
    links = re.search(r"\bbegin\b(.*?)\bend\b", sections.get("hierarchy", ""), re.DOTALL)
    if not bones or not links:
        raise MotionFileError(f"{path.name} is not an ASF skeleton: it has no bones or no hierarchy.")
    root_order = re.search(r"order\s+(.+)", sections.get("root", ""))
    channels = tuple((root_order[1] if root_order else "TX TY TZ RX RY RZ").lower().split())
    try:
        metres_per_unit = METRES_PER_INCH / float(unit[1]) if unit else 1.0
        return _assemble(bones, links[1], channels, metres_per_unit)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise MotionFileError(f"{path.name}: its units or its hierarchy cannot be read ({error}).") from error


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> AcclaimMotion:
    """Raises MotionFileError for a bone that the skeleton does not have, a wrong number of angles, or a frame without some bones."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise MotionFileError(f"{path} cannot be opened: {error.strerror}.") from error
    index = {name: joint for joint, name in enumerate(skeleton.joints.names)}
    frames: list[dict[int, list[float]]] = []
    for line in lines:
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if words[0].isdigit():
            frames.append({})
            continue
        joint = index.get(words[0])
        angles = _finite(words[1:])
        if joint is None or not frames or len(angles) != len(skeleton.order[joint]):
            raise MotionFileError(f'{path.name}: the line "{line[:60]}" does not fit the skeleton.')
        frames[-1][joint] = angles
    if not frames:
        raise MotionFileError(f"{path.name} holds no frames.")
    for number, frame in enumerate(frames, start=1):
        if frame.keys() != frames[0].keys():
            raise MotionFileError(f"{path.name} is cut off: frame {number} has {len(frame)} bones, the first has {len(frames[0])}.")
    return _motion(skeleton, frames)


def _finite(words: list[str]) -> list[float]:
    """Empty where one of them is not a finite number."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _sections(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MotionFileError(f"{path} cannot be opened: {error.strerror}.") from error
    parts = re.split(r"^:(\w+)", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _parse_bone(block: str, name: str) -> _Bone:
    fields = {words[0]: words[1:] for words in (line.split() for line in block.splitlines()) if words}
    try:
        return _Bone(
            name=fields["name"][0],
            direction=torch.tensor([float(value) for value in fields["direction"]], dtype=torch.float64),
            length=float(fields["length"][0]),
            axes=_fixed_axis_rotation([float(value) for value in fields["axis"][:3]], fields["axis"][3]),
            degrees_of_freedom=tuple(fields.get("dof", ())),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise MotionFileError(f"{name}: a bone cannot be read ({error}).") from error


def _fixed_axis_rotation(degrees: list[float], order: str) -> Tensor:
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    result = torch.eye(3, dtype=torch.float64)
    for axis, angle in zip(order.upper(), angles, strict=True):
        result = matrix_about_axis(axis, angle) @ result
    return result


def _assemble(bones: dict[str, _Bone], links: str, root_channels: tuple[str, ...], metres_per_unit: float) -> AcclaimSkeleton:
    names, parents, offsets = ["root"], [-1], [torch.zeros(3, dtype=torch.float64)]
    for line in filter(str.strip, links.splitlines()):
        parent, *children = line.split()
        for child in children:
            names.append(child)
            parents.append(names.index(parent))
            hangs_at = bones.get(parent)  # the root has no length
            end = hangs_at.direction * hangs_at.length * metres_per_unit if hangs_at else torch.zeros(3, dtype=torch.float64)
            offsets.append(end)
    axes = torch.stack([torch.eye(3, dtype=torch.float64), *(bones[name].axes for name in names[1:])])
    order = (root_channels, *(bones[name].degrees_of_freedom for name in names[1:]))
    return AcclaimSkeleton(Skeleton(tuple(names), tuple(parents), torch.stack(offsets)), axes, order, metres_per_unit)


def _motion(skeleton: AcclaimSkeleton, frames: list[dict[int, list[float]]]) -> AcclaimMotion:
    rotations = []
    root_positions = torch.zeros(len(frames), 3, dtype=torch.float64)
    for joint, order in enumerate(skeleton.order):
        still = [0.0] * len(order)
        values = torch.tensor([frame.get(joint, still) for frame in frames], dtype=torch.float64).reshape(len(frames), len(order))
        local = torch.eye(3, dtype=torch.float64).expand(len(frames), 3, 3)
        for column, channel in enumerate(order):
            if channel.startswith("r"):
                local = matrix_about_axis(channel[1].upper(), torch.deg2rad(values[:, column])) @ local
            elif channel.startswith("t"):
                root_positions[:, "xyz".index(channel[1])] = values[:, column] * skeleton.metres_per_unit
        rotations.append(skeleton.axes[joint] @ local @ skeleton.axes[joint].T)
    return AcclaimMotion(skeleton.joints, torch.stack(rotations, dim=1), root_positions)
