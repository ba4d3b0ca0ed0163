"""The arms of one clip on the body of another, with sentences that say both."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from understudy.core.contract import BodyMotion
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.training.captions import CaptionBook
from understudy.core.training.mixing import ARMS, LOWER, SHORTEST_FRAMES, UPPER, Part, may_be_mixed, mixed, mixtures
from understudy.core.training.motion_capture.packs import Label

BOOK = CaptionBook()


def motion(frames: int, seed: int) -> BodyMotion:
    dice = np.random.default_rng(seed)
    rotations = dice.normal(size=(frames, 22, 4)).astype(np.float32)
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    contacts = (dice.random((frames, 4)) < 0.5).astype(np.float32)
    skeleton = REST_SKELETON
    path = dice.normal(size=(frames, 3)).astype(np.float32)
    return BodyMotion(path, rotations, contacts, skeleton.names, skeleton.parents, skeleton.offsets.float().numpy(), 20.0)


def part(content: str, style: str = "sad", frames: int = 60, seed: int = 0) -> Part:
    return Part(Label(f"{content}-{style}", "", content, style, ""), motion(frames, seed))


@pytest.mark.parametrize(("lower_frames", "upper_frames"), [(60, 60), (60, 45), (45, 60)])
def test_arms_come_from_the_one_and_all_else_from_the_other(lower_frames: int, upper_frames: int) -> None:
    lower, upper = motion(lower_frames, 1), motion(upper_frames, 2)
    both = mixed(lower, upper)
    frames = min(lower_frames, upper_frames)
    assert len(both.translation) == len(both.rotations) == len(both.contacts) == frames
    assert np.array_equal(both.translation, lower.translation[:frames]) and np.array_equal(both.contacts, lower.contacts[:frames])
    for joint, name in enumerate(both.joint_names):
        source = upper if name.split("_")[-1] in ARMS else lower
        assert np.array_equal(both.rotations[:, joint], source.rotations[:frames, joint]), name
    assert sum(name.split("_")[-1] in ARMS for name in both.joint_names) == 8


def test_every_style_has_each_pair_once_and_no_pair_crosses_styles() -> None:
    parts = [part(content, style) for content in (*LOWER, *UPPER) for style in ("sad", "elderly")]
    made = list(mixtures(parts, BOOK.subjects, BOOK.phrases))
    assert len(made) == 2 * len(LOWER) * len(UPPER)
    assert len({each.label.clip for each, _ in made}) == len(made)
    for each, captions in made:
        assert each.label.content == "mixed" and each.label.clip.count(each.label.style) == 2
        assert 1 <= len(captions) == len({caption.text for caption in captions})


def test_sentences_say_what_legs_and_arms_do() -> None:
    ((_, captions),) = mixtures([part("walk-turn-left"), part("wave-right-hand")], BOOK.subjects, BOOK.phrases)
    for caption in captions:
        assert "left" in caption.text and "right" in caption.text
        assert any(caption.text.startswith(who) for who in BOOK.subjects["sad"])
        assert " and " in caption.text or " while walking" in caption.text


def test_short_ones_and_styles_without_both_are_left_out() -> None:
    parts = [part("walk", "sad"), part("wave-left-hand", "elderly"), part("run", "angry"), part("bow", "angry")]
    assert not list(mixtures(parts, BOOK.subjects, BOOK.phrases))
    short = [part("walk", "sad"), part("wave-left-hand", "sad", SHORTEST_FRAMES - 1)]
    assert not list(mixtures(short, BOOK.subjects, BOOK.phrases))


def test_the_same_clips_give_the_same_mixtures() -> None:
    parts = [part(content, seed=seed) for seed, content in enumerate((*LOWER, *UPPER))]
    one, other = (list(mixtures(parts, BOOK.subjects, BOOK.phrases)) for _ in range(2))
    assert [(each.label, captions) for each, captions in one] == [(each.label, captions) for each, captions in other]


def test_only_contents_that_can_be_mixed_are() -> None:
    assert may_be_mixed(Label("a", "", "walk", "", "")) and may_be_mixed(Label("a", "", "wave-both-hands", "", ""))
    assert not may_be_mixed(dataclasses.replace(Label("a", "", "walk", "", ""), content="bow"))
