"""Windows of the corpus with faces of any emotion: what every network of the face is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...face.speech_to_face import N_JAW
from .emotional_face import NAMES, emotional_face
from .face_corpus import FaceClip, FaceCorpus
from .lip_line import LipLine

NEUTRAL_SHARE = 0.25
STRONGEST = 2.0  # intensity that can be asked for


@dataclass(frozen=True)
class FaceWindow:
    """Frames of one clip, spoken with an emotion of NAMES and an intensity."""

    clip: FaceClip
    start: int
    stop: int
    emotion: str
    intensity: float


@dataclass(frozen=True)
class FaceBatch:
    """heard: (B, T, 256); motion: (B, T, 55); emotions: (B,) into NAMES; intensities: (B,)."""

    heard: Tensor
    motion: Tensor
    emotions: Tensor
    intensities: Tensor


class FaceBatches:
    """Draws windows of clips; those shorter than a window are left out."""

    def __init__(self, corpus: FaceCorpus, line: LipLine, clips: Sequence[FaceClip], frames: int) -> None:
        self._corpus, self._line, self._frames = corpus, line, frames
        self._clips = [clip for clip in clips if clip.has_lips and clip.frames >= frames]
        # Longer clips have more windows; recordings of people weigh as much as there is of them
        self._weights = torch.tensor([float(clip.frames - frames + 4) for clip in self._clips])

    def draw(self, count: int, generator: torch.Generator) -> FaceBatch:
        return self.of(self._windows(count, generator))

    def faces(self, count: int, generator: torch.Generator) -> Tensor:
        """Only their motion, (B, T, 55)."""
        return self.motions(self._windows(count, generator))

    def motions(self, windows: Sequence[FaceWindow]) -> Tensor:
        """(B, T, 55) of windows of the same length."""
        return torch.from_numpy(np.stack([self.motion(each) for each in windows]))

    def of(self, windows: Sequence[FaceWindow]) -> FaceBatch:
        """All of the same length."""
        heard = np.stack([self._corpus.heard[each.start : each.stop] for each in windows]).astype(np.float32)
        return FaceBatch(
            torch.from_numpy(heard), self.motions(windows), torch.tensor([NAMES.index(each.emotion) for each in windows]),
            torch.tensor([each.intensity for each in windows]),
        )  # fmt: skip

    def motion(self, window: FaceWindow) -> np.ndarray:
        """(T, 55): what the teacher says, the jaw's turn at zero."""
        spoken = self._corpus.spoken_in(window.start, window.stop)
        expression = emotional_face(self._line, spoken, window.emotion, window.intensity)
        return np.pad(expression, ((0, 0), (0, N_JAW)))

    def _windows(self, count: int, generator: torch.Generator) -> list[FaceWindow]:
        rows = torch.multinomial(self._weights, count, replacement=True, generator=generator).tolist()
        return [self._window(self._clips[row], generator) for row in rows]

    def _window(self, clip: FaceClip, generator: torch.Generator) -> FaceWindow:
        start = clip.start + int(torch.randint(clip.frames - self._frames + 1, (), generator=generator))
        drawn = torch.rand(3, generator=generator).tolist()
        emotion = "neutral" if drawn[0] < NEUTRAL_SHARE else NAMES[1 + int(drawn[1] * (len(NAMES) - 1))]
        return FaceWindow(clip, start, start + self._frames, emotion, STRONGEST * drawn[2])
