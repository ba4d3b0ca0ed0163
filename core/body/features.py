"""Representations: what a network sees of a motion, and back.

`LocalRotations` is the one of our own weights. It holds true local rotations, so its motion is keyed without inverse kinematics.
A representation turns a BodyMotion into (T, D) features and back; normalising is a part of it, because its statistics belong to
the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..contract import BodyMotion, Recipe
from ..geometry.rotations import (
    matrix_from_quaternion,
    matrix_from_rotation_6d,
    quaternion_about_y,
    quaternion_conjugate,
    quaternion_from_matrix,
    quaternion_multiply,
    rotate,
    rotation_6d_from_matrix,
    sign_continuous,
    twist_about_y,
    wrap_angle,
)
from ..geometry.skeleton import REST_SKELETON, Skeleton, forward_kinematics
from .time_series import gaussian_kernel, path_of

FPS = 20.0
# The heading is a low-passed pelvis angle: the swing of the hips while walking belongs to the pelvis, not to the way it goes.
HEADING_SIGMA_FRAMES = 5.0
CONTACT_JOINTS = ("left_ankle", "left_foot", "right_ankle", "right_foot")
CONTACT_SPEED = 0.25  # metres a second
CONTACT_HEIGHT = 0.06  # metres above where the joint is when the foot is flat


class Representation(Protocol):
    """Features of one motion, normalised for the networks."""

    n_features: int
    fps: float

    def decode(self, features: Tensor, recipe: Recipe) -> BodyMotion:
        """Normalised features (T, D) to a motion that starts at the origin, facing +Z."""
        ...

    def encode(self, motion: BodyMotion) -> Tensor:
        """A motion of T frames at `fps` as normalised features (T, D) or (T - 1, D)."""
        ...


@dataclass(frozen=True)
class Layout:
    """Columns of `LocalRotations` for J joints."""

    n_joints: int

    @property
    def groups(self) -> dict[str, slice]:
        """Columns that share one scale.

        yaw velocity rad/s | planar velocity m/s in the heading's frame, x and z | pelvis height m | 6-D rotations, the pelvis'
        relative to the heading, the others local | heights of joints 1.. above the floor m | contacts 0..1.
        """
        rotations = 4 + 6 * self.n_joints
        heights = rotations + self.n_joints - 1
        return {
            "yaw_velocity": slice(0, 1),
            "planar_velocity": slice(1, 3),
            "pelvis_height": slice(3, 4),
            "rotations": slice(4, rotations),
            "heights": slice(rotations, heights),
            "contacts": slice(heights, heights + 4),
        }

    @property
    def root_velocities(self) -> slice:
        """Yaw velocity and planar velocity: the columns whose errors add up over time."""
        return slice(self.groups["yaw_velocity"].start, self.groups["planar_velocity"].stop)

    @property
    def n_features(self) -> int:
        return 4 + 6 * self.n_joints + self.n_joints - 1 + 4


class LocalRotations:
    """161 features a frame at 20 fps (22 joints): root motion relative to the heading, local 6-D rotations, heights, contacts.

    mean, std: (D,) of the training data. Rows follow `Layout.groups`; velocities lead to the next frame.
    """

    fps = FPS

    def __init__(self, mean: Tensor, std: Tensor, skeleton: Skeleton = REST_SKELETON) -> None:
        self.skeleton = skeleton
        self.layout = Layout(len(skeleton.names))
        self.n_features = self.layout.n_features
        self.mean, self.std = mean, std

    def encode(self, motion: BodyMotion) -> Tensor:
        """A motion at 20 fps on this skeleton as normalised features (T, D)."""
        return self.normalise(raw_features(motion, self.skeleton))

    def normalise(self, raw: Tensor) -> Tensor:
        return (raw - self.mean.to(raw)) / self.std.to(raw)

    def denormalise(self, features: Tensor) -> Tensor:
        return features * self.std.to(features) + self.mean.to(features)

    def decode(self, features: Tensor, recipe: Recipe) -> BodyMotion:
        raw = self.denormalise(features).double().cpu()
        rotations, translation = self.pose(raw)
        return BodyMotion(
            translation=translation.float().numpy(),
            rotations=sign_continuous(quaternion_from_matrix(rotations)).float().numpy(),
            contacts=raw[:, self.layout.groups["contacts"]].clamp(0, 1).float().numpy(),
            joint_names=self.skeleton.names,
            parents=self.skeleton.parents,
            offsets=self.skeleton.offsets.float().numpy(),
            fps=self.fps,
            recipe=recipe,
        )

    def pose(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Denormalised features (T, D) to local rotations (T, J, 3, 3) and root translation (T, 3)."""
        groups = self.layout.groups
        yaw = path_of(raw[:-1, groups["yaw_velocity"]] / self.fps).squeeze(-1)
        heading = quaternion_about_y(yaw)
        planar = raw[:, groups["planar_velocity"]] / self.fps
        step = torch.stack((planar[:, 0], torch.zeros_like(planar[:, 0]), planar[:, 1]), dim=-1)
        translation = path_of(rotate(heading, step)[:-1])
        translation = torch.cat((translation[:, :1], raw[:, groups["pelvis_height"]], translation[:, 2:]), dim=-1)
        rotations = matrix_from_rotation_6d(raw[:, groups["rotations"]].reshape(len(raw), -1, 6))
        pelvis = matrix_from_quaternion(heading) @ rotations[:, 0]
        return torch.cat((pelvis[:, None], rotations[:, 1:]), dim=1), translation


