"""The training corpus: every usable stretch of motion as features, with its sentences, in one file.

`build` reads packs and folders, `Corpus.load` gives it back. Left-right mirrored copies are rows of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..body.features import raw_features
from ..body.time_series import runs
from ..contract import BadRequest, BodyMotion
from ..geometry.skeleton import REST_SKELETON
from .captions import Caption, CaptionBook, mirrored_text, read_timed_captions
from .mixing import Part, may_be_mixed, mixtures
from .motion_capture.folder import motion_files, read_motion_file
from .motion_capture.ground import on_flat_floor
from .motion_capture.normalise import at_training_rate, mirrored
from .motion_capture.packs import Label, MotionPack
from .motion_capture.retarget import retarget
from .motion_capture.source_clip import MotionFileError, SourceClip
from .paces import may_be_paced, paces
from .pack_names import PACKS

MIXED = "mixed"  # the pack of clips that were made of recordings
MIN_FRAMES = 20  # one second; shorter stretches between two jumps of a recording are left out
# CMU: playground and uneven ground, where y = 0 is not where the feet stand (data card, section 3)
_UNEVEN_SUBJECTS = ("01", "03")
_UNEVEN_WORDS = ("climb", "stool", "uneven")
SPLIT_FROM = 40  # files; of fewer clips of one's own, all are trained on
_TEST_SUBJECTS, _VALIDATION_SUBJECTS = ("08", "39", "61"), ("07", "38")

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Span:
    """Frames start..end of a stretch, and sentences for them (indices into Corpus.sentences)."""

    start: int
    end: int
    sentences: tuple[int, ...]


@dataclass(frozen=True)
class Stretch:
    """Rows first..first+count of Corpus.features: one clip, or what lies between two jumps of one."""

    clip: str
    pack: str
    content: str
    style: str
    split: str
    mirrored: bool
    first: int
    count: int
    spans: tuple[Span, ...]

    @property
    def is_recorded(self) -> bool:
        return self.pack != MIXED


@dataclass(frozen=True)
class Corpus:
    """features: (F, D) float32, not normalised, all stretches in a row."""

    features: Tensor
    stretches: tuple[Stretch, ...]
    sentences: tuple[str, ...]

    def split(self, name: str) -> list[Stretch]:
        return [stretch for stretch in self.stretches if stretch.split == name]

    def usable(self, split: str, fits: Callable[[Stretch], bool]) -> list[Stretch]:
        """Stretches of a split that fit. Where a small corpus has none to validate on, they are those of the training.

        Raises BadRequest where there is none at all.
        """
        for name in dict.fromkeys((split, "train")):
            if found := [stretch for stretch in self.split(name) if fits(stretch)]:
                return found
        raise BadRequest("The corpus has no motion that this network can be trained on: prepare it with more clips and captions.")

    def frames(self, stretch: Stretch) -> Tensor:
        return self.features[stretch.first : stretch.first + stretch.count]

    def save(self, path: Path) -> None:
        index = {"stretches": [asdict(stretch) for stretch in self.stretches], "sentences": self.sentences}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, features=self.features.numpy(), index=np.array(json.dumps(index)))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Corpus:
        with np.load(path, allow_pickle=False) as arrays:
            index = json.loads(str(arrays["index"]))
            features = torch.from_numpy(arrays["features"])
        return cls(features, tuple(_stretch(row) for row in index["stretches"]), tuple(index["sentences"]))


def _stretch(row: dict) -> Stretch:
    spans = tuple(Span(span["start"], span["end"], tuple(span["sentences"])) for span in row.pop("spans"))
    return Stretch(spans=spans, **row)


@dataclass
class _Builder:
    features: list[Tensor] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    sentences: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    n_frames: int = 0

    def add(self, clip: SourceClip, label: Label, pack: str, split: str, captions: list[Caption], flat: bool) -> None:
        motion, frame_ok = at_training_rate(retarget(clip))
        motion = on_flat_floor(motion) if flat else motion
        self.add_motion(motion, frame_ok, label, pack, split, captions)
        if pack == "bandai_namco" and split == "train" and (may_be_mixed(label) or may_be_paced(label)):
            self.parts.append(Part(label, motion))

    def add_motion(self, motion: BodyMotion, frame_ok: Tensor, label: Label, pack: str, split: str, captions: list[Caption]) -> None:
        for is_mirrored, side in ((False, motion), (True, mirrored(motion))):
            features = raw_features(side, REST_SKELETON)
            for first, last in runs(frame_ok.numpy()):
                if last - first >= MIN_FRAMES:
                    self._add_stretch(features[first:last], first, label, pack, split, captions, side, is_mirrored)

    def _add_stretch(
        self, rows: Tensor, first: int, label: Label, pack: str, split: str, captions: list[Caption], motion: BodyMotion, is_mirrored: bool
    ) -> None:
        spans: dict[tuple[int, int], list[int]] = {}
        for caption in captions:
            end_seconds = motion.seconds + 1 if caption.end is None else caption.end
            start = max(round(caption.start * motion.fps) - first, 0)
            end = min(round(end_seconds * motion.fps) - first, len(rows))
            if end - start >= MIN_FRAMES:
                text = mirrored_text(caption.text) if is_mirrored else caption.text
                spans.setdefault((start, end), []).append(self.sentences.setdefault(text, len(self.sentences)))
        content, style = label.content, label.style
        self.stretches.append(
            Stretch(
                label.clip, pack, mirrored_text(content) if is_mirrored else content, style, split, is_mirrored, self.n_frames,
                len(rows), tuple(Span(start, end, tuple(dict.fromkeys(found))) for (start, end), found in spans.items()),
            )
        )  # fmt: skip
        self.features.append(rows)
        self.n_frames += len(rows)

    def corpus(self) -> Corpus:
        return Corpus(torch.cat(self.features), tuple(self.stretches), tuple(self.sentences))


def build(packs: Path | None, folder: Path | None, captions: Path | None, report: Report, names: tuple[str, ...] = PACKS) -> Corpus:
    """Everything from a folder with the three packs, and from a folder of somebody's own files with their captions.

    names: only these of the packs.
    """
    builder = _Builder()
    if packs:
        book = CaptionBook()
        for clip, label, pack, sentences, done, total in _pack_clips(packs, names, book):
            report(f"reading {pack}", done, total)
            builder.add(clip, label, pack, split_of(pack, label), sentences, not is_uneven(label))
        for make in (mixtures, paces):
            for part, sentences in make(builder.parts, book.subjects, book.phrases):
                builder.add_motion(part.motion, _all_good(part.motion), part.label, MIXED, "train", sentences)
    if folder:
        own = read_timed_captions(captions) if captions else {}
        files = list(motion_files(folder))
        for number, path in enumerate(files):
            report(f"reading {folder.name}", number + 1, len(files))
            label = Label(path.stem, "", "own", "", "")
            split = _hash_split(path.stem) if len(files) >= SPLIT_FROM else "train"
            builder.add(read_motion_file(path), label, "own", split, own.get(path.stem, []), flat=True)
    if not builder.stretches:
        raise MotionFileError("No motion of at least one second was found: look at the folders that were given.")
    return builder.corpus()


def split_of(pack: str, label: Label) -> str:
    """As the data card suggests: CMU by subject, the others by a hash of the clip's name."""
    if pack == "cmu":
        held_out = {**dict.fromkeys(_TEST_SUBJECTS, "test"), **dict.fromkeys(_VALIDATION_SUBJECTS, "validation")}
        return held_out.get(label.subject, "train")
    return _hash_split(label.clip)


