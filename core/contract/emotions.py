"""The emotions that a face can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from .ranges import check_choice, check_range, check_seconds

# Those of MEAD (Wang et al. 2020), on which DEEPTalk's own weights were trained
EMOTIONS = ("neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry", "contempt")
MAX_INTENSITY = 2.0


@dataclass(frozen=True)
class EmotionChange:
    """From `at_s` on, in seconds from the start of the clip, the face has another emotion: one of EMOTIONS, or "" as the voice sounds."""

    at_s: float
    emotion: str
    intensity: float = 1.0

    def validate(self) -> None:
        """Raises BadRequest with one sentence about the first value that cannot be used."""
        check_seconds("time at which the emotion changes", self.at_s)
        check_emotion(self.emotion, self.intensity)


def check_emotion(emotion: str, intensity: float) -> None:
    """Raises BadRequest for an emotion that is not known, or that is too strong."""
    if emotion:
        check_choice("emotion", emotion, EMOTIONS)
    check_range("intensity of an emotion", intensity, 0.0, MAX_INTENSITY)
