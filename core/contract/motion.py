"""Body motion as it crosses the door, lies on disk and goes into tests, with the recipe it was made by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .interpolation import frame_count, frames_around, lerp, slerp
from .npz_files import load_npz, save_npz
from .recipes import Recipe

FILE_FORMAT = "understudy body motion 1"


@dataclass(frozen=True)
class BodyMotion:
    """Motion of one body on a joint tree.

    translation: (T, 3) position of joint 0, metres.
    rotations: (T, J, 4) unit quaternions wxyz, local to the parent joint; joint 0's is global. Identity is the T-pose.
    contacts: (T, 4) in 0..1: left ankle, left foot, right ankle, right foot stand on the floor (y = 0).
    joint_names, parents (-1 for joint 0), offsets: (J, 3) metres from the parent joint in the T-pose: the body it was made for.
    fps: frames a second; frame 0 is at 0 s.
    """

    translation: np.ndarray
    rotations: np.ndarray
    contacts: np.ndarray
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    fps: float
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        frames, joints = len(self.translation), len(self.joint_names)
        shapes = {"translation": (frames, 3), "rotations": (frames, joints, 4), "contacts": (frames, 4), "offsets": (joints, 3)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
        if frames == 0 or len(self.parents) != joints:
            raise ValueError(f"a motion of {frames} frames with {len(self.parents)} parents for {joints} joints")
        if not 0 < self.fps < math.inf:
            raise ValueError(f"a motion at {self.fps:g} frames a second")

    @property
    def seconds(self) -> float:
        """Time from the first to the last frame."""
        return (len(self.translation) - 1) / self.fps

    @property
    def leg_length(self) -> float:
        """Thigh plus shin of the left leg, metres."""
        return float(sum(np.linalg.norm(self.offsets[self.joint_names.index(name)]) for name in ("left_knee", "left_ankle")))

    def resampled(self, fps: float) -> BodyMotion:
        """The same motion at another rate, from 0 s to the last whole frame that is inside it."""
        return replace(self.at(np.arange(frame_count(self.seconds, fps)) / fps), fps=fps)

    def at(self, times: np.ndarray) -> BodyMotion:
        """The poses at `times` (T,) seconds, held before the first and after the last frame; `fps` stays as it is."""
        before, after, share = frames_around(times, self.fps, len(self.translation))
        weight = share[:, None]
        return replace(
            self,
            translation=lerp(self.translation[before], self.translation[after], weight),
            rotations=slerp(self.rotations[before], self.rotations[after], weight[..., None]).astype(np.float32),
            contacts=lerp(self.contacts[before], self.contacts[after], weight),
        )

    def cut(self, first: int, end: int) -> BodyMotion:
        """Its frames from `first` until before `end`; the recipe stays that of the whole."""
        rows = slice(first, end)
        return replace(self, translation=self.translation[rows], rotations=self.rotations[rows], contacts=self.contacts[rows])

    def lifted(self, metres: float) -> BodyMotion:
        """The same motion on a floor that is higher by this much."""
        up = np.array((0.0, metres, 0.0), np.float32)
        return replace(self, translation=self.translation + up)

    def save(self, path: Path) -> None:
        """Writes a compressed npz, whole or not at all."""
        arrays = {
            "translation": self.translation,
            "rotations": self.rotations,
            "contacts": self.contacts,
            "joint_names": np.array(self.joint_names),
            "parents": np.array(self.parents, np.int32),
            "offsets": self.offsets,
            "fps": np.float32(self.fps),
            "recipe": np.array(self.recipe.to_json()),
        }
        save_npz(path, FILE_FORMAT, arrays)

    @classmethod
    def load(cls, path: Path) -> BodyMotion:
        """Raises BadRequest for a file that is not such a motion, OSError for one that cannot be opened."""
        return load_npz(path, FILE_FORMAT, "body motion", cls._of)

    @classmethod
    def _of(cls, arrays: Mapping[str, np.ndarray]) -> BodyMotion:
        return cls(
            translation=arrays["translation"],
            rotations=arrays["rotations"],
            contacts=arrays["contacts"],
            joint_names=tuple(str(name) for name in arrays["joint_names"]),
            parents=tuple(int(parent) for parent in arrays["parents"]),
            offsets=arrays["offsets"],
            fps=float(arrays["fps"]),
            recipe=Recipe.from_json(str(arrays["recipe"])),
        )