def _hash_split(name: str) -> str:
    return {0: "validation", 1: "test"}.get(int(hashlib.sha1(name.encode()).hexdigest(), 16) % 20, "train")


def is_uneven(label: Label) -> bool:
    text = f"{label.content} {label.description}".lower()
    return label.subject in _UNEVEN_SUBJECTS or any(word in text for word in _UNEVEN_WORDS)


def _pack_clips(
    folder: Path, names: tuple[str, ...], book: CaptionBook
) -> Iterator[tuple[SourceClip, Label, str, list[Caption], int, int]]:
    timed = read_timed_captions(folder / "captions.jsonl", source="humanml3d/")
    for name in names:
        pack = MotionPack(folder / f"{name}.npz")
        for number, clip in enumerate(pack.clips()):
            label = pack.labels[clip.name]
            sentences = book.captions(name, label) + timed.get(clip.name, [])
            if sentences:
                label = _relabelled(label, book)
                yield clip, label, name, sentences, number + 1, len(pack.names)


def _relabelled(label: Label, book: CaptionBook) -> Label:
    content = book.relabelled.get(label.clip, label.content)
    return Label(label.clip, label.subject, content, label.style, label.description)


def _all_good(motion: BodyMotion) -> Tensor:
    return torch.ones(len(motion.translation), dtype=torch.bool)
