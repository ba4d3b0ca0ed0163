"""Which voices teach emotions: as many of each, readers among them, and most of these calm."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from understudy.core.training.face.emotional_face import NAMES
from understudy.core.training.face.emotional_voices import CALM_SHARE, NEUTRAL, READER_SHARE, EmotionalVoices
from understudy.core.training.face.face_corpus import FaceClip

FRAMES, DRAWN = 10, 3000
ACTOR, OTHER_ACTOR, READER = 1.0, 2.0, -3.0  # how each sounds, in the first number
LOUDER = {"neutral": 0.0, "happy": 5.0, "sad": -2.0}  # what each emotion adds, in the second
HAPPY, SAD = NAMES.index("happy"), NAMES.index("sad")


@pytest.fixture
def voices() -> EmotionalVoices:
    """Two actors, one of them without a neutral clip, and a reader; far more happy clips than sad ones, and one that is too short."""
    rows, at = [], 0

    def clip(speaker: str, sounds: float, emotion: str, frames: int = 12) -> FaceClip:
        nonlocal at
        rows.append(np.tile([sounds, LOUDER.get(emotion, 0.0)], (frames, 1)))
        at += frames
        return FaceClip(f"{speaker}{at}", "made", speaker, "train", emotion, True, at - frames, at)

    actors = [clip("actor", ACTOR, emotion) for emotion in ("neutral", "sad", *["happy"] * 8)]
    actors += [clip("other", OTHER_ACTOR, "happy"), clip("other", OTHER_ACTOR, "sad", frames=FRAMES - 1)]
    readers = [clip("reader", READER, "")]
    corpus = SimpleNamespace(heard=np.concatenate(rows).astype(np.float16))
    return EmotionalVoices(corpus, actors, readers, FRAMES)  # type: ignore[arg-type]


def drawn(voices: EmotionalVoices) -> list[tuple[float, float, int]]:
    generator = torch.Generator().manual_seed(0)
    found = [voices.draw(generator) for _ in range(DRAWN)]
    assert all(heard.shape == (FRAMES, 2) for heard, _ in found)
    return [(float(heard[0, 0]), float(heard[0, 1]), emotion) for heard, emotion in found]


def test_actors_are_drawn_evenly_by_emotion_and_sound_as_recorded(voices: EmotionalVoices) -> None:
    of_actors = [(added, emotion) for sounds, added, emotion in drawn(voices) if sounds != READER]
    assert {(added, NAMES[emotion]) for added, emotion in of_actors} == {(added, name) for name, added in LOUDER.items()}
    for emotion in (NEUTRAL, HAPPY, SAD):
        assert sum(label == emotion for _, label in of_actors) / len(of_actors) == pytest.approx(1 / 3, abs=0.04)


def test_readers_are_calm_or_differ_as_an_actor_does(voices: EmotionalVoices) -> None:
    of_readers = [(added, emotion) for sounds, added, emotion in drawn(voices) if sounds == READER]
    assert len(of_readers) / DRAWN == pytest.approx(READER_SHARE, abs=0.03)
    assert sum(emotion == NEUTRAL for _, emotion in of_readers) / len(of_readers) == pytest.approx(CALM_SHARE, abs=0.03)
    assert {(added, NAMES[emotion]) for added, emotion in of_readers} == {(added, name) for name, added in LOUDER.items()}


def test_without_readers_all_are_actors(voices: EmotionalVoices) -> None:
    alone = EmotionalVoices(voices._corpus, voices.actors, [], FRAMES)
    assert READER not in {sounds for sounds, _, _ in drawn(alone)}
