"""The sentence files name every label of the motion data and keep their wording rules."""

import csv
import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO_ROOT = Path(__file__).resolve().parents[3]
BODY = Path(os.environ.get("UNDERSTUDY_DATA", REPO_ROOT.parent / "shared" / "data")) / "body"
SENTENCES = REPO_ROOT / "core" / "training" / "sentences"


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((SENTENCES / f"{name}.toml").read_text("ascii"))


CAPTIONS: dict[str, Any] = {**read("bandai"), **read("cmu"), **read("accad")}
SEGMENTS: list[dict[str, Any]] = read("cmu_segments")["segment"]
GENERAL: dict[str, list[str]] = {content: entry["phrases"] for content, entry in read("contents")["content"].items()}
HELD_OUT = read("held_out")

needs_data = pytest.mark.skipif(
    not (BODY / "bandai_namco_labels.csv").is_file(), reason=f"no motion data at {BODY} (set UNDERSTUDY_DATA)"
)

SIDE_WORDS = {"left", "right", "leftward", "rightward", "leftwards", "rightwards"}
FORBIDDEN = re.compile(
    r"\b(upright|all right|right (away|now|off|angle|angles|here|up|after|behind)"
    r"|(has|have|had|he|she|it|they|who) left|left (over|behind|alone|the)"
    r"|port side|starboard|mocap|subject|clip)\b"
)
NOT_A_SIDE = re.compile(r"\b(no|any|some|much|little) \w+ left\b")


def entries() -> Iterator[tuple[str, list[str]]]:
    for content, entry in CAPTIONS["bandai"]["content"].items():
        yield f"content {content}", entry["phrases"]
    for style, entry in CAPTIONS["bandai"]["style"].items():
        for part in ("subjects", "adverbs", "leads"):
            yield f"style {style} {part}", entry[part]
    for description, texts in CAPTIONS["cmu"]["description"].items():
        yield f"cmu {description}", texts
    for clip, texts in CAPTIONS["accad"]["clip"].items():
        yield f"accad {clip}", texts
    for content, phrases in GENERAL.items():
        yield f"in general {content}", phrases
    yield "cmu segments", list(dict.fromkeys(text for segment in SEGMENTS for text in segment["text"]))


ENTRIES = list(entries())
each_entry = pytest.mark.parametrize(("name", "texts"), ENTRIES, ids=[name for name, _ in ENTRIES])


def labels(source: str, column: str) -> set[str]:
    with (BODY / f"{source}_labels.csv").open(encoding="utf-8", newline="") as file:
        return {row[column] for row in csv.DictReader(file)}


def swap_sides(text: str) -> str:
    other = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
    return re.sub(
        r"\b(left|right|clockwise|counterclockwise)(wards?)?\b", lambda m: other[m[1]] + (m[2] or ""), text
    )


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text))


def sides(text: str) -> set[str]:
    return {"left" if "left" in word else "right" for word in words(text) & SIDE_WORDS}


@needs_data
@pytest.mark.parametrize(
    ("source", "column", "table"),
    [
        ("bandai_namco", "content", CAPTIONS["bandai"]["content"]),
        ("bandai_namco", "style", CAPTIONS["bandai"]["style"]),
        ("cmu", "description", CAPTIONS["cmu"]["description"]),
        ("accad", "clip", CAPTIONS["accad"]["clip"]),
    ],
)
def test_every_label_has_an_entry_and_no_entry_is_stray(source: str, column: str, table: dict[str, Any]) -> None:
    assert set(table) == labels(source, column)


@needs_data
def test_every_content_that_is_described_in_general_is_one_of_the_recordings() -> None:
    assert set(GENERAL) <= labels("cmu", "content") | labels("accad", "content")


def test_what_holds_for_a_whole_content_names_no_side() -> None:
    assert [text for phrases in GENERAL.values() for text in phrases if sides(text) or "clockwise" in text] == []


def test_no_phrase_stands_for_two_contents() -> None:
    phrases = [text for phrases in GENERAL.values() for text in phrases]
    assert len(set(phrases)) == len(phrases)


@needs_data
def test_no_sentence_is_copied_from_the_data_pack() -> None:
    with (BODY / "captions.jsonl").open(encoding="utf-8") as file:
        theirs = {json.loads(line)["text"].strip().rstrip(".").lower() for line in file}
    assert [text for name, own in ENTRIES if name.startswith(("cmu", "accad")) for text in own if text in theirs] == []


