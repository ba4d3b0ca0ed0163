"""Body motion as it crosses the door, lies on disk and goes into tests, with the recipe it was made by."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .errors import BadRequest

FILE_FORMAT = "understudy body motion 1"


@dataclass(frozen=True)
class Recipe:
    """What is needed to make the same motion again. `model` is a bundle's name, `weights` the first 16 digits of its sha256."""

    text: str = ""
    seconds: float = 0.0
    seed: int = 0
    steps: int = 0
    guidance: float = 0.0
    variation: int = 0
    model: str = ""
    weights: str = ""
    version: str = ""
    lock_feet: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Unknown entries of newer versions are left out. Raises ValueError or TypeError for what is no recipe."""
        entries = json.loads(text)
        if not isinstance(entries, dict):
            raise TypeError("its recipe cannot be read")
        return cls(**{name: value for name, value in entries.items() if name in cls.__dataclass_fields__})


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
        count = int(np.floor(self.seconds * fps + 1e-6)) + 1
        return replace(self.at(np.arange(count) / fps), fps=fps)

    def at(self, times: np.ndarray) -> BodyMotion:
        """The poses at `times` (T,) seconds, held before the first and after the last frame; `fps` stays as it is."""
        position = np.clip(times * self.fps, 0, len(self.translation) - 1)
        before = np.minimum(position.astype(np.int64), max(len(self.translation) - 2, 0))
        after = np.minimum(before + 1, len(self.translation) - 1)
        weight = (position - before)[:, None]
        return replace(
            self,
            translation=_lerp(self.translation[before], self.translation[after], weight),
            rotations=slerp(self.rotations[before], self.rotations[after], weight[..., None]).astype(np.float32),
            contacts=_lerp(self.contacts[before], self.contacts[after], weight),
        )

    def save(self, path: Path) -> None:
        """Writes a compressed npz, whole or not at all."""
        arrays = {"translation": self.translation, "rotations": self.rotations, "contacts": self.contacts, "offsets": self.offsets}
        partial = path.with_name(path.name + ".part")
        try:
            with partial.open("wb") as file:
                np.savez_compressed(
                    file,
                    format=np.array(FILE_FORMAT),
                    joint_names=np.array(self.joint_names),
                    parents=np.array(self.parents, np.int32),
                    fps=np.float32(self.fps),
                    recipe=np.array(self.recipe.to_json()),
                    **arrays,
                )
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> BodyMotion:
        """Raises BadRequest for a file that is not such a motion, OSError for one that cannot be opened."""
        with path.open("rb") as file:
            try:
                return cls._read(file)
            except Exception as error:  # numpy, zipfile, zlib and json all have their own for a damaged file
                raise BadRequest(f"{path.name} is not a body motion written by Understudy ({error}): make it again.") from error

    @classmethod
    def _read(cls, file: BinaryIO) -> BodyMotion:
        with np.load(file, allow_pickle=False) as arrays:
            if str(arrays["format"]) != FILE_FORMAT:
                raise ValueError(f"its format is {arrays['format']}")
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


def slerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Spherical interpolation from unit quaternions a to b, both (..., 4), by weight (..., 1) in 0..1, the short way round."""
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    # sin(w x) / sin(x) tends to w as the angle goes to zero
    safe = np.where(angle < 1e-6, 1.0, np.sin(angle))
    from_a = np.where(angle < 1e-6, 1 - weight, np.sin((1 - weight) * angle) / safe)
    from_b = np.where(angle < 1e-6, weight, np.sin(weight * angle) / safe)
    mixed = from_a * a + from_b * b
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def _lerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return (a + (b - a) * weight).astype(np.float32)
