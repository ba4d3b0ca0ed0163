"""Motion files that somebody brings: a folder of BVH files, or of AMC files beside their ASF skeletons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .acclaim import read_amc, read_asf
from .bvh import read_bvh
from .skeleton_map import source_clip
from .source_clip import MotionFileError, SourceClip


def read_motion_file(path: Path) -> SourceClip:
    """One .bvh or .amc file. An AMC takes the ASF of its subject: 02_01.amc takes 02.asf, or the only one in its folder."""
    if path.suffix.lower() == ".bvh":
        bvh = read_bvh(path)
        return source_clip(path.stem, bvh.joints, bvh.rotations, bvh.root_positions, bvh.fps)
    if path.suffix.lower() == ".amc":
        amc = read_amc(path, read_asf(_skeleton_file(path)))
        return source_clip(path.stem, amc.joints, amc.rotations, amc.root_positions, CMU_FPS)
    raise MotionFileError(f"{path.name} is neither a .bvh nor an .amc file.")


CMU_FPS = 120.0  # AMC files do not tell their rate


def motion_files(folder: Path) -> Iterator[Path]:
    """All .bvh and .amc files below a folder, in the order of their names."""
    return iter(sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".bvh", ".amc")))


def _skeleton_file(amc: Path) -> Path:
    skeletons = sorted(amc.parent.glob("*.asf")) + sorted(amc.parent.glob("*.ASF"))
    of_subject = [path for path in skeletons if amc.stem.startswith(path.stem)]
    if of_subject:
        return max(of_subject, key=lambda path: len(path.stem))
    if len(skeletons) == 1:
        return skeletons[0]
    raise MotionFileError(f"{amc.name} needs the .asf skeleton of its subject beside it, and {len(skeletons)} others were found.")
