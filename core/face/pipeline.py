"""A sound file to face motions, the whole way: sound, emotions, coefficients in windows, and what a face does beside speaking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath

import numpy as np

from ..audio import read_sound, sound_seconds
from ..contract import (
    ARKIT,
    MAX_FACE_SECONDS,
    MAX_SEED,
    SPEAKING_STAGE,
    BadRequest,
    FaceMotion,
    FaceRecipe,
    FaceRequest,
    StageTime,
)
from ..sound import Sound
from ..stage_clock import StageClock
from .emotion_anchors import EmotionAnchors
from .emotion_course import EmotionCourse, asked_emotions
from .emotion_embedding import EmotionDistribution
from .idle_motion import idle_motion
from .long_speech import DEFAULT_WINDOWS, EmotionPart, OwnEmotion, Window, WindowSettings, faces_of_long_speech
from .reference_voices import Voices, anchors_of_voices
from .sound_frames import FPS
from .speech_rhythm import sound_levels
from .speech_to_face import Delivery, FaceCoefficients, FaceNetworks, actor_vector, emotion_of_sound

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FaceBasis:
    """What a model's coefficients mean: the face space, and a name for each of them."""

    space: str
    names: tuple[str, ...]

    def limited(self, expression: np.ndarray) -> np.ndarray:
        """(T, E): ARKit's shapes go from 0 to 1, and a network may leave that a little; FLAME's directions have no ends."""
        return expression.clip(0, 1) if self.space == ARKIT else expression


class FacePipeline:
    """One loaded model. `generate` may be called again and again; of a call it keeps only where the emotions of this model lie.

    voices: clips of every emotion, read only for a model without anchors of its own. settings: how a long clip is cut.
    """

    def __init__(
        self, networks: FaceNetworks, basis: FaceBasis, voices: Callable[[], Voices], settings: WindowSettings = DEFAULT_WINDOWS
    ) -> None:
        self._networks, self._basis, self._voices, self._settings = networks, basis, voices, settings
        self._anchors = networks.anchors

    def generate(self, request: FaceRequest, recipe: FaceRecipe, report: Report) -> tuple[list[FaceMotion], list[StageTime]]:
        """recipe: with the model filled in. Raises BadRequest with one sentence for a sound or a style that cannot be had."""
        clock = StageClock()
        actor_vector(self._networks, request.actor)
        _check_take(request)
        sound = read_sound(request.audio, request.start_s, request.seconds, MAX_FACE_SECONDS / request.variations, report)
        clock.lap("sound")
        course = self._course(request, report)
        clock.lap("emotions")
        faces = self._faces(request, sound, course, report)
        clock.lap("face")
        report("Adding blinks and gaze", 0, 1)
        levels = sound_levels(sound.blocks())
        motions = [self._motion(request, recipe, sound, face, levels, variation) for variation, face in enumerate(faces)]
        clock.lap("blinks, head and gaze")
        return motions, clock.laps

    def _course(self, request: FaceRequest, report: Report) -> EmotionCourse:
        clip = self._emotion_clip(request.emotion_audio) if request.emotion_audio else None
        asked = asked_emotions(request, clip)
        anchors = self._known_anchors(report) if any(each.needs_anchors for each in asked) else None
        return EmotionCourse(asked, anchors, request.diversity)

    def _emotion_clip(self, path: str) -> EmotionDistribution:
        seconds = self._settings.longest_pass / FPS  # as much as of the voice itself
        return emotion_of_sound(self._networks, read_sound(path, seconds=seconds)[:])

    def _known_anchors(self, report: Report) -> EmotionAnchors:
        if self._anchors is None:
            heard = self._voices()
            self._anchors = anchors_of_voices(self._networks, heard, lambda done, total: report("Listening to emotions", done, total))
        return self._anchors

    def _faces(self, request: FaceRequest, sound: Sound, course: EmotionCourse, report: Report) -> list[FaceCoefficients]:
        def emotions(window: Window, own: OwnEmotion) -> Sequence[EmotionPart]:
            return course.between(np.arange(window.start, window.stop) / FPS, own)

        deliveries = [_delivery(request, variation) for variation in range(request.variations)]
        told = partial(report, SPEAKING_STAGE)
        return faces_of_long_speech(self._networks, sound, deliveries, emotions, told, self._settings)

    def _motion(
        self, request: FaceRequest, recipe: FaceRecipe, sound: Sound, face: FaceCoefficients, levels: np.ndarray, variation: int
    ) -> FaceMotion:
        moods = [(0.0, request.emotion, request.intensity), *((each.at_s, each.emotion, each.intensity) for each in request.changes)]
        idle = idle_motion(levels, len(face.expression), FPS, _seed(request, variation), moods)
        filled = _filled(recipe, request, sound.seconds, variation)
        expression = self._basis.limited(face.expression)
        return FaceMotion(
            expression, face.jaw, self._basis.names, self._basis.space, FPS, idle.head, idle.eyes, filled, idle.blinks
        )  # fmt: skip


def _check_take(request: FaceRequest) -> None:
    """Raises BadRequest for a sound that is longer than the body of its take can be moved."""
    if request.longest_s is None:
        return
    seconds = sound_seconds(request.audio, request.start_s, request.seconds)
    if seconds > request.longest_s:
        raise BadRequest(
            f"{PurePath(request.audio).name} lasts {seconds:.1f} s, and the body of a take can be moved for {request.longest_s:g} s of it:"
            " set a length for the body, or choose a shorter sound."
        )


def _filled(recipe: FaceRecipe, request: FaceRequest, seconds: float, variation: int) -> FaceRecipe:
    return replace(
        recipe, audio=PurePath(request.audio).name, emotion=request.emotion, intensity=request.intensity, variation=variation,
        seed=_seed(request, variation), start_s=request.start_s, seconds=seconds, emotion_audio=PurePath(request.emotion_audio).name,
        changes=request.changes, diversity=request.diversity, temperature=request.temperature, actor=request.actor,
    )  # fmt: skip


def _delivery(request: FaceRequest, variation: int) -> Delivery:
    """Diversity is in the distributions already: drawn from them as they are."""
    drawn = 1.0 if request.diversity else None
    return Delivery(request.actor, drawn, request.temperature, request.temperature, _seed(request, variation))


def _seed(request: FaceRequest, variation: int) -> int:
    """Variation k of seed s is what seed s + k makes alone."""
    return (request.seed + variation) % (MAX_SEED + 1)
