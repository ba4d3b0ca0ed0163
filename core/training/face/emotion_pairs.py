"""Voices and faces with a known emotion, to learn which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .emotional_face import NAMES
from .emotional_voices import EmotionalVoices, one_of
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
    """clips: those that may be heard and whose lips may move; those with a label are the actors. Emotions are drawn evenly."""

    def __init__(self, corpus: FaceCorpus, faces: FaceBatches, clips: Sequence[FaceClip], readers: Sequence[FaceClip]) -> None:
        self.voices = EmotionalVoices(corpus, [clip for clip in clips if clip.emotion], readers, FRAMES)
        self._faces = faces
        self._spoken = [clip for clip in clips if clip.has_lips and clip.frames >= FRAMES]

    def draw(self, count: int, generator: torch.Generator) -> EmotionPairs:
        heard, emotions = zip(*(self.voices.draw(generator) for _ in range(count)), strict=True)
        faces = [self._face(generator) for _ in range(count)]
        shown = torch.tensor([NAMES.index(each.emotion) for each in faces])
        return EmotionPairs(torch.stack(heard), torch.tensor(emotions), self._faces.motions(faces), shown)

    def faces_of(self, emotion: str, count: int, generator: torch.Generator) -> Tensor:
        """(count, T, 55) of an intensity of one."""
        windows = [replace(self._face(generator), emotion=emotion, intensity=1.0) for _ in range(count)]
        return self._faces.motions(windows)

    def _face(self, generator: torch.Generator) -> FaceWindow:
        clip = one_of(self._spoken, generator)
        start = clip.start + int(torch.randint(clip.frames - FRAMES + 1, (), generator=generator))
        emotion = NAMES[int(torch.randint(len(NAMES), (), generator=generator))]
        intensity = WEAKEST + (STRONGEST - WEAKEST) * float(torch.rand((), generator=generator))
        return FaceWindow(clip, start, start + FRAMES, emotion, intensity)
