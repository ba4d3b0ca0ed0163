"""Voices and faces with a known emotion, to learn which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .emotional_face import NAMES
from .face_batches import FaceBatches, FaceWindow
from .face_corpus import FaceClip, FaceCorpus

FRAMES = 40
WEAKEST, STRONGEST = 0.4, 1.5  # intensities of faces


@dataclass(frozen=True)
class EmotionPairs:
    """heard: (A, T, 256), of voices; motion: (B, T, 55) of faces; emotions of both, into NAMES."""

    heard: Tensor
    voice_emotions: Tensor
    motion: Tensor
    face_emotions: Tensor

    @property
    def matched(self) -> Tensor:
        """(A, B), 1 where both have the same emotion."""
        return (self.voice_emotions[:, None] == self.face_emotions).float()


class EmotionSampler:
    """clips: whose speakers may be heard. Emotions are drawn evenly, voices among the recordings that have a label."""

    def __init__(self, corpus: FaceCorpus, faces: FaceBatches, clips: Sequence[FaceClip]) -> None:
        self._corpus, self._faces = corpus, faces
        self.voices = [clip for clip in clips if clip.emotion and clip.frames >= FRAMES]
        labels = torch.tensor([NAMES.index(clip.emotion) for clip in self.voices])
        self._weights = (1.0 / torch.bincount(labels, minlength=len(NAMES)).clamp_min(1))[labels]
        self._spoken = [clip for clip in clips if clip.has_lips and clip.frames >= FRAMES]

    def draw(self, count: int, generator: torch.Generator) -> EmotionPairs:
        voices = [self.voices[row] for row in torch.multinomial(self._weights, count, replacement=True, generator=generator).tolist()]
        heard = torch.stack([self._heard(clip, generator) for clip in voices])
        faces = [self._face(generator) for _ in range(count)]
        emotions = [torch.tensor([NAMES.index(each.emotion) for each in those]) for those in (voices, faces)]
        return EmotionPairs(heard, emotions[0], self._faces.motions(faces), emotions[1])

    def whole(self, clip: FaceClip) -> Tensor:
        """(1, T, 256)."""
        return torch.from_numpy(self._corpus.heard[clip.start : clip.stop].astype(np.float32))[None]

    def faces_of(self, emotion: str, count: int, generator: torch.Generator) -> Tensor:
        """(count, T, 55) of an intensity of one."""
        windows = [replace(self._face(generator), emotion=emotion, intensity=1.0) for _ in range(count)]
        return self._faces.motions(windows)

    def _heard(self, clip: FaceClip, generator: torch.Generator) -> Tensor:
        start = clip.start + int(torch.randint(clip.frames - FRAMES + 1, (), generator=generator))
        return torch.from_numpy(self._corpus.heard[start : start + FRAMES].astype(np.float32))

    def _face(self, generator: torch.Generator) -> FaceWindow:
        clip = self._spoken[int(torch.randint(len(self._spoken), (), generator=generator))]
        start = clip.start + int(torch.randint(clip.frames - FRAMES + 1, (), generator=generator))
        emotion = NAMES[int(torch.randint(len(NAMES), (), generator=generator))]
        intensity = WEAKEST + (STRONGEST - WEAKEST) * float(torch.rand((), generator=generator))
        return FaceWindow(clip, start, start + FRAMES, emotion, intensity)
