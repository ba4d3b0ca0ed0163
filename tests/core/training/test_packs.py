"""A corpus of the three packs: splits, contents and floors as the data card has them."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.body.features import Layout
from understudy.core.training.captions import CaptionBook, mirrored_text
from understudy.core.training.corpus import Corpus, Stretch, build, is_uneven, split_of
from understudy.core.training.evaluation.classes import content_class
from understudy.core.training.motion_capture.packs import MotionPack
from understudy.core.training.motion_capture.source_clip import MotionFileError
from understudy.core.training.pack_names import PACKS
from understudy.tests.core.training.sample_data import BODY, needs_data, pack
from understudy.tests.core.training.small_corpora import quiet, write_cut_packs

pytestmark = needs_data
CLIPS = {
    "bandai_namco": [
        "dataset-2_wave-left-hand_feminine_002",
        "dataset-2_walk-turn-left_masculine_006",  # turns right
        "dataset-2_walk-turn-right_masculine_006",  # left out
        "dataset-1_walk_giant_002",
    ],
    "cmu": ["01_05", "02_01", "05_06", "05_11", "07_01", "08_01", "39_01", "14_10"],
    "accad": ["Female1_A01_Stand", "Female1_B22_SideStepLeft"],
}
HEIGHTS, WIDTH = Layout(22).groups["pelvis_height"], Layout(22).n_features
PUBLISHED_SPLITS = {"07": "validation", "38": "validation", "08": "test", "39": "test", "61": "test"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cut_packs(tmp_path_factory.mktemp("packs"), CLIPS)


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return build(folder, None, None, quiet)


def of_clip(corpus: Corpus, clip: str, is_mirrored: bool = False) -> list[Stretch]:
    return [stretch for stretch in corpus.stretches if stretch.clip == clip and stretch.mirrored == is_mirrored]


def texts(corpus: Corpus, stretch: Stretch) -> set[str]:
    return {corpus.sentences[index] for span in stretch.spans for index in span.sentences}


def test_every_clip_is_there_but_the_one_to_leave_out(corpus: Corpus) -> None:
    wanted = {clip for clips in CLIPS.values() for clip in clips}
    recorded = {stretch.clip for stretch in corpus.stretches if stretch.is_recorded}
    assert recorded == wanted - {"dataset-2_walk-turn-right_masculine_006"}


def test_a_walk_that_is_trained_on_is_there_slower_and_faster_too_and_belongs_to_no_class(corpus: Corpus) -> None:
    made = {stretch.clip: stretch for stretch in corpus.stretches if not stretch.is_recorded}
    assert set(made) == {"dataset-1_walk_giant_002*slow", "dataset-1_walk_giant_002*fast"}
    counts = {stretch.clip: stretch.count for stretch in corpus.stretches}
    slow, recorded, fast = (counts[f"dataset-1_walk_giant_002{pace}"] for pace in ("*slow", "", "*fast"))
    assert slow > recorded > fast
    assert {stretch.split for stretch in made.values()} == {"train"}
    assert {content_class(stretch) for stretch in made.values()} == {None}
    assert all(stretch.spans for stretch in corpus.stretches if stretch.pack == "bandai_namco")


def test_cutting_a_pack_changes_no_clip(folder: Path) -> None:
    cut = MotionPack(folder / "cmu.npz").clip("05_06")
    assert torch.equal(cut.rotations, pack("cmu").clip("05_06").rotations)
    assert torch.equal(cut.frame_ok, pack("cmu").clip("05_06").frame_ok)


@pytest.mark.parametrize("name", PACKS)
def test_all_clips_are_split_as_the_card_says(name: str) -> None:
    for label in pack(name).labels.values():
        if name == "cmu":
            expected = PUBLISHED_SPLITS.get(label.subject, "train")
        else:
            place = int(hashlib.sha1(label.clip.encode()).hexdigest(), 16) % 20
            expected = {0: "validation", 1: "test"}.get(place, "train")
        assert split_of(name, label) == expected


def test_no_clip_is_in_two_splits(corpus: Corpus) -> None:
    splits: dict[str, set[str]] = {}
    for stretch in corpus.stretches:
        splits.setdefault(stretch.clip, set()).add(stretch.split)
    assert all(len(found) == 1 for found in splits.values())
    assert splits["07_01"] == {"validation"} and splits["08_01"] == splits["39_01"] == {"test"} and splits["02_01"] == {"train"}


def test_mirror_images_have_the_content_of_the_other_side(corpus: Corpus) -> None:
    for clip, content in (("dataset-2_wave-left-hand_feminine_002", "wave-left-hand"), ("dataset-1_walk_giant_002", "walk")):
        assert {stretch.content for stretch in of_clip(corpus, clip)} == {content}
        assert {stretch.content for stretch in of_clip(corpus, clip, True)} == {mirrored_text(content)}


def test_a_relabelled_clip_has_the_content_and_the_turn_that_it_shows(corpus: Corpus) -> None:
    (turn,) = of_clip(corpus, "dataset-2_walk-turn-left_masculine_006")
    assert turn.content == "walk-turn-right"
    assert float(corpus.frames(turn)[:, 0].sum()) / 20 == pytest.approx(-np.pi / 2, abs=0.5)
    assert texts(corpus, turn) == {caption.text for caption in CaptionBook().captions("bandai_namco", pack("bandai_namco").labels[turn.clip])}


def test_sentences_of_a_book_cover_the_whole_clip_and_timed_ones_a_part(corpus: Corpus) -> None:
    (turn,) = of_clip(corpus, "dataset-2_walk-turn-left_masculine_006")
    assert [(span.start, span.end) for span in turn.spans] == [(0, turn.count)]
    stretches = of_clip(corpus, "01_05")
    assert len(stretches[0].spans) > 3
    assert all((span.start, span.end) != (0, stretch.count) for stretch in stretches for span in stretch.spans if len(span.sentences) >= 3)


def test_bad_frames_are_left_out_of_every_stretch(corpus: Corpus) -> None:
    for clip in ("05_06", "14_10"):
        source = pack("cmu").clip(clip)
        assert not source.frame_ok.all()
        assert sum(stretch.count for stretch in of_clip(corpus, clip)) < 2 / 3 * int(source.frame_ok.sum()) + 2


@pytest.mark.parametrize(("clip", "feet"), [("Female1_B22_SideStepLeft", True), ("05_11", True), ("01_05", False)])
def test_only_clips_on_uneven_ground_keep_their_height(clip: str, feet: bool, corpus: Corpus) -> None:
    heights = torch.cat([corpus.frames(stretch)[:, Layout(22).groups["heights"]] for stretch in of_clip(corpus, clip)])
    lowest = heights.amin(-1).median()
    assert (abs(float(lowest) - 0.026) < 0.03) == feet


def test_uneven_ground_is_where_the_card_says_and_nowhere_else() -> None:
    uneven = {label.clip for name in PACKS for label in pack(name).labels.values() if is_uneven(label)}
    assert {clip.split("_")[0] for clip in uneven} == {"01", "03", "13", "14"}
    climbs = {label.clip for label in pack("cmu").labels.values() if "ladder" in label.description or "3 steps" in label.description}
    assert climbs <= uneven and len(climbs) == 11


def test_a_pack_that_is_missing_or_damaged_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.jsonl").write_bytes((BODY / "captions.jsonl").read_bytes())
    with pytest.raises(MotionFileError, match=r"bandai_namco\.npz cannot be read"):
        build(tmp_path, None, None, quiet)
    (tmp_path / "bandai_namco.npz").write_bytes((folder / "bandai_namco.npz").read_bytes()[:1000])
    with pytest.raises(MotionFileError, match=r"bandai_namco\.npz cannot be read"):
        build(tmp_path, None, None, quiet)


def test_labels_have_the_columns_of_the_table() -> None:
    with (BODY / "cmu_labels.csv").open(encoding="utf-8", newline="") as table:
        rows = {row["clip"]: row for row in csv.DictReader(table)}
    assert pack("cmu").labels.keys() == rows.keys() == set(pack("cmu").names)
    assert pack("cmu").labels["05_06"].description == rows["05_06"]["description"]


def test_start_seconds_are_those_of_the_card() -> None:
    assert pack("cmu").start_seconds("02_01") == 0
    assert pack("cmu").start_seconds("13_33") == pytest.approx(0.033, abs=0.001)


def test_a_clip_that_the_pack_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="not in list"):
        pack("cmu").clip("99_99")


@needs_data
def test_only_the_packs_that_are_named_are_read(folder: Path, corpus: Corpus) -> None:
    without = build(folder, None, None, quiet, ("cmu", "accad"))
    assert {stretch.pack for stretch in without.stretches} == {"cmu", "accad"}
    assert {stretch.pack for stretch in corpus.stretches} >= {"bandai_namco", "cmu", "accad"}
    assert without.split("train") and len(without.stretches) < len(corpus.stretches)
