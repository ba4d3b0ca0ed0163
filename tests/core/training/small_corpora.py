"""Corpora of a few clips: figures that nobody recorded, and packs cut down to some of their clips."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from understudy.core.training.corpus import Corpus, Stretch
from understudy.core.training.encoded_sentences import EncodedSentences
from understudy.tests.core.training.made_skeletons import MIXAMO, Figure, Turns, Vector
from understudy.tests.core.training.sample_data import BODY, pack

Place = Callable[[float], Vector]
MADE_CAPTIONS = {
    "wave": ["someone waves with the left hand", "a person waves"],
    "circle": ["a person walks in a clockwise circle"],
    "bow": ["he bows"],
    "stand": ["she stands still"],
}


def write_made_clips(folder: Path, seconds: float = 5.0, names: tuple[str, ...] = tuple(MADE_CAPTIONS)) -> None:
    """BVH files of a figure that waves, goes round, bows or stands."""
    folder.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * 30)) / 30
    for name in names:
        frames = [_pose(name, float(time)) for time in times]
        path = [_place(name, float(time)) for time in times]
        (folder / f"{name}.bvh").write_text(Figure(MIXAMO).bvh(frames, path))


def write_captions(path: Path, captions: dict[str, list[str]] = MADE_CAPTIONS) -> Path:
    path.write_text("".join(json.dumps({"clip": clip, "text": text}) + "\n" for clip, texts in captions.items() for text in texts))
    return path


def _pose(name: str, time: float) -> Turns:
    swing = float(np.sin(2 * np.pi * time))
    poses: dict[str, Turns] = {
        "wave": {"left_shoulder": ("Z", 60.0), "left_elbow": ("Y", -60 - 40 * swing), "right_shoulder": ("Z", 70.0)},
        "circle": {"pelvis": ("Y", -60 * time), "left_hip": ("X", 30 * swing), "right_hip": ("X", -30 * swing), "left_knee": ("X", 15.0)},
        "bow": {"spine1": ("X", 30 - 25 * swing), "spine3": ("X", 10.0), "neck": ("X", 10 - 10 * swing)},
        "stand": {"left_shoulder": ("Z", -75.0), "right_shoulder": ("Z", 75.0), "head": ("Y", 20 * swing)},
    }
    return poses[name]


def _place(name: str, time: float) -> Vector:
    angle = np.radians(60 * time)
    return (float(100 * np.cos(angle)), 94.0, float(100 * np.sin(angle))) if name == "circle" else (0.0, 94.0, 0.0)


def write_cut_packs(folder: Path, clips: dict[str, list[str]]) -> Path:
    """A folder as the data card describes it, with these clips only."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, wanted in clips.items():
        whole = pack(name)
        rows = [whole.names.index(clip) for clip in wanted]
        frames = np.concatenate([_frames(whole._arrays, row) for row in rows])
        counts = whole._arrays["clip_count"][rows]
        arrays = {key: values[rows] if key.startswith("clip_") else values for key, values in whole._arrays.items()}
        arrays["clip_start"] = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int32)
        arrays["root_pos"], arrays["frame_ok"] = whole._arrays["root_pos"][frames], whole._arrays["frame_ok"][frames]
        arrays["rot_delta"] = np.diff(whole._steps[frames], axis=0, prepend=np.zeros_like(whole._steps[:1]))
        np.savez(folder / f"{name}.npz", **arrays)
        _copy_table(name, wanted, folder)
    (folder / "captions.jsonl").write_bytes((BODY / "captions.jsonl").read_bytes())
    return folder


def _frames(arrays: dict[str, np.ndarray], row: int) -> np.ndarray:
    return arrays["clip_start"][row] + np.arange(arrays["clip_count"][row])


def _copy_table(name: str, wanted: list[str], folder: Path) -> None:
    with (BODY / f"{name}_labels.csv").open(encoding="utf-8", newline="") as table:
        header, *rows = csv.reader(table)
    with (folder / f"{name}_labels.csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([header, *(row for row in rows if row[0] in wanted)])


def encoded_by_chance(corpus: Corpus, width: int = 384) -> EncodedSentences:
    """Vectors as the sentence encoder would give them, but random; sentence k has k % 5 + 2 words."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([index % 5 + 2 for index in range(len(corpus.sentences))])
    first = torch.cat((torch.zeros(1, dtype=torch.long), lengths.cumsum(0)))
    pooled = torch.randn(len(lengths), width, generator=generator).half()
    return EncodedSentences(pooled, torch.randn(int(first[-1]), width, generator=generator).half(), first)


def with_contents(corpus: Corpus) -> Corpus:
    """The same clips, each with its name as its content, and one of two styles."""
    return dataclasses.replace(
        corpus, stretches=tuple(dataclasses.replace(each, content=each.clip, style=_style(each)) for each in corpus.stretches)
    )


def _style(stretch: Stretch) -> str:
    return "still" if stretch.clip == "stand" else ""


def quiet(stage: str, step: int, total: int) -> None:
    """Tells nobody about progress."""
