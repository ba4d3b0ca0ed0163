"""The published motion features of HumanML3D (263 numbers a frame) and KIT-ML (251), and the joints that they stand for.

The officially released weights speak them. What they hold is told by Guo et al., "Generating Diverse and Natural 3D Human Motions
From Text", CVPR 2022. Joints are read from the positions in them: the rotations in them have no twist and are not a pose of SMPL.
Features here are not normalised, because mean and standard deviation belong to the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from ..geometry.rotations import quaternion_about_y, rotate
from .time_series import path_of

_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_LEFTWARD, _RIGHTWARD, _DOWN = _X, (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)


@dataclass(frozen=True)
class FeatureLayout:
    """One published set: its joints and the columns of its features.

    chains: joints from the root or from a joint of an earlier chain outwards. raw_directions: (J, 3) unit vectors, along which each
    joint lies from its parent before any rotation. left_foot and right_foot: ankle, then toe, as they are in the contacts. hips and
    shoulders: the one that the set calls right, then left. leg: knee and ankle of one leg. contact_threshold: squared way of a foot to
    its next frame, in squared units of the set, below which it stands.
    """

    name: str
    fps: float
    metres_per_unit: float
    chains: tuple[tuple[int, ...], ...]
    raw_directions: tuple[tuple[float, float, float], ...]
    left_foot: tuple[int, int]
    right_foot: tuple[int, int]
    hips: tuple[int, int]
    shoulders: tuple[int, int]
    leg: tuple[int, int]
    contact_threshold: float

    @property
    def n_joints(self) -> int:
        return len(self.raw_directions)

    @property
    def parents(self) -> tuple[int, ...]:
        """Parent (J,) of each joint; the root's is -1."""
        parent_of = {joint: parent for chain in self.chains for parent, joint in pairwise(chain)}
        return (-1, *(parent_of[joint] for joint in range(1, self.n_joints)))

    @property
    def feet(self) -> tuple[int, ...]:
        """Joints of the four contact columns."""
        return self.left_foot + self.right_foot

    @property
    def groups(self) -> dict[str, slice]:
        """Columns in their order, in units of the set and per frame.

        yaw velocity: **half** the angle in radians that the world turns by to face +Z again, so a turn to the left is negative |
        planar velocity: x and z of the root's step as it is seen from the next frame | root height | positions of joints 1.. seen
        from above the root, heights above the floor | rotations: joints 1.. of the chains, 6-D | velocities: steps of all joints |
        contacts: 0 or 1.
        """
        joints = self.n_joints
        widths = {
            "yaw_velocity": 1, "planar_velocity": 2, "root_height": 1, "positions": 3 * (joints - 1), "rotations": 6 * (joints - 1),
            "velocities": 3 * joints, "contacts": len(self.feet),
        }  # fmt: skip
        edges = accumulate(widths.values(), initial=0)
        return {name: slice(first, last) for name, (first, last) in zip(widths, pairwise(edges), strict=True)}

    @property
    def n_features(self) -> int:
        return self.groups["contacts"].stop


# Joints are SMPL's first 22
HUMANML3D = FeatureLayout(
    name="HumanML3D",
    fps=20.0,
    metres_per_unit=1.0,
    chains=((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20)),
    raw_directions=(
        (0.0, 0.0, 0.0), _LEFTWARD, _RIGHTWARD, _Y, _DOWN, _DOWN, _Y, _DOWN, _DOWN, _Y, _Z, _Z, _Y, _LEFTWARD, _RIGHTWARD, _Z,
        _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN,
    ),
    left_foot=(7, 10),
    right_foot=(8, 11),
    hips=(2, 1),
    shoulders=(17, 16),
    leg=(5, 8),
    contact_threshold=0.002,
)  # fmt: skip

# Its joints 11 to 15, called right here as the set does, are the left leg of the body model that it was recorded with
KIT_ML = FeatureLayout(
    name="KIT-ML",
    fps=12.5,
    metres_per_unit=0.001,
    chains=((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
    raw_directions=(
        (0.0, 0.0, 0.0), _Y, _Y, _Y, _Y, _LEFTWARD, _DOWN, _DOWN, _RIGHTWARD, _DOWN, _DOWN, _LEFTWARD, _DOWN, _DOWN, _Z, _Z,
        _RIGHTWARD, _DOWN, _DOWN, _Z, _Z,
    ),
    left_foot=(19, 20),
    right_foot=(14, 15),
    hips=(11, 16),
    shoulders=(5, 8),
    leg=(17, 18),
    contact_threshold=0.05,
)  # fmt: skip


def joints_from_features(features: Tensor, layout: FeatureLayout = HUMANML3D) -> Tensor:
    """Joint positions (..., T, J, 3) in metres, Y up, of features (..., T, D) that are not normalised.

    The first frame faces +Z with its root above the origin. Velocities, rotations and contacts are not read.
    Raises ValueError for another number of columns.
    """
    heading, root = root_from_features(features, layout)
    seen = features[..., layout.groups["positions"]].unflatten(-1, (layout.n_joints - 1, 3)) * layout.metres_per_unit
    above = root * root.new_tensor([1.0, 0.0, 1.0])
    others = rotate(quaternion_about_y(heading)[..., None, :], seen) + above[..., None, :]
    return torch.cat((root[..., None, :], others), dim=-2)


def root_from_features(features: Tensor, layout: FeatureLayout = HUMANML3D) -> tuple[Tensor, Tensor]:
    """Heading (..., T) in radians about +Y, not wrapped, 0 facing +Z, and root position (..., T, 3) in metres, of features (..., T, D).

    Raises ValueError for another number of columns.
    """
    if features.dim() < 2 or features.shape[-1] != layout.n_features or features.shape[-2] == 0:
        raise ValueError(f"features of {layout.name} are (T, {layout.n_features}) with at least one frame, not {tuple(features.shape)}")
    groups = layout.groups
    # The stored half angle turns the world against the body
    heading = -2.0 * path_of(features[..., :-1, groups["yaw_velocity"]]).squeeze(-1)
    x, z = features[..., groups["planar_velocity"]].unbind(-1)
    step = torch.stack((x, torch.zeros_like(x), z), dim=-1)
    # A step is stored with the frame that it leaves, in the axes of the frame that it comes to
    steps = rotate(quaternion_about_y(heading[..., 1:]), step[..., :-1, :])
    way = path_of(steps)
    root = torch.cat((way[..., :1], features[..., groups["root_height"]], way[..., 2:]), dim=-1)
    return heading, root * layout.metres_per_unit
