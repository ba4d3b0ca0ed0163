"""Everything that the face's networks are trained on, in one folder: what the speech encoder hears, and what a face should do.

`heard.npz` holds principal components (N, 256) float16 of what the speech encoder hears in all frames, one after another, and their
directions; `frames.npz` the teacher's tracks of the same frames; `clips.json` what each clip is and where it lies.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...contract import BadRequest
from .emotional_face import SpokenFrames
from .heard_components import HeardComponents, condensed, heard_components

HEARD, FRAMES, CLIPS = "heard.npz", "frames.npz", "clips.json"


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
    """heard: (N, 256) float16."""

    heard: np.ndarray
    components: HeardComponents
    spoken: SpokenFrames
    clips: tuple[FaceClip, ...]

    def split(self, name: str) -> list[FaceClip]:
        return [clip for clip in self.clips if clip.split == name]

    def spoken_in(self, start: int, stop: int) -> SpokenFrames:
        return SpokenFrames(*(part[start:stop] for part in vars(self.spoken).values()))


def save(folder: Path, heard: list[np.ndarray], spoken: list[SpokenFrames], clips: list[FaceClip]) -> None:
    """heard: (T, 1920) of each clip."""
    folder.mkdir(parents=True, exist_ok=True)
    features = np.concatenate(heard)
    components = heard_components(features)
    np.savez(folder / HEARD, heard=condensed(features, components), **vars(components))
    tracks = {name: np.concatenate([getattr(each, name) for each in spoken]) for name in vars(spoken[0])}
    np.savez(folder / FRAMES, **tracks)
    (folder / CLIPS).write_text(json.dumps([asdict(clip) for clip in clips], indent=0), encoding="utf-8")


def load(folder: Path) -> FaceCorpus:
    """Raises BadRequest where `train face-prepare` has not been."""
    try:
        with np.load(folder / HEARD) as arrays:
            heard, components = arrays["heard"], HeardComponents(arrays["mean"], arrays["directions"])
        with np.load(folder / FRAMES) as arrays:
            spoken = SpokenFrames(**{name: arrays[name] for name in arrays.files})
        clips = tuple(FaceClip(**row) for row in json.loads((folder / CLIPS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadRequest(f"There is no corpus of faces in {folder} ({error}): make it with `python -m core train face-prepare`.") from error
    return FaceCorpus(heard, components, spoken, clips)