def raw_features(motion: BodyMotion, skeleton: Skeleton) -> Tensor:
    """Features (T, D) of a motion at 20 fps, not normalised, float32; the last frame repeats the last velocity."""
    if motion.fps != FPS:
        raise ValueError(f"features are made at {FPS:g} fps, not at {motion.fps:g}")
    quaternions = torch.from_numpy(motion.rotations.astype(np.float64))
    translation = torch.from_numpy(motion.translation.astype(np.float64))
    yaw = heading(quaternions[:, 0])
    upright = quaternion_conjugate(quaternion_about_y(yaw))
    relative = torch.cat((quaternion_multiply(upright, quaternions[:, 0])[:, None], quaternions[:, 1:]), dim=1)
    positions, _ = forward_kinematics(skeleton, matrix_from_quaternion(quaternions), translation)
    velocity = rotate(upright, _difference(translation)) * FPS
    columns = (
        _difference(yaw[:, None]) * FPS,
        velocity[:, [0, 2]],
        translation[:, 1:2],
        rotation_6d_from_matrix(matrix_from_quaternion(relative)).flatten(1),
        positions[:, 1:, 1],
        foot_contacts(positions, skeleton),
    )
    return torch.cat(columns, dim=-1).float()


def heading(pelvis: Tensor) -> Tensor:
    """Smooth direction (T,) in radians about +Y, not wrapped, of pelvis rotations (T, 4); 0 faces +Z."""
    angle = twist_about_y(pelvis)
    unwrapped = angle[0] + torch.cat((angle.new_zeros(1), torch.cumsum(wrap_angle(angle[1:] - angle[:-1]), dim=0)))
    return _gaussian_smooth(unwrapped, HEADING_SIGMA_FRAMES)


def foot_contacts(positions: Tensor, skeleton: Skeleton, fps: float = FPS) -> Tensor:
    """1.0 where ankles and feet (T, 4) stand: slow, and near the height that they have when the foot is flat."""
    joints = [skeleton.index(name) for name in CONTACT_JOINTS]
    flat = skeleton.standing_heights()[joints].to(positions)
    feet = positions[:, joints]
    slow = _difference(feet).norm(dim=-1) * fps < CONTACT_SPEED
    low = feet[..., 1] < flat + CONTACT_HEIGHT
    return (slow & low).to(positions.dtype)


def group_statistics(raw: Tensor, layout: Layout, emphasis: dict[str, float]) -> tuple[Tensor, Tensor]:
    """Mean (D,) and std (D,) of frames (N, D): one std a group (the mean of its columns' stds), divided by its emphasis.

    A group with emphasis 2 counts twice as much in every squared error as one with 1.
    """
    mean, std = raw.mean(0), raw.std(0)
    for name, columns in layout.groups.items():
        std[columns] = std[columns].mean() / emphasis.get(name, 1.0)
    return mean, std.clamp_min(1e-4)


def _difference(values: Tensor) -> Tensor:
    """Step from each row to the next, the last one repeated; zero for a single row."""
    if len(values) == 1:
        return torch.zeros_like(values)
    steps = values[1:] - values[:-1]
    return torch.cat((steps, steps[-1:]), dim=0)


def _gaussian_smooth(values: Tensor, sigma: float) -> Tensor:
    """(T,) low-passed; beyond its ends the curve is continued by point reflection, so that a steady turn stays steady."""
    kernel = gaussian_kernel(sigma, values.dtype)
    reach = torch.arange(1, len(kernel) // 2 + 1).clamp(max=len(values) - 1)
    before = 2 * values[0] - values[reach.flip(0)]
    after = 2 * values[-1] - values[len(values) - 1 - reach]
    padded = torch.cat((before, values, after))
    return F.conv1d(padded[None, None], kernel[None, None])[0, 0]
