"""Sentences: every cell has some, sides are right, and files that somebody brings are read or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.training.captions import (
    GENERAL_SENTENCES,
    SENTENCES_A_CELL,
    Caption,
    CaptionBook,
    mirrored_text,
    read_timed_captions,
)
from understudy.core.training.motion_capture.packs import Label
from understudy.core.training.motion_capture.source_clip import MotionFileError
from understudy.tests.core.training.sample_data import BODY, needs_data, pack

BOOK = CaptionBook()
PACKS = ("bandai_namco", "cmu", "accad")
ODD_ONES_OUT = ("walk-left", "walk-right")  # they look the other way: both sides are named


def sides(text: str) -> set[str]:
    return set(re.findall(r"\b(left|right)\b", text))


def sentences(label: Label, book: CaptionBook = BOOK, pack_name: str = "bandai_namco") -> list[str]:
    return [caption.text for caption in book.captions(pack_name, label)]


def all_sentences() -> list[str]:
    return [text for name in PACKS for label in pack(name).labels.values() for text in sentences(label, pack_name=name)]


@needs_data
@pytest.mark.parametrize("name", PACKS)
def test_every_clip_has_sentences_unless_the_book_leaves_it_out(name: str) -> None:
    for label in pack(name).labels.values():
        found = BOOK.captions(name, label)
        assert bool(found) != (BOOK.relabelled.get(label.clip) == ""), label.clip
        assert len(set(found)) == len(found)
        assert all(caption.text == caption.text.strip().lower() and "  " not in caption.text for caption in found)


@needs_data
def test_a_cell_has_many_sentences_but_not_too_many() -> None:
    counts = {len(sentences(label)) for label in pack("bandai_namco").labels.values()} - {0}
    assert min(counts) >= 30
    assert max(counts) <= SENTENCES_A_CELL


@needs_data
def test_a_cell_is_the_same_whenever_it_is_made() -> None:
    label = Label("dataset-2_walk_elderly_001", "dataset-2", "walk", "elderly", "")
    assert sentences(label) == sentences(label, CaptionBook())


@pytest.mark.parametrize("style", ["elderly", "normal", "feminine"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("content", ["raise-up-{}-hand", "wave-{}-hand", "walk-turn-{}"])
def test_a_content_with_a_side_names_that_side_and_no_other(content: str, side: str, style: str) -> None:
    found = sentences(Label("clip", "dataset-2", content.format(side), style, ""))
    assert all(sides(text) <= {side} for text in found)
    assert sum(side in sides(text) for text in found) > len(found) / 2


def test_a_content_without_a_side_names_none() -> None:
    for content in ("walk", "run", "bow", "wave-both-hands", "walk-back"):
        for text in sentences(Label("clip", "dataset-2", content, "normal", "")):
            assert len(sides(text)) != 1, text


@needs_data
def test_every_described_part_of_a_dance_is_also_called_a_dance() -> None:
    """What is seen in a part of a clip ("turns with the arms spread") is rarely what a prompt says."""
    dances = [label for label in pack("cmu").labels.values() if label.content == "dance"]
    assert dances
    for label in dances:
        parts: dict[tuple[float, float | None], set[str]] = {}
        for caption in BOOK.captions("cmu", label):
            parts.setdefault((caption.start, caption.end), set()).add(caption.text)
        for texts in parts.values():
            general = [text for text in texts if any(text.endswith(phrase) for phrase in BOOK._general["dance"])]
            assert len(general) >= GENERAL_SENTENCES - 1 and len(texts) > len(general), label.clip


def test_sentences_in_general_differ_from_clip_to_clip() -> None:
    one, other = (BOOK._in_general(Label(clip, "", "dance", "", ""), [Caption("turns around", 1.0, 3.0)]) for clip in ("05_01", "05_02"))
    assert one != other and len(one) == len(other) == GENERAL_SENTENCES
    assert all((caption.start, caption.end) == (1.0, 3.0) for caption in one)
    assert not BOOK._in_general(Label("05_01", "", "walk", "", ""), [Caption("walks")])


def test_the_style_shows_in_sentences_of_a_style_and_not_in_normal_ones() -> None:
    old, normal = (set(sentences(Label("clip", "", "walk", style, ""))) for style in ("elderly", "normal"))
    assert not old & normal


@pytest.mark.parametrize(
    ("clip", "content"),
    [
        ("dataset-2_walk-turn-left_masculine_006", "walk-turn-right"),
        ("dataset-2_walk-turn-right_masculine_007", "walk-turn-left"),
        ("dataset-2_walk-turn-right_normal_004", "walk-turn-left"),
    ],
)
def test_relabelled_clips_are_described_by_what_they_show(clip: str, content: str) -> None:
    named = clip.split("_")[1]
    style = clip.split("_")[2]
    found = sentences(Label(clip, "dataset-2", named, style, ""))
    assert found == sentences(Label("another", "dataset-2", content, style, ""))


@needs_data
def test_every_relabelled_clip_exists() -> None:
    assert set(BOOK.relabelled) <= set(pack("bandai_namco").names)


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("a person turns left", "a person turns right"),
        ("raises the right arm, then the left", "raises the left arm, then the right"),
        ("walks in a clockwise circle", "walks in a counterclockwise circle"),
        ("walks in a counterclockwise circle", "walks in a clockwise circle"),
        ("turns counter-clockwise", "turns clockwise"),
        ("turns anticlockwise", "turns clockwise"),
        ("moves leftward", "moves rightward"), ("drifts rightwards", "drifts leftwards"),
        ("a left-handed throw", "a right-handed throw"), ("a right-hand turn", "a left-hand turn"),
        ("the leftmost door", "the rightmost door"),
        ("walk-turn-left", "walk-turn-right"), ("raise-up-right-hand", "raise-up-left-hand"),
        ("stands upright in bright light", "stands upright in bright light"),
        ("(left)", "(right)"), ("left", "right"), ("", ""),
    ],
)  # fmt: skip
def test_sides_are_swapped_in_words_and_compounds(text: str, mirrored: str) -> None:
    assert mirrored_text(text) == mirrored


_WORDS = st.sampled_from(["left", "right", "clockwise", "counterclockwise", "leftward", "right-handed", "up", "walk", "-", ",", "and then"])


@given(st.lists(_WORDS, max_size=8).map(" ".join))
def test_mirroring_a_sentence_twice_gives_it_back(text: str) -> None:
    assert mirrored_text(mirrored_text(text)) == text


@given(st.text(max_size=40))
def test_text_without_sides_is_left_alone(text: str) -> None:
    if not re.search("left|right|clockwise", text):
        assert mirrored_text(text) == text


@needs_data
def test_mirroring_all_our_sentences_twice_gives_them_back() -> None:
    assert all(mirrored_text(mirrored_text(text)) == text for text in all_sentences())


@needs_data
def test_timed_captions_of_the_pack_are_read_and_mirrored_ones_turned_back() -> None:
    rows = [json.loads(line) for line in (BODY / "captions.jsonl").read_text(encoding="utf-8").splitlines()]
    human = [row for row in rows if row["source"].startswith("humanml3d/")]
    read = read_timed_captions(BODY / "captions.jsonl", source="humanml3d/")
    assert sum(map(len, read.values())) == len(human) == 296
    places = dict.fromkeys(read, 0)
    for row in human:
        caption = read[row["clip"]][places[row["clip"]]]
        places[row["clip"]] += 1
        assert (caption.start, caption.end) == (row["start_s"], row["end_s"])
        plain = row["text"].strip().lower().rstrip(".")
        assert caption.text == (mirrored_text(plain) if row["mirrored"] else plain)


def read(folder: Path, text: str) -> dict[str, list[Caption]]:
    path = folder / "captions.jsonl"
    path.write_text(text, encoding="utf-8")
    return read_timed_captions(path)


def test_the_shortest_line_describes_the_whole_clip(tmp_path: Path) -> None:
    assert read(tmp_path, '{"clip": "walk_01", "text": "  Somebody WALKS. "}\r\n\n') == {"walk_01": [Caption("somebody walks", 0.0, None)]}


def test_a_mirrored_line_is_turned_back(tmp_path: Path) -> None:
    line = '{"clip": "a", "text": "turns left", "mirrored": true, "start_s": 1, "end_s": 3.5}'
    assert read(tmp_path, line)["a"] == [Caption("turns right", 1.0, 3.5)]


@pytest.mark.parametrize(
    "line",
    [
        "walks", "[]", "3", "{}", '{"clip": "a"}', '{"text": "walks"}', '{"clip": "a", "text": 5}', '{"clip": "a", "text": ""}',
        '{"clip": "a", "text": " . "}', '{"clip": ["a"], "text": "walks"}', '{"clip": "a", "text": "walks", "start_s": "soon"}',
        '{"clip": "a", "text": "walks", "end_s": "late"}', '{"clip": "a", "text": "walks", "start_s": null}', '{"clip": "a", "text": "wal',
    ],
)  # fmt: skip
def test_a_line_that_is_no_caption_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"captions\.jsonl, line 4:"):
        read(tmp_path, '{"clip": "b", "text": "runs"}\n\n\n' + line)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "nowhere", tmp_path / "binary", tmp_path):
        with pytest.raises(MotionFileError, match="cannot be read"):
            read_timed_captions(path)


def test_a_trial_that_was_cut_into_segments_has_their_times() -> None:
    found = BOOK.captions("cmu", Label("14_06", "14", "warm up", "", "jumping jacks, jog, squats, side twists, stretches"))
    assert len({(caption.start, caption.end) for caption in found}) >= 5
    assert all(caption.end is not None and caption.end - caption.start <= 10 for caption in found)
