"""Reads a motion pack: many clips in one npz with a table of labels (layout: the data card of the pack)."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...geometry.rotations import matrix_from_rotation_vector
from ...geometry.skeleton import Skeleton
from .source_clip import MotionFileError, SourceClip, SourceSkeleton


@dataclass(frozen=True)
class Label:
    """One row of a pack's table. content, style and description may be empty."""

    clip: str
    subject: str
    content: str
    style: str
    description: str


class MotionPack:
    """One pack: `clips()` walks through it in file order; `labels` tells what a clip shows. MotionFileError for no such file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with np.load(path) as arrays:
                self._arrays = {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise MotionFileError(f"The motion pack {path} cannot be read ({error}).") from error
        # Stored as int16 differences over the whole file; the wrap-around on the way back is intended.
        self._steps = np.cumsum(self._arrays.pop("rot_delta"), axis=0, dtype=np.int16)
        self.names = [str(name) for name in self._arrays["clip_name"]]

    @cached_property
    def labels(self) -> dict[str, Label]:
        with self.path.with_name(f"{self.path.stem}_labels.csv").open(newline="", encoding="utf-8") as table:
            rows = [Label(r["clip"], r["subject"], r["content"], r["style"], r["description"]) for r in csv.DictReader(table)]
        return {label.clip: label for label in rows}

    def clips(self) -> Iterator[SourceClip]:
        for index in range(len(self.names)):
            yield self._clip(index)

    def clip(self, name: str) -> SourceClip:
        """Raises ValueError for a name that the pack does not hold."""
        return self._clip(self.names.index(name))

    def start_seconds(self, name: str) -> float:
        """Seconds between the first captured frame of the trial and frame 0 of the clip."""
        return float(self._arrays["clip_t0"][self.names.index(name)])

    def _clip(self, index: int) -> SourceClip:
        arrays = self._arrays
        start, count = int(arrays["clip_start"][index]), int(arrays["clip_count"][index])
        frames = slice(start, start + count)
        skeleton = self._skeletons[int(arrays["clip_skeleton"][index])]
        vectors = self._steps[frames, : len(skeleton.joints.names)].astype(np.float64) * float(arrays["rot_step"])
        return SourceClip(
            name=self.names[index],
            skeleton=skeleton,
            rotations=matrix_from_rotation_vector(torch.from_numpy(vectors)),
            root_positions=torch.from_numpy(arrays["root_pos"][frames].astype(np.float64)),
            fps=float(arrays["clip_fps"][index]),
            frame_ok=torch.from_numpy(arrays["frame_ok"][frames].copy()),
        )

    @cached_property
    def _skeletons(self) -> list[SourceSkeleton]:
        return [self._skeleton(row) for row in range(len(self._arrays["skeleton_name"]))]

    def _skeleton(self, row: int) -> SourceSkeleton:
        arrays = self._arrays
        count = int(arrays["skeleton_joint_count"][row])
        joints = Skeleton(
            names=tuple(str(name) for name in arrays["skeleton_joint_names"][row, :count]),
            parents=tuple(int(parent) for parent in arrays["skeleton_parents"][row, :count]),
            offsets=_double(arrays["skeleton_offsets_m"][row, :count]),
        )
        return SourceSkeleton(
            joints=joints,
            t_pose=matrix_from_rotation_vector(_double(arrays["skeleton_tpose_rotvec"][row, :count])),
            smpl_joints=tuple(int(joint) for joint in arrays["skeleton_smpl22_joint"][row]),
        )


def _double(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float64))
