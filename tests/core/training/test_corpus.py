"""The training file: whole clips without jumps, with their sentences, in the right split, and their mirror images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.body.features import Layout, LocalRotations, raw_features
from understudy.core.contract import Recipe
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training.captions import mirrored_text
from understudy.core.training.corpus import MIN_FRAMES, Corpus, Stretch, build
from understudy.core.training.motion_capture.folder import read_motion_file
from understudy.core.training.motion_capture.normalise import at_training_rate, mirrored
from understudy.core.training.motion_capture.retarget import retarget
from understudy.core.training.motion_capture.source_clip import MotionFileError
from understudy.tests.core.training.made_skeletons import Figure, little_motion
from understudy.tests.core.training.sample_data import SAMPLES, needs_data
from understudy.tests.core.training.small_corpora import quiet, write_made_clips

GROUPS = Layout(22).groups


def only(corpus: Corpus, clip: str, is_mirrored: bool = False) -> list[Stretch]:
    return [stretch for stretch in corpus.stretches if stretch.clip == clip and stretch.mirrored == is_mirrored]


def sentences(corpus: Corpus, stretch: Stretch) -> set[str]:
    return {corpus.sentences[index] for span in stretch.spans for index in span.sentences}


@pytest.fixture(params=["made_corpus", pytest.param("sample_corpus", marks=needs_data)])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return request.getfixturevalue(request.param)


def test_stretches_lie_in_a_row_and_fill_the_features(corpus: Corpus) -> None:
    ends = [0, *(stretch.first + stretch.count for stretch in corpus.stretches)]
    assert [stretch.first for stretch in corpus.stretches] == ends[:-1]
    assert corpus.features.shape == (ends[-1], 161)
    assert corpus.features.dtype == torch.float32 and bool(torch.isfinite(corpus.features).all())
    assert min(stretch.count for stretch in corpus.stretches) >= MIN_FRAMES


def test_spans_lie_inside_their_stretches_and_sentences_exist(corpus: Corpus) -> None:
    assert len(set(corpus.sentences)) == len(corpus.sentences)
    for stretch in corpus.stretches:
        for span in stretch.spans:
            assert 0 <= span.start < span.end <= stretch.count and span.end - span.start >= MIN_FRAMES
            assert span.sentences and set(span.sentences) <= set(range(len(corpus.sentences)))


def test_every_stretch_has_a_mirror_image_in_the_same_split(corpus: Corpus) -> None:
    plain, images = (
        [(stretch.clip, stretch.split, stretch.count) for stretch in corpus.stretches if stretch.mirrored == side] for side in (False, True)
    )
    assert sorted(plain) == sorted(images)


def test_a_mirror_image_has_mirrored_sentences(corpus: Corpus) -> None:
    for clip in {stretch.clip for stretch in corpus.stretches}:
        for plain, image in zip(only(corpus, clip), only(corpus, clip, True), strict=True):
            assert sentences(corpus, image) == {mirrored_text(text) for text in sentences(corpus, plain)}
            assert [(span.start, span.end) for span in image.spans] == [(span.start, span.end) for span in plain.spans]


def test_a_mirror_image_moves_the_other_way(corpus: Corpus) -> None:
    for clip in {stretch.clip for stretch in corpus.stretches}:
        plain, image = (corpus.frames(only(corpus, clip, side)[0]) for side in (False, True))
        assert torch.allclose(plain[:, GROUPS["yaw_velocity"]], -image[:, GROUPS["yaw_velocity"]], atol=2e-3)
        assert torch.allclose(plain[:, GROUPS["planar_velocity"]], image[:, GROUPS["planar_velocity"]] * torch.tensor([-1.0, 1]), atol=2e-3)
        heights = [side[:, GROUPS["heights"]] for side in (plain, image)]
        order = [index - 1 for index in REST_SKELETON.mirror_order()[1:]]
        assert torch.allclose(heights[0], heights[1][:, order], atol=1e-4)


def test_what_is_saved_is_loaded_again(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "deep" / "corpus.npz")
    loaded = Corpus.load(tmp_path / "deep" / "corpus.npz")
    assert torch.equal(loaded.features, corpus.features)
    assert (loaded.stretches, loaded.sentences) == (corpus.stretches, corpus.sentences)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["corpus.npz"]


def test_features_give_the_clip_back(made_corpus: Corpus) -> None:
    rows = made_corpus.frames(only(made_corpus, "circle")[0])
    motion = LocalRotations(torch.zeros(161), torch.ones(161)).decode(rows, Recipe())
    assert torch.allclose(raw_features(motion, REST_SKELETON)[:-1], rows[:-1], atol=2e-3)


@needs_data
def test_bad_frames_are_in_no_stretch(sample_corpus: Corpus) -> None:
    motion, frame_ok = at_training_rate(retarget(read_motion_file(SAMPLES / "05_06.bvh")))
    stretches = only(sample_corpus, "05_06")
    good = np.split(np.arange(len(frame_ok)), np.flatnonzero(~frame_ok.numpy()))
    runs = [run[frame_ok[run].numpy()] for run in good]
    assert [stretch.count for stretch in stretches] == [len(run) for run in runs if len(run) >= MIN_FRAMES]
    whole = raw_features(motion, REST_SKELETON)
    rotations = GROUPS["rotations"].start + 6, GROUPS["rotations"].start + 6 * 4
    for stretch, run in zip(stretches, [run for run in runs if len(run) >= MIN_FRAMES], strict=True):
        assert torch.allclose(sample_corpus.frames(stretch)[:, slice(*rotations)], whole[run][:, slice(*rotations)], atol=1e-5)
        assert float(sample_corpus.frames(stretch)[:, GROUPS["planar_velocity"]].abs().max()) < 8


@needs_data
def test_the_t_pose_in_front_of_a_cmu_file_is_left_out(sample_corpus: Corpus) -> None:
    (walk,) = only(sample_corpus, "02_01")
    assert walk.count == 343 // 6
    heights = sample_corpus.frames(walk)[:, GROUPS["heights"]]
    wrist = REST_SKELETON.index("left_wrist") - 1
    assert float(heights[0, wrist]) < 1.2


@needs_data
def test_a_timed_sentence_stays_on_its_frames(sample_corpus: Corpus) -> None:
    last = only(sample_corpus, "05_06")[-1]
    (span,) = last.spans
    assert sentences(sample_corpus, last) == {"a dancer turns left"}
    first = round(886 / 6) - last.count
    assert span.end - span.start == min(130, first + last.count) - max(80, first)
    (kick,) = only(sample_corpus, "dataset-1_kick_normal_001")
    assert (kick.spans[0].start, kick.spans[0].end) == (20, kick.count)


@needs_data
def test_sentences_for_the_mirror_image_are_turned_back(sample_corpus: Corpus) -> None:
    (wave,) = only(sample_corpus, "dataset-2_wave-left-hand_feminine_002")
    assert sentences(sample_corpus, wave) == {"she waves with her left hand", "a woman raises the left hand"}


@needs_data
def test_an_amc_and_its_bvh_give_the_same_features(sample_corpus: Corpus) -> None:
    (bvh,), (amc,) = only(sample_corpus, "02_01"), only(sample_corpus, "02_01_original")
    shared = min(bvh.count, amc.count)
    # The BVH is a frame of 120 late; the thorax that it lost is not part of any rotation
    a, b = (sample_corpus.frames(stretch)[:shared, GROUPS["rotations"]] for stretch in (bvh, amc))
    assert float((a - b).abs().mean()) < 0.05


def test_few_clips_are_all_trained_on_and_validate_on_themselves(made_corpus: Corpus) -> None:
    assert {stretch.split for stretch in made_corpus.stretches} == {"train"}
    assert made_corpus.usable("validation", lambda stretch: True) == made_corpus.split("train")


def test_of_many_clips_some_are_held_out_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {"clip_11": "validation", "clip_9": "test", "clip_124": "train", "clip_129": "train"}
    text = Figure().bvh(little_motion()[:45])
    for name in splits:
        (tmp_path / f"{name}.bvh").write_text(text)
    monkeypatch.setattr("understudy.core.training.corpus.SPLIT_FROM", len(splits))
    corpus = build(None, tmp_path, None, quiet)
    assert {(stretch.clip, stretch.split) for stretch in corpus.stretches} == set(splits.items())
    assert len(corpus.split("train")) == 4


def test_a_clip_shorter_than_a_second_is_left_out(tmp_path: Path) -> None:
    write_made_clips(tmp_path, seconds=0.9, names=("wave",))
    write_made_clips(tmp_path, seconds=1.2, names=("bow",))
    corpus = build(None, tmp_path, None, quiet)
    assert {stretch.clip for stretch in corpus.stretches} == {"bow"}
    assert corpus.sentences == ()


@pytest.mark.parametrize("content", [None, "notes.txt", "wave"])
def test_a_folder_without_a_second_of_motion_is_told(content: str | None, tmp_path: Path) -> None:
    if content == "wave":
        write_made_clips(tmp_path, seconds=0.5, names=("wave",))
    elif content:
        (tmp_path / content).write_text("no motion")
    with pytest.raises(MotionFileError, match="No motion of at least one second was found"):
        build(None, tmp_path, None, quiet)


def test_the_mirror_image_of_a_clip_is_made_from_its_motion(made_corpus: Corpus, tmp_path: Path) -> None:
    write_made_clips(tmp_path, names=("wave",))
    motion, _ = at_training_rate(retarget(read_motion_file(tmp_path / "wave.bvh")))
    image = mirrored(motion)
    arm = slice(GROUPS["rotations"].start + 6 * 16, GROUPS["rotations"].start + 6 * 18)
    rows = made_corpus.frames(only(made_corpus, "wave", True)[0])
    assert torch.allclose(rows[:, arm], raw_features(image, REST_SKELETON)[:, arm], atol=1e-5)
