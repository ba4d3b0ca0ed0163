"""Recorded speech with phone times: one folder a set, with utterances.csv and phones.jsonl (layout in the data pack's README)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ...contract import BadRequest
from ...face.sound_frames import SAMPLE_RATE, SAMPLES_PER_FRAME, heard_frames
from .visemes import ARPABET, SAMPA, Segment, segments

SETS = ("kathleen", "emodb", "fixtures", "grid")
# EmoDB's words for emotions to ours; boredom is none of those that a user can ask for, but voices are told apart by it
EMOTIONS = {
    "neutral": "neutral", "happiness": "happy", "sadness": "sad", "fear": "fearful", "disgust": "disgusted", "anger": "angry",
    "boredom": "bored",
}  # fmt: skip


@dataclass(frozen=True)
class SpokenClip:
    """segments: () where no phone times are known. emotion: "" where none is noted; text: what is said, for synthesis."""

    name: str
    pack: str
    path: Path
    speaker: str
    segments: tuple[Segment, ...]
    emotion: str = ""
    text: str = ""

    def sound(self) -> np.ndarray:
        """(L,) float32 in -1..1, L a multiple of 640, silence at the end."""
        samples, rate = soundfile.read(self.path, dtype="float32")
        if rate != SAMPLE_RATE or samples.ndim != 1:
            raise BadRequest(f"{self.path} has {rate} Hz and the shape {samples.shape} instead of one channel of {SAMPLE_RATE} Hz.")
        return np.pad(samples, (0, heard_frames(len(samples)) * SAMPLES_PER_FRAME - len(samples)))


def read_pack(folder: Path, pack: str) -> list[SpokenClip]:
    """The clips of one of SETS. Raises BadRequest where it is not there."""
    place = folder / pack
    try:
        phones = {row["file"]: row["phones"] for row in _json_lines(place / "phones.jsonl")}
        with (place / "utterances.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BadRequest(f"{error.filename} cannot be read: give the folder with {', '.join(SETS)} with --speech.") from error
    table = SAMPA if pack == "emodb" else ARPABET
    return [
        SpokenClip(
            f"{pack}/{row['file']}", pack, place / row["file"], f"{pack}/{row.get('speaker', '')}",
            tuple(segments(phones.get(row["file"], ()), table)), EMOTIONS.get(row.get("emotion", ""), ""), row.get("text", ""),
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True)
class TrackedLips:
    """The lips of a recorded face at 25 Hz. gap: (T,) distance of the inner lips in distances between the outer eye corners."""

    clip: SpokenClip
    gap: np.ndarray


def read_tracked_lips(folder: Path) -> list[TrackedLips]:
    """The clips of GRID with their measures. Raises BadRequest where they are not there."""
    found = []
    for clip in read_pack(folder, "grid"):
        with (folder / "grid" / "measures" / f"{clip.path.stem}.csv").open(encoding="utf-8", newline="") as file:
            gap = np.array([float(row["lip_gap"]) for row in csv.DictReader(file)], np.float32)
        found.append(TrackedLips(clip, gap))
    return found


def _json_lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
