"""Face bundles that name the shared speech encoder instead of carrying one: written, read, and refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core import face_bundles
from understudy.core.bundle_weights import weights_of
from understudy.core.contract import ARKIT, WeightsError
from understudy.core.face import whisper_encoder
from understudy.core.face.speech_to_face import Delivery, emotion_of_sound, face_of_speech
from understudy.core.face.whisper_encoder import WhisperEncoder
from understudy.core.face_bundles import (
    FORMAT,
    FaceCard,
    build_face_networks,
    face_parts,
    load_face_networks,
    load_speech_encoder,
    save_face_bundle,
)
from understudy.core.training.face.face_sizes import finished_sizes, starter_sizes


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    torch.manual_seed(4)
    return WhisperEncoder().eval()


@pytest.fixture
def card() -> FaceCard:
    names = tuple(f"shape{number}" for number in range(52))
    return FaceCard(
        FORMAT, "own", "A face", "CC0", (), ARKIT, ("one",), finished_sizes(starter_sizes()), coefficients=names,
        speech_encoder=whisper_encoder.NAME,
    )  # fmt: skip


def test_a_bundle_without_its_encoder_speaks_as_before(
    tmp_path: Path, encoder: WhisperEncoder, card: FaceCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_bundles, "load_speech_encoder", lambda name: encoder)
    torch.manual_seed(1)
    networks = build_face_networks(card.networks, encoder)
    for part in face_parts(networks).values():
        part.eval()
    saved = save_face_bundle(tmp_path / "own", card, networks)
    assert saved.bytes == (tmp_path / "own" / "model.safetensors").stat().st_size < 8e6
    assert not any(name.startswith("speech.") for name in weights_of(face_parts(networks)))
    loaded, read = load_face_networks(tmp_path / "own", torch.device("cpu"))
    assert read == saved
    assert loaded.speech is encoder
    sound = np.sin(np.arange(12_000) * 0.2).astype(np.float32) * 0.1
    face = face_of_speech(loaded, sound, emotion_of_sound(loaded, sound), Delivery())
    assert face.expression.shape == (19, 52)
    assert np.isfinite(face.expression).all()


def test_an_encoder_is_either_shared_or_its_own(card: FaceCard) -> None:
    with pytest.raises(ValueError, match="own or shared"):
        replace(card, speech_encoder="")


def test_a_talker_of_another_width_is_refused(card: FaceCard, encoder: WhisperEncoder) -> None:
    with pytest.raises(ValueError, match="speech width: 256 and 1920"):
        build_face_networks(starter_sizes(), encoder)


def test_an_encoder_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="The speech encoder whisper-large is not known"):
        load_speech_encoder("whisper-large")
