"""Does a motion come back from its file, and is every other file refused in words without running anything in it?"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.contract import BadRequest, BodyMotion, BodyReply, Message, Recipe, decode_frame, encode_frame

Same = Callable[[object, object], bool]


@pytest.fixture
def motion(one_of_each: list[Message]) -> BodyMotion:
    reply = next(m for m in one_of_each if isinstance(m, BodyReply))
    arrived = decode_frame(encode_frame(reply))
    assert isinstance(arrived, BodyReply)
    return arrived.motions[0]


@pytest.fixture
def file(motion: BodyMotion, tmp_path: Path) -> Path:
    motion.save(tmp_path / "walk.npz")
    return tmp_path / "walk.npz"


def changed(file: Path, **entries: object) -> Path:
    with np.load(file) as arrays:
        stored = dict(arrays)
    stored = {name: value for name, value in (stored | entries).items() if value is not None}
    np.savez(file, **stored)
    return file


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=40)
@given(data=st.data())
def test_any_motion_comes_back(
    data: st.DataObject, any_motion: st.SearchStrategy[BodyMotion], same: Same, tmp_path_factory: pytest.TempPathFactory
) -> None:
    motion = data.draw(any_motion)
    # An npz holds text without trailing NULs, and a rate in single precision
    motion = dataclasses.replace(
        motion, joint_names=tuple(name.rstrip("\0") for name in motion.joint_names), fps=float(np.float32(motion.fps))
    )
    path = tmp_path_factory.mktemp("motion") / "a motion.npz"
    motion.save(path)
    assert same(BodyMotion.load(path), motion)


def test_saving_replaces_the_old_file_and_leaves_no_other(motion: BodyMotion, file: Path, same: Same) -> None:
    longer = dataclasses.replace(motion, fps=30.0)
    longer.save(file)
    assert BodyMotion.load(file).fps == 30.0
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_save_that_fails_leaves_the_old_file_and_no_other(motion: BodyMotion, file: Path, same: Same) -> None:
    recipe = dataclasses.replace(motion.recipe)
    object.__setattr__(recipe, "seed", object())
    with pytest.raises(TypeError):
        dataclasses.replace(motion, recipe=recipe).save(file)
    assert same(BodyMotion.load(file), motion)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_recipe_of_a_newer_version_is_read_as_far_as_it_is_known(file: Path) -> None:
    changed(file, recipe=np.array('{"text": "jumps", "seed": 5, "mood": "happy"}'))
    assert BodyMotion.load(file).recipe == Recipe(text="jumps", seed=5)


@pytest.mark.parametrize("text", ["", "[]", "null", "5", '"walks"', "{", '{"text": '])
def test_a_recipe_that_is_not_one(text: str, file: Path) -> None:
    with pytest.raises(BadRequest, match="walk.npz"):
        BodyMotion.load(changed(file, recipe=np.array(text)))


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04" + b"\0" * 100, b"\x93NUMPY", b"hello", b"\x80\x04N.", random.Random(0).randbytes(1000)], ids=len
)
def test_files_of_other_kinds(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(BadRequest, match="other.npz is not a body motion"):
        BodyMotion.load(tmp_path / "other.npz")


def test_a_single_array(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(BadRequest, match="other.npy"):
        BodyMotion.load(tmp_path / "other.npy")


def test_an_npz_of_somebody_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "amass.npz", poses=np.zeros((3, 156)), trans=np.zeros((3, 3)))
    with pytest.raises(BadRequest, match="amass.npz"):
        BodyMotion.load(tmp_path / "amass.npz")


ENTRIES = ("format", "translation", "rotations", "contacts", "joint_names", "parents", "offsets", "fps", "recipe")


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_missing(entry: str, file: Path) -> None:
    with pytest.raises(BadRequest, match="walk.npz"):
        BodyMotion.load(changed(file, **{entry: None}))


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("entry", [*ENTRIES, "surplus"])
def test_an_entry_of_objects_is_not_unpickled(entry: str, file: Path) -> None:
    target = file.parent / "exploded"
    bomb = np.empty(1, object)
    bomb[0] = Bomb(target)
    changed(file, **{entry: bomb})
    assert not target.exists()
    if entry == "surplus":
        BodyMotion.load(file)
    else:
        with pytest.raises(BadRequest):
            BodyMotion.load(file)
    assert not target.exists()


@pytest.mark.parametrize(("entry", "value"), [
    ("format", np.array("understudy body motion 2")), ("translation", np.zeros((3, 3), np.float32)), ("translation", np.zeros((0, 3), np.float32)),
    ("rotations", np.zeros((2, 2, 4), np.float32)), ("rotations", np.zeros((2, 1, 4))), ("contacts", np.zeros((2, 3), np.float32)),
    ("parents", np.array([-1, 0], np.int32)), ("offsets", np.zeros(3, np.float32)), ("fps", np.float32(0)), ("fps", np.float32(-20)),
    ("fps", np.float32("nan")), ("fps", np.float32("inf")), ("fps", np.array("fast")), ("fps", np.zeros(2)), ("joint_names", np.array("pelvis")),
])  # fmt: skip
def test_an_entry_that_does_not_fit(entry: str, value: np.ndarray, file: Path) -> None:
    with pytest.raises(BadRequest, match="walk.npz"):
        BodyMotion.load(changed(file, **{entry: value}))


def test_a_file_cut_off_anywhere(file: Path) -> None:
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(BadRequest):
            BodyMotion.load(file)


def test_a_file_with_flipped_bits_is_refused_or_read_in_full(file: Path) -> None:
    whole = file.read_bytes()
    dice = random.Random(0)
    refused = 0
    for _ in range(600):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        file.write_bytes(broken)
        try:
            BodyMotion.load(file)
        except BadRequest:
            refused += 1
    assert refused > 300


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing.npz"):
        BodyMotion.load(tmp_path / "nothing.npz")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        BodyMotion.load(tmp_path)
