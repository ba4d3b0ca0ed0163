"""Face motion as it crosses the door, lies on disk and goes into tests, with the recipe it was made by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .interpolation import frame_count, frames_around, lerp
from .npz_files import load_npz, save_npz
from .recipes import FaceRecipe

FILE_FORMAT = "understudy face motion 1"
OPTIONAL_TRACKS = ("head", "eyes", "blinks")
_ROUNDING = 1e-6


@dataclass(frozen=True)
class FaceMotion:
    """Motion of one face: coefficients of expression, and turns as axis-angle in radians, whose identity is the neutral face.

    expression: (T, E) coefficients in the face space `space`, whose meanings are `expression_names`; see face_spaces.
    jaw: (T, 3) against the head. head: (T, 3) against the body, or None where the model makes none. eyes: (T, 2, 3) left and right
    against the head, or None. Axes of the head at rest: X to its left, Y up, Z to the front.
    blinks: (T,) 0..1, how far blinks close both lids, or None; apart from what the expression does to them.
    fps: frames a second; frame 0 is at 0 s, where the sound starts.
    """

    expression: np.ndarray
    jaw: np.ndarray
    expression_names: tuple[str, ...]
    space: str
    fps: float
    head: np.ndarray | None = None
    eyes: np.ndarray | None = None
    recipe: FaceRecipe = field(default_factory=FaceRecipe)
    blinks: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames = len(self.expression)
        shapes: dict[str, tuple[int, ...]] = {"expression": (frames, len(self.expression_names)), "jaw": (frames, 3)}
        shapes |= {"head": (frames, 3), "eyes": (frames, 2, 3), "blinks": (frames,)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is None and name in OPTIONAL_TRACKS:
                continue
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        if frames == 0:
            raise ValueError("a motion of 0 frames")
        if self.blinks is not None and (self.blinks.min() < 0 or self.blinks.max() > 1 + _ROUNDING):
            raise ValueError(f"blinks go from {self.blinks.min():g} to {self.blinks.max():g}, not from 0 to 1")
        if not self.space or len(set(self.expression_names)) != len(self.expression_names):
            raise ValueError(f"coefficients of the face space {self.space!r} by names of which some are the same")
        if not 0 < self.fps < math.inf:
            raise ValueError(f"a motion at {self.fps:g} frames a second")

    @property
    def seconds(self) -> float:
        """Time from the first to the last frame."""
        return (len(self.expression) - 1) / self.fps

    def resampled(self, fps: float) -> FaceMotion:
        """The same motion at another rate, from 0 s to the last whole frame that is inside it."""
        return replace(self.at(np.arange(frame_count(self.seconds, fps)) / fps), fps=fps)

    def at(self, times: np.ndarray) -> FaceMotion:
        """The faces at `times` (T,) seconds, held before the first and after the last frame; `fps` stays as it is.

        Turns go straight in axis-angle: for those of a head between two frames no eye tells that from an arc.
        """
        before, after, weight = frames_around(times, self.fps, len(self.expression))

        def between(array: np.ndarray) -> np.ndarray:
            return lerp(array[before], array[after], weight.reshape(-1, *[1] * (array.ndim - 1)))

        return replace(
            self,
            expression=between(self.expression),
            jaw=between(self.jaw),
            head=None if self.head is None else between(self.head),
            eyes=None if self.eyes is None else between(self.eyes),
            blinks=None if self.blinks is None else between(self.blinks),
        )

    def save(self, path: Path) -> None:
        """Writes a compressed npz, whole or not at all; what the motion does not have is left out."""
        arrays = {
            "expression": self.expression,
            "jaw": self.jaw,
            **{name: getattr(self, name) for name in OPTIONAL_TRACKS},
            "expression_names": np.array(self.expression_names, str),
            "space": np.array(self.space),
            "fps": np.float32(self.fps),
            "recipe": np.array(self.recipe.to_json()),
        }
        save_npz(path, FILE_FORMAT, {name: array for name, array in arrays.items() if array is not None})

    @classmethod
    def load(cls, path: Path) -> FaceMotion:
        """Raises BadRequest for a file that is not such a motion, OSError for one that cannot be opened."""
        return load_npz(path, FILE_FORMAT, "face motion", cls._of)

    @classmethod
    def _of(cls, arrays: Mapping[str, np.ndarray]) -> FaceMotion:
        return cls(
            expression=arrays["expression"],
            jaw=arrays["jaw"],
            **{name: arrays.get(name) for name in OPTIONAL_TRACKS},
            expression_names=tuple(str(name) for name in arrays["expression_names"]),
            space=str(arrays["space"]),
            fps=float(arrays["fps"]),
            recipe=FaceRecipe.from_json(str(arrays["recipe"])),
        )
