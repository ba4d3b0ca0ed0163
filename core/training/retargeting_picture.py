"""Five retargeted clips beside their sources, as stick figures that somebody can look at.

The source is drawn with all its own joints, its sides told by its own names and not by our map: exchanged sides would show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..body.features import heading
from ..geometry.skeleton import REST_SKELETON, Skeleton
from .motion_capture.ground import joint_positions, on_flat_floor
from .motion_capture.normalise import at_training_rate
from .motion_capture.packs import MotionPack
from .motion_capture.retarget import retarget
from .pictures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # type: ignore[import-not-found, unused-ignore]

CLIPS = (
    ("bandai_namco", "dataset-2_walk_normal_011"),
    ("bandai_namco", "dataset-1_kick_normal_001"),
    ("cmu", "05_06"),
    ("cmu", "135_11"),
    ("accad", "Female1_D6_CartWheel"),
)
INSTANTS = 6
VIEW_DEGREES = 35.0  # from the front towards the figure's left, level with the floor so that the floor is a line
LEFT, RIGHT, MIDDLE = "tab:red", "tab:blue", "0.35"
_PAIR_METRES, _BESIDE_METRES = 3.1, 1.4
_SIDES = (("Left", "Right"), ("_L", "_R"), ("left", "right"), ("l", "r"))


@dataclass(frozen=True)
class _Row:
    """Both figures at a few instants: joints (instants, J, 3) in metres, seen from the front of our figure in the first."""

    name: str
    seconds: Tensor
    source: Tensor
    source_joints: Skeleton
    ours: Tensor


def draw(packs: Path, path: Path) -> None:
    """Writes the picture. Raises BadRequest where matplotlib is missing."""
    figure = new_figure(4.0 * INSTANTS, 3.4 * len(CLIPS), "constrained")
    for axes, (pack, clip) in zip(figure.subplots(len(CLIPS), 1), CLIPS, strict=True):
        _draw_row(axes, _row(MotionPack(packs / f"{pack}.npz"), clip))
    figure.suptitle("Source (thin) and retargeted to SMPL-22 (thick); left limbs red, right limbs blue; line: the floor")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _row(pack: MotionPack, name: str) -> _Row:
    clip = pack.clip(name)
    retargeted = retarget(clip)
    motion, _ = at_training_rate(retargeted)
    frames = torch.linspace(0.08, 0.92, INSTANTS).mul(len(motion.translation) - 1).round().long()
    seconds = frames / motion.fps
    ours = joint_positions(on_flat_floor(motion))[frames]
    at_source = (seconds * clip.fps).round().long().clamp(max=len(clip.rotations) - 1)
    source = retargeted.scale * clip.forward_kinematics()[0][at_source]
    yaw = heading(torch.from_numpy(motion.rotations[:, 0].copy()).double())[frames[0]]
    return _Row(f"{pack.path.stem} {name}", seconds, _seen(source, yaw), clip.skeleton.joints, _seen(ours, yaw))


def _seen(positions: Tensor, yaw: Tensor) -> Tensor:
    """(instants, J, 2): to the right and up, as seen by somebody who faces the figure; travel is taken out."""
    centred = positions[..., [0, 2]] - positions[:, :1, [0, 2]]
    view = yaw + torch.deg2rad(torch.tensor(VIEW_DEGREES))
    right = torch.stack((torch.cos(view), -torch.sin(view)))
    return torch.stack(((centred * right).sum(-1), positions[..., 1]), dim=-1)


def _draw_row(axes: Axes, row: _Row) -> None:
    for instant, second in enumerate(row.seconds):
        at = instant * _PAIR_METRES
        _draw_figure(axes, row.source[instant], row.source_joints, at, 1.2)
        _draw_figure(axes, row.ours[instant], REST_SKELETON, at + _BESIDE_METRES, 2.6)
        axes.text(at + _BESIDE_METRES / 2, -0.2, f"{second:.1f} s", ha="center", fontsize=9)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(title=row.name, xlim=(-1.0, INSTANTS * _PAIR_METRES - 0.7), ylim=(-0.3, 2.0), aspect="equal")
    axes.axis("off")


def _draw_figure(axes: Axes, joints: Tensor, skeleton: Skeleton, at: float, width: float) -> None:
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            ends = joints[[parent, joint]]
            colour = _colour(skeleton.names[joint], skeleton.names)
            axes.plot(ends[:, 0] + at, ends[:, 1], color=colour, linewidth=width, solid_capstyle="round")


def _colour(name: str, names: tuple[str, ...]) -> str:
    """By side: a joint whose name has a twin on the other side."""
    for left, right in _SIDES:
        for mine, other, colour in ((left, right, LEFT), (right, left, RIGHT)):
            if name.startswith(mine) and other + name.removeprefix(mine) in names:
                return colour
            if name.endswith(mine) and name.removesuffix(mine) + other in names:
                return colour
    return MIDDLE
