"""Which emotion a face has when: by its name, as the voice sounds or as another clip sounds, how strongly, and what comes after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract import FaceRequest
from .emotion_anchors import EmotionAnchors
from .emotion_embedding import EmotionDistribution
from .long_speech import EmotionPart, OwnEmotion

FADE_S = 1.0  # from one emotion to the next, half of it before the change
_NEUTRAL = "neutral"


@dataclass(frozen=True)
class AskedEmotion:
    """From at_s on: one of EMOTIONS, "" as the voice sounds, or as `clip` sounds."""

    at_s: float
    name: str
    intensity: float
    clip: EmotionDistribution | None = None

    @property
    def needs_anchors(self) -> bool:
        """Whether it has to be known where emotions lie; as a voice sounds and no stronger or weaker needs none."""
        return bool(self.name) or self.intensity != 1.0


def asked_emotions(request: FaceRequest, clip: EmotionDistribution | None) -> list[AskedEmotion]:
    """All of a request, in order; clip: of its emotion_audio."""
    first = AskedEmotion(0.0, request.emotion, request.intensity, clip)
    return [first, *(AskedEmotion(change.at_s, change.emotion, change.intensity) for change in request.changes)]


class EmotionCourse:
    """asked: one at 0 s, and those that follow. anchors: None where none of them needs any. diversity: factor on what is drawn."""

    def __init__(self, asked: list[AskedEmotion], anchors: EmotionAnchors | None, diversity: float) -> None:
        self._asked, self._anchors, self._diversity = asked, anchors, diversity

    def between(self, times: np.ndarray, own: OwnEmotion) -> list[EmotionPart]:
        """The emotions that a face has at these times (T,) in seconds, and how much of each."""
        shares = zip(self._asked, fade_shares([each.at_s for each in self._asked], times), strict=True)
        return [EmotionPart(self._emotion(asked, own), share) for asked, share in shares if share.any()]

    def _emotion(self, asked: AskedEmotion, own: OwnEmotion) -> EmotionDistribution:
        emotion = self._as_strong(asked, own)
        return emotion.widened(self._diversity) if self._diversity else emotion

    def _as_strong(self, asked: AskedEmotion, own: OwnEmotion) -> EmotionDistribution:
        """On the way from neutral to the emotion, or beyond it: strength is a distance on this way."""
        if not asked.needs_anchors:
            return asked.clip or own()
        assert self._anchors is not None
        full = self._anchors.of(asked.name) if asked.name else asked.clip or own()
        return self._anchors.of(_NEUTRAL).toward(full, asked.intensity)


def fade_shares(starts: list[float], times: np.ndarray) -> list[np.ndarray]:
    """How much (T,) float32 of each of several things there is at these times: each takes over at its start, over FADE_S."""
    begun = [np.ones(len(times)), *(np.clip((times - start) / FADE_S + 0.5, 0, 1) for start in starts[1:])]
    shares, left = [], np.ones(len(times))
    for share in reversed(begun):
        shares.append((share * left).astype(np.float32))
        left = left * (1 - share)
    return shares[::-1]
