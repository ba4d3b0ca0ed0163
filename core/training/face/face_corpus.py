"""Everything that the face's networks are trained on, in one folder: what the speech encoder hears, and what a face should do.

`heard.npy` holds features (N, 1920) float16 of all frames one after another, mapped into memory; `frames.npz` the teacher's tracks of the
same frames and where each clip begins; `clips.json` what each clip is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...contract import BadRequest
from .emotional_face import SpokenFrames

HEARD, FRAMES, CLIPS = "heard.npy", "frames.npz", "clips.json"


@dataclass(frozen=True)
class FaceClip:
    """start, stop: its frames. has_lips: whether phones are known, so that there is something for lips to do. emotion: "" unknown."""

    name: str
    pack: str
    speaker: str
    split: str
    emotion: str
    has_lips: bool
    start: int
    stop: int

    @property
    def frames(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class FaceCorpus:
    heard: np.ndarray
    spoken: SpokenFrames
    clips: tuple[FaceClip, ...]

    def split(self, name: str) -> list[FaceClip]:
        return [clip for clip in self.clips if clip.split == name]

    def spoken_in(self, start: int, stop: int) -> SpokenFrames:
        return SpokenFrames(*(part[start:stop] for part in vars(self.spoken).values()))


def save(folder: Path, heard: list[np.ndarray], spoken: list[SpokenFrames], clips: list[FaceClip]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / HEARD, np.concatenate(heard))
    tracks = {name: np.concatenate([getattr(each, name) for each in spoken]) for name in vars(spoken[0])}
    np.savez(folder / FRAMES, **tracks)
    (folder / CLIPS).write_text(json.dumps([asdict(clip) for clip in clips], indent=0), encoding="utf-8")


def load(folder: Path) -> FaceCorpus:
    """Raises BadRequest where `train face-prepare` has not been."""
    try:
        heard = np.load(folder / HEARD, mmap_mode="r")
        with np.load(folder / FRAMES) as arrays:
            spoken = SpokenFrames(**{name: arrays[name] for name in arrays.files})
        clips = tuple(FaceClip(**row) for row in json.loads((folder / CLIPS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadRequest(f"There is no corpus of faces in {folder} ({error}): make it with `python -m core train face-prepare`.") from error
    return FaceCorpus(heard, spoken, clips)
