"""Voices with a known emotion: actors, readers, who are calm, and readers with an actor's emotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from .emotional_face import NAMES
from .face_corpus import FaceClip, FaceCorpus

READER_SHARE = 0.35  # of the voices that are heard
# Of the readers. The others sound as much different as an actor's emotion does; else whoever speaks their language would be calm
CALM_SHARE = 0.85
NEUTRAL = NAMES.index("neutral")
Item = TypeVar("Item")


class EmotionalVoices:
    """Draws stretches of `frames`; shorter clips are left out. actors: clips with a label, drawn evenly by emotion. readers: or none."""

    def __init__(self, corpus: FaceCorpus, actors: Sequence[FaceClip], readers: Sequence[FaceClip], frames: int) -> None:
        self._corpus, self._frames = corpus, frames
        self.actors = [clip for clip in actors if clip.frames >= frames]
        self.readers = [clip for clip in readers if clip.frames >= frames]
        labels = torch.tensor([NAMES.index(clip.emotion) for clip in self.actors])
        self._weights = (1.0 / torch.bincount(labels, minlength=len(NAMES)).clamp_min(1))[labels]
        self._differences = self._found_differences()

    def draw(self, generator: torch.Generator) -> tuple[Tensor, int]:
        """(T, 256) that is heard, and its emotion's place in NAMES."""
        drawn = torch.rand(2, generator=generator).tolist()
        if not self.readers or drawn[0] >= READER_SHARE:
            clip = self.actors[int(torch.multinomial(self._weights, 1, generator=generator))]
            return self._stretch(clip, generator), NAMES.index(clip.emotion)
        heard = self._stretch(one_of(self.readers, generator), generator)
        if not self._differences or drawn[1] < CALM_SHARE:
            return heard, NEUTRAL
        difference, emotion = one_of(self._differences, generator)
        return heard + difference, emotion

    def whole(self, clip: FaceClip) -> Tensor:
        """(1, T, 256)."""
        return self._heard(clip.start, clip.stop)[None]

    def _stretch(self, clip: FaceClip, generator: torch.Generator) -> Tensor:
        start = clip.start + int(torch.randint(clip.frames - self._frames + 1, (), generator=generator))
        return self._heard(start, start + self._frames)

    def _heard(self, start: int, stop: int) -> Tensor:
        return torch.from_numpy(self._corpus.heard[start:stop].astype(np.float32))

    def _found_differences(self) -> list[tuple[Tensor, int]]:
        """By how much (256,) each actor's mean differs in each emotion from the same actor's neutral one."""
        by_kind: dict[tuple[str, str], list[Tensor]] = {}
        for clip in self.actors:
            by_kind.setdefault((clip.speaker, clip.emotion), []).append(self.whole(clip)[0].mean(0))
        means = {kind: torch.stack(each).mean(0) for kind, each in by_kind.items()}
        calm = {speaker: mean for (speaker, emotion), mean in means.items() if emotion == NAMES[NEUTRAL]}
        return [
            (mean - calm[speaker], NAMES.index(emotion))
            for (speaker, emotion), mean in means.items()
            if speaker in calm and emotion != NAMES[NEUTRAL]
        ]


def one_of(items: Sequence[Item], generator: torch.Generator) -> Item:
    return items[int(torch.randint(len(items), (), generator=generator))]
