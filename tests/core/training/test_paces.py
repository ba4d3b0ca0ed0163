"""Walks and runs at another pace: they travel as fast as they should, and their sentences say so."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from understudy.core.contract import BodyMotion
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training.captions import SENTENCES_FOLDER, CaptionBook
from understudy.core.training.mixing import Part
from understudy.core.training.motion_capture.packs import Label
from understudy.core.training.paces import CLIPS, NEUTRAL_CLIPS, RATES, TARGETS, may_be_paced, paced, paces

BOOK = CaptionBook()
PACES = tomllib.loads((SENTENCES_FOLDER / "paces.toml").read_text("ascii"))["pace"]


def walking(metres_a_second: float, frames: int = 120) -> BodyMotion:
    path = np.zeros((frames, 3), np.float32)
    path[:, 2] = np.arange(frames) / 20 * metres_a_second
    rotations = np.tile(np.array([1, 0, 0, 0], np.float32), (frames, 22, 1))
    skeleton = REST_SKELETON
    return BodyMotion(path, rotations, np.ones((frames, 4), np.float32), skeleton.names, skeleton.parents, skeleton.offsets.float().numpy(), 20.0)


def speed(motion: BodyMotion) -> float:
    return float(np.linalg.norm(motion.translation[-1] - motion.translation[0]) / motion.seconds)


@pytest.mark.parametrize(("recorded", "pace"), [(1.0, "slow"), (1.3, "fast"), (0.85, "slow"), (1.5, "fast")])
def test_a_walk_reaches_the_speed_of_its_pace_where_the_rates_allow(recorded: float, pace: str) -> None:
    motion = paced(walking(recorded), pace, "walk")
    assert motion.fps == 20
    assert speed(motion) == pytest.approx(TARGETS[pace]["walk"], rel=0.05)


@pytest.mark.parametrize(("recorded", "pace", "rate"), [(3.0, "slow", RATES["slow"][0]), (0.2, "fast", RATES["fast"][1])])
def test_no_clip_is_stretched_farther_than_the_rates_allow(recorded: float, pace: str, rate: float) -> None:
    assert speed(paced(walking(recorded), pace, "walk")) == pytest.approx(recorded * rate, rel=0.05)


def parts(*contents: str, style: str = "sad", count: int = 3) -> list[Part]:
    return [Part(Label(f"{content}_{number}", "", content, style, ""), walking(1.2)) for content in contents for number in range(count)]


def test_each_content_is_made_at_each_pace_and_others_are_left_alone() -> None:
    made = list(paces(parts("walk", "run", "wave-left-hand"), BOOK.subjects, BOOK.phrases))
    assert len(made) == 2 * 2 * CLIPS
    assert {part.label.content for part, _ in made} == {"walk slow", "walk fast", "run slow", "run fast"}
    assert {part.label.style for part, _ in made} == {"sad"}
    assert len({part.label.clip for part, _ in made}) == len(made)
    assert may_be_paced(Label("", "", "walk-back", "", "")) and not may_be_paced(Label("", "", "wave-left-hand", "", ""))


def words_of(pace: str, content: str) -> list[str]:
    return PACES[pace]["adverbs"] + PACES[pace]["phrases"][content]


def test_sentences_say_their_pace_and_no_other() -> None:
    for content in TARGETS["slow"]:
        for part, captions in paces(parts(content, count=8), BOOK.subjects, BOOK.phrases):
            pace = part.label.clip.split("*")[1]
            assert len(captions) > 5
            for caption in captions:
                assert caption.text.endswith(tuple(words_of(pace, content))), caption.text
    assert not set(PACES["slow"]["adverbs"]) & set(PACES["fast"]["adverbs"])


def test_the_same_clips_give_the_same_paces() -> None:
    one, other = (list(paces(parts("walk", "run"), BOOK.subjects, BOOK.phrases)) for _ in range(2))
    assert [(part.label, captions) for part, captions in one] == [(part.label, captions) for part, captions in other]


def test_neutral_paces_are_more_and_only_their_sentences_may_lack_a_subject() -> None:
    made = {style: list(paces(parts("walk", style=style, count=12), BOOK.subjects, BOOK.phrases)) for style in ("normal", "sad")}
    assert (len(made["normal"]), len(made["sad"])) == (2 * NEUTRAL_CLIPS, 2 * CLIPS)
    for style, members in made.items():
        for _, captions in members:
            bare = [caption.text for caption in captions if not caption.text.startswith(tuple(f"{who} " for who in BOOK.subjects[style]))]
            assert style == "normal" or not bare