def test_tables_have_their_sizes() -> None:
    for content, entry in CAPTIONS["bandai"]["content"].items():
        assert set(entry) == {"phrases"} and len(entry["phrases"]) >= 18, content
    for style, entry in CAPTIONS["bandai"]["style"].items():
        assert set(entry) == {"subjects", "adverbs", "leads"}, style
        assert len(entry["subjects"]) >= 7 and len(entry["adverbs"]) >= 9, style
        assert len(entry["leads"]) >= (0 if style == "normal" else 5), style
    assert len(SEGMENTS) >= 1000
    for name, texts in ENTRIES:
        assert len(texts) >= 3 or name == "style normal leads", name


@each_entry
def test_wording(name: str, texts: list[str]) -> None:
    assert len(set(texts)) == len(texts)
    least = 2 if name.startswith(("cmu", "accad")) else 1
    for text in texts:
        assert text.isascii() and text == text.lower() == text.strip() and not text.endswith("."), text
        assert least <= len(text.split()) <= 25 and "  " not in text, text
        assert not FORBIDDEN.search(text) and not NOT_A_SIDE.search(text), text
        assert all(word in SIDE_WORDS for word in words(text) if "left" in word or "right" in word), text


@each_entry
def test_swapping_sides_leaves_the_entry(name: str, texts: list[str]) -> None:
    if name == "cmu segments":
        pytest.skip("segments of all sides together")
    assert {swap_sides(text) for text in texts if sides(text)}.isdisjoint(texts)


@each_entry
def test_no_sentence_names_only_the_other_side(name: str, texts: list[str]) -> None:
    named = {side for side in ("left", "right") if re.search(side, name, re.IGNORECASE)}
    if len(named) == 1 and name not in ("content walk-left", "content walk-right"):
        assert all(sides(text) <= named for text in texts)


@pytest.mark.parametrize("name", ["bandai", "cmu", "accad", "cmu_segments", "contents", "paces", "held_out"])
def test_every_file_says_where_its_sentences_come_from(name: str) -> None:
    assert "CC0" in read(name)["origin"]


@needs_data
def test_segments_lie_inside_their_trials() -> None:
    with (BODY / "cmu_labels.csv").open(encoding="utf-8", newline="") as file:
        seconds = {row["clip"]: float(row["seconds"]) for row in csv.DictReader(file)}
    for segment in SEGMENTS:
        assert segment["start"] >= 0 and segment["end"] <= seconds[segment["clip"]] + 0.05, segment
        assert 1.5 <= segment["end"] - segment["start"] <= 10, segment


def held_out_sentences() -> list[str]:
    listed = [text for table in ("content", "direction") for texts in HELD_OUT[table].values() for text in texts]
    styled = [text for pairs in HELD_OUT["style"].values() for _, text in pairs]
    return listed + styled + [pair["text"] for pair in HELD_OUT["steps"]["pairs"]]


def test_no_held_out_sentence_is_trained_on() -> None:
    tables = [entry["phrases"] for entry in CAPTIONS["bandai"]["content"].values()] + list(GENERAL.values())
    phrases = {phrase for table in tables for phrase in table if len(phrase.split()) > 2}
    known = {text for name, texts in ENTRIES if name.startswith(("cmu", "accad")) for text in texts}
    for text in held_out_sentences():
        assert text not in known, text
        assert not any(text == phrase or text.endswith(f" {phrase}") for phrase in phrases), text


def test_held_out_sentences_follow_the_wording_rules() -> None:
    for text in held_out_sentences():
        assert text.isascii() and text == text.lower() == text.strip() and not text.endswith(".") and "  " not in text, text
    for content, texts in HELD_OUT["content"].items():
        assert len(texts) >= 6 and len(set(texts)) == len(texts), content
    assert set(HELD_OUT["manner"]) == set(HELD_OUT["style"]) - {"normal"} == set(CAPTIONS["bandai"]["style"]) - {"normal"}
    for style, manners in HELD_OUT["manner"].items():
        assert set(manners).isdisjoint(CAPTIONS["bandai"]["style"][style]["adverbs"])
