"""A voice clip becomes a face: what is asked for, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .emotions import EmotionChange, check_emotion
from .errors import BadRequest
from .face_motion import FaceMotion
from .progress import StageTime
from .ranges import MAX_SEED, MAX_VARIATIONS, check_range, check_seconds

SPEAKING_STAGE = "Speaking"
MAX_FACE_SECONDS = 4 * 3600.0  # of all variations of a request together
MAX_DIVERSITY, MAX_TEMPERATURE = 2.0, 2.0
MAX_CHANGES = 1000


@dataclass(frozen=True)
class FaceRequest:
    """One voice-to-face job.

    audio: full path of a sound file. start_s: where in it the clip begins. seconds: how long it is, None for up to the file's end.
    emotion: one of EMOTIONS, "" as the voice sounds. emotion_audio: full path of another clip that sounds as the face shall look.
    intensity: 0 is neutral, 1 as strong as in what the model was trained on, at most 2.
    changes: other emotions from later times on, in order; what came before fades over.
    diversity: 0 keeps to the mean of an emotion, 1 draws from its distribution, more draws farther from the mean.
    temperature: 0 takes the likeliest movements, more draws others too, at most 2. actor: speaking style, where the model has some.
    model: a bundle's name, or the full path of its folder. device: "auto", "cpu" or "cuda".
    longest_s: of a take, whose body can be moved no longer: a longer sound is refused before it is heard.
    """

    id: int
    audio: str
    start_s: float = 0.0
    seconds: float | None = None
    emotion: str = ""
    emotion_audio: str = ""
    intensity: float = 1.0
    changes: tuple[EmotionChange, ...] = ()
    diversity: float = 0.0
    temperature: float = 0.0
    actor: int = 0
    seed: int = 0
    variations: int = 1
    model: str = "starter_face"
    device: str = "auto"
    longest_s: float | None = None

    def validate(self) -> None:
        """Raises BadRequest with one sentence about the first value that cannot be used."""
        if not self.audio.strip():
            raise BadRequest("No sound is chosen: choose a sound file, a strip of the video sequencer, or record a voice.")
        self._validate_part()
        self._validate_emotions()
        check_range("diversity", self.diversity, 0.0, MAX_DIVERSITY)
        check_range("temperature", self.temperature, 0.0, MAX_TEMPERATURE)
        if self.actor < 0:
            raise BadRequest(f"The speaking style is number {self.actor}: they count from 0.")
        check_range("seed", self.seed, 0, MAX_SEED)
        check_range("number of variations", self.variations, 1, MAX_VARIATIONS)

    def _validate_part(self) -> None:
        check_seconds("start in the sound", self.start_s)
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise BadRequest(f"A part of {self.seconds:g} s of the sound cannot be spoken: choose a length above 0 s.")

    def _validate_emotions(self) -> None:
        check_emotion(self.emotion, self.intensity)
        if self.emotion and self.emotion_audio:
            raise BadRequest("Both an emotion and a clip to take it from are chosen: choose one of them.")
        check_range("number of emotion changes", len(self.changes), 0, MAX_CHANGES)
        for change in self.changes:
            change.validate()
        times = [change.at_s for change in self.changes]
        if any(later <= earlier for earlier, later in zip(times, times[1:], strict=False)):
            raise BadRequest("The emotion changes are not in the order of their times: sort them, and give each time once.")


@dataclass(frozen=True)
class FaceReply:
    """One motion per variation, with their seeds in their recipes. notices: sentences on what went otherwise than it was asked for."""

    id: int
    motions: tuple[FaceMotion, ...]
    times: tuple[StageTime, ...] = ()
    notices: tuple[str, ...] = ()
