"""The whole way from a corpus to a bundle, with tiny networks: every task learns, goes on where it was, and what comes out speaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core import face_bundles
from understudy.core.contract import EMOTIONS, BadRequest
from understudy.core.contract.head import DEFAULT_HEAD, read_head
from understudy.core.face.speech_to_face import Delivery, face_of_speech
from understudy.core.face.whisper_encoder import OUTPUT_WIDTH, WhisperEncoder
from understudy.core.face_bundles import FaceConfigs, load_face_networks
from understudy.core.training.face import (
    emotion_bank,
    face_corpus,
    face_tasks,
    make_face_bundle,
    train_emotion,
    train_talker,
    train_tokens,
)
from understudy.core.training.face.coarticulation import viseme_curves
from understudy.core.training.face.emotional_face import NAMES, SpokenFrames
from understudy.core.training.face.face_corpus import FaceClip
from understudy.core.training.face.face_sizes import starter_sizes
from understudy.core.training.face.face_tasks import NETWORKS, FaceIngredients
from understudy.core.training.face.heard_components import COMPONENTS
from understudy.core.training.face.lip_line import lip_line
from understudy.core.training.face.speaking_face import closure
from understudy.core.training.face.teacher import frame_times
from understudy.core.training.face.visemes import ARPABET, segments
from understudy.core.training.run import Hardware, Run, Schedule

FRAMES, CLIPS = 80, 21


def spoken(generator: np.random.Generator) -> SpokenFrames:
    phones = ["SIL", "B", "AA", "S", "IY", "M", "UW", "T"] * 2
    marks = [(phone, 0.2 * number, 0.2 * number + 0.2) for number, phone in enumerate(phones)]
    curves = viseme_curves(segments(marks, ARPABET), frame_times(FRAMES))
    shut = closure(curves)
    aperture = 0.01 * generator.uniform(0.5, 1.0, FRAMES) * (1 - shut)
    lips = np.zeros((FRAMES, 52), np.float32)
    return SpokenFrames(lips, aperture.astype(np.float32), shut, 1 - curves[:, 0], np.full(FRAMES, 0.5, np.float32))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random features, so that there is only to learn what everything has in common."""
    folder, generator = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    labels = [name for name in NAMES if name not in ("surprised", "contempt")]
    splits = ["train", "validation", "held out"]
    clips = [
        FaceClip(f"clip{n}", "made", f"made/{n % 3}", splits[n % 3], labels[n // 3], True, n * FRAMES, (n + 1) * FRAMES) for n in range(CLIPS)
    ]
    for pack, split in (("kathleen", "train"), ("kathleen", "validation"), ("fixtures", "train")):
        at = clips[-1].stop
        clips.append(FaceClip(f"{pack}/{split}", pack, f"{pack}/reader", split, "", True, at, at + FRAMES))
    heard = [generator.standard_normal((FRAMES, OUTPUT_WIDTH)).astype(np.float16) for _ in clips]
    face_corpus.save(folder, heard, [spoken(generator) for _ in clips], clips)
    return folder


@pytest.fixture(scope="module")
def sizes() -> FaceConfigs:
    whole = starter_sizes()
    talker = replace(whole.talker, content_width=24, style_width=8, width=16, feature_width=16, feed_forward=16, top_width=16, n_codes=20)
    tokens = replace(whole.tokens, width=16, n_codes=20, feed_forward=16, motion_feed_forward=16)
    return replace(whole, talker=talker, tokens=tokens)


@pytest.fixture(scope="module")
def ingredients(corpus: Path, sizes: FaceConfigs, tmp_path_factory: pytest.TempPathFactory) -> FaceIngredients:
    """A run of all networks."""
    run = FaceIngredients(corpus, tmp_path_factory.mktemp("run"), sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_tokens, "UNQUANTISED", 6)
        for module, name in ((train_tokens, "PLACED_ON"), (face_tasks, "SCALED_ON"), (train_tokens, "VALIDATION_WINDOWS")):
            patch.setattr(module, name, 24)
        for module, name in ((train_talker, "VALIDATION_WINDOWS"), (train_emotion, "VALIDATION_PAIRS"), (emotion_bank, "FACES")):
            patch.setattr(module, name, 6)
        for network in sorted(NETWORKS, key=("emotion", "tokens", "talker").index):
            for steps in (5, 10):  # the second goes on from the first
                task, config = run.task(network)
                Run(run.folder / network, task, Schedule(steps, 6, 3e-3, warmup=2), Hardware(save_every=5), config).train()
    return run


def test_the_networks_before_it_are_asked_for(corpus: Path, sizes: FaceConfigs, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="run `python -m core train face-tokens` first"):
        FaceIngredients(corpus, tmp_path, sizes).task("talker")
    with pytest.raises(BadRequest, match="make it with `python -m core train face-prepare`"):
        FaceIngredients(tmp_path, tmp_path, sizes).task("tokens")


def test_nobody_who_is_measured_on_is_heard(ingredients: FaceIngredients) -> None:
    assert {clip.split for clip in ingredients.held_out} == {"held out"}
    assert {clip.split for clip in ingredients.sampler.voices.actors} == {"train"}
    assert [clip.name for clip in ingredients.sampler.voices.readers] == ["kathleen/train"]
    chosen = FaceIngredients(ingredients.corpus_folder, ingredients.folder, ingredients.sizes, ("made/0",))
    assert {clip.speaker for clip in chosen.held_out} == {"made/0"}
    assert "made/0" not in {clip.speaker for clip in chosen.sampler.voices.actors}


def test_every_emotion_has_an_anchor_of_its_own(ingredients: FaceIngredients) -> None:
    anchors = ingredients.bank.anchors
    assert torch.allclose(anchors.norm(dim=-1), torch.ones(len(NAMES)), atol=1e-4)
    assert len(ingredients.bank.voices[NAMES.index("contempt")]) == 0
    generator = torch.Generator().manual_seed(0)
    drawn = ingredients.bank.drawn(torch.tensor([1, 1]), torch.tensor([0.0, 1.0]), generator)
    assert torch.allclose(drawn[0], anchors[0], atol=1e-4)


def test_the_bundle_makes_the_face_that_was_learned(
    ingredients: FaceIngredients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    encoder = WhisperEncoder().eval()
    for module in (face_bundles, make_face_bundle):
        monkeypatch.setattr(module, "load_speech_encoder", lambda name: encoder)
    fresh = FaceIngredients(ingredients.corpus_folder, ingredients.folder, ingredients.sizes)
    card = make_face_bundle.make_face_bundle(fresh, tmp_path / "made", "Made")
    networks, read = load_face_networks(tmp_path / "made", torch.device("cpu"))
    assert read == card and card.coefficients == lip_line(read_head(DEFAULT_HEAD)).names

    # Of usual components: any other features are thousands of deviations away from the few frames that these were found on
    known = fresh.corpus.components
    usual = np.random.default_rng(0).standard_normal((40, COMPONENTS)) @ np.linalg.pinv(known.directions.astype(np.float64)) + known.mean
    heard = torch.from_numpy(usual.astype(np.float32))[None]
    components = torch.from_numpy(known.of(heard[0].numpy()))[None]
    emotion, actor = networks.anchors.of("happy").mean, torch.ones(1, 1)
    with torch.inference_mode():
        learned = ingredients.talker.features(components, emotion, actor)
        assert torch.allclose(networks.talker.features(heard, emotion, actor), learned, atol=0.01)
        wanted = ingredients.bank.anchors[NAMES.index("happy")]
    assert torch.allclose(emotion[0], wanted, atol=1e-3)
    for emotion_name in EMOTIONS:
        face = face_of_speech(networks, np.zeros(9600, np.float32), networks.anchors.of(emotion_name), Delivery())
        assert face.expression.shape == (15, 52) and np.isfinite(face.expression).all()
