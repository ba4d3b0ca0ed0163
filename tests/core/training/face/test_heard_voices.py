"""How often readers are taken for calm, counted for each source."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from understudy.core.contract import EMOTIONS
from understudy.core.training.face import heard_voices
from understudy.core.training.face.heard_voices import calm_readers, recall_of_actors
from understudy.core.training.face.prepare import HELD_OUT

DIRECTIONS = torch.eye(len(EMOTIONS))
# What each clip sounds like; a clip's name is its number in the first sample
SOUNDS = ["neutral", "happy", "neutral", "neutral", "sad"]


def clip(number: int, pack: str, folder: str, speaker: str = "", emotion: str = "") -> SimpleNamespace:
    path = Path(pack) / folder / f"{number}.flac"
    return SimpleNamespace(pack=pack, path=path, speaker=speaker, emotion=emotion, sound=lambda: np.full(8, number, np.float32))


@pytest.fixture(autouse=True)
def heard_as_they_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    def heard(networks: object, sound: np.ndarray) -> SimpleNamespace:
        row = EMOTIONS.index(SOUNDS[int(sound[0])])
        return SimpleNamespace(mean=DIRECTIONS[row : row + 1])

    monkeypatch.setattr(heard_voices, "emotion_of_sound", heard)


def test_the_share_of_calm_ones_is_that_of_each_source(monkeypatch: pytest.MonkeyPatch) -> None:
    packs = {"fixtures": [clip(0, "fixtures", "a"), clip(1, "fixtures", "a"), clip(2, "fixtures", "b")], "grid": [clip(4, "grid", "audio")]}
    monkeypatch.setattr(heard_voices, "read_pack", lambda speech, pack: packs[pack])
    networks = SimpleNamespace(anchors=SimpleNamespace(mean=DIRECTIONS))
    assert calm_readers(networks, Path("speech")) == {"a": 0.5, "b": 1.0, "grid": 0.0}  # type: ignore[arg-type]


def test_recall_is_of_speakers_that_were_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_voices, "LABELS", {"Freude": "happy", "Trauer": "sad", "neutral": "neutral"})
    known = [clip(0, "emodb", "", "emodb/1", "neutral"), clip(1, "emodb", "", "emodb/1", "happy"), clip(4, "emodb", "", "emodb/1", "sad")]
    asked = [
        clip(0, "emodb", "", HELD_OUT[0], "neutral"), clip(2, "emodb", "", HELD_OUT[0], "happy"), clip(1, "emodb", "", HELD_OUT[1], "happy"),
        clip(4, "emodb", "", HELD_OUT[1], "sad"),
    ]  # fmt: skip
    assert recall_of_actors(SimpleNamespace(), known + asked) == {"happy": 0.5, "neutral": 1.0, "sad": 1.0}  # type: ignore[arg-type]
