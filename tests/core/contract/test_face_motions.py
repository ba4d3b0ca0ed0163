"""Does a face motion hold what fits together, come back from its file and keep its course at another rate?"""

from __future__ import annotations

import dataclasses
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import (
    ARKIT,
    FLAME_2020,
    BadRequest,
    BodyMotion,
    EmotionChange,
    FaceMotion,
    FaceRecipe,
    flame_expression_names,
)

Same = Callable[[object, object], bool]
RECIPE = FaceRecipe(
    "Grüße.wav", "happy", 0.8, 7, 1, "starter", "00ff", "0.1.0", 1.5, 2.0, "angry.flac",
    (EmotionChange(0.5, "sad", 0.25), EmotionChange(1.0, "")), 0.5, 0.1, 3,
)  # fmt: skip


def smooth(frames: int = 26, coefficients: int = 4, fps: float = 25.0) -> FaceMotion:
    """Everything goes at its own steady speed."""
    seconds = np.arange(frames, dtype=np.float32)[:, None] / fps
    speeds = np.arange(1, coefficients + 1, dtype=np.float32)
    return FaceMotion(
        expression=seconds * speeds,
        jaw=seconds * np.float32([0.3, 0, -0.1]),
        expression_names=flame_expression_names(coefficients),
        space=FLAME_2020,
        fps=fps,
        head=seconds * np.float32([0.1, 0.2, 0.3]),
        eyes=seconds[:, None] * np.float32([[0.1, 0.2, 0], [0.2, 0.1, 0]]),
        recipe=RECIPE,
        blinks=(seconds / seconds[-1:].clip(1 / fps))[:, 0],
    )


@pytest.fixture
def motion() -> FaceMotion:
    return smooth()


@pytest.fixture
def file(motion: FaceMotion, tmp_path: Path) -> Path:
    motion.save(tmp_path / "face.npz")
    return tmp_path / "face.npz"


def test_flame_counts_from_one() -> None:
    assert flame_expression_names(50)[0] == "Exp1" and flame_expression_names(50)[-1] == "Exp50"


finite = st.floats(-(2.0**100), 2.0**100, width=32)


@st.composite
def face_motions(draw: st.DrawFn) -> FaceMotion:
    frames, coefficients = draw(st.integers(1, 4)), draw(st.integers(0, 3))

    def array(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.array(draw(st.lists(finite, min_size=count, max_size=count)), np.float32).reshape(shape)

    # An npz holds text without trailing NULs, and a rate in single precision
    texts = st.text(min_size=1).map(lambda text: text.rstrip("\0") or "-")
    names = tuple(draw(st.lists(texts, min_size=coefficients, max_size=coefficients, unique=True)))
    head, eyes, blinks = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    return FaceMotion(
        array(frames, coefficients), array(frames, 3), names, draw(texts), float(np.float32(draw(st.floats(1e-3, 1e6)))),
        array(frames, 3) if head else None, array(frames, 2, 3) if eyes else None, FaceRecipe(draw(texts), draw(texts), draw(finite), draw(st.integers())),
        np.clip(array(frames), 0, 1) if blinks else None,
    )  # fmt: skip


@given(face_motions())
def test_any_motion_comes_back(same: Same, tmp_path_factory: pytest.TempPathFactory, motion: FaceMotion) -> None:
    path = tmp_path_factory.mktemp("motion") / "a face.npz"
    motion.save(path)
    assert same(FaceMotion.load(path), motion)


def test_saving_replaces_the_old_file_and_leaves_no_other(motion: FaceMotion, file: Path) -> None:
    dataclasses.replace(motion, fps=30.0, eyes=None).save(file)
    assert FaceMotion.load(file).fps == 30.0 and FaceMotion.load(file).eyes is None
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(("changes", "named"), [
    ({"expression": np.zeros((26, 5), np.float32)}, "expression is float32 (26, 5)"), ({"expression": np.zeros((26, 4))}, "float64"),
    ({"expression": np.zeros((0, 4), np.float32)}, "jaw is float32 (26, 3), not float32 (0, 3)"), ({"jaw": np.zeros((25, 3), np.float32)}, "jaw"),
    ({"jaw": np.zeros((26, 4), np.float32)}, "jaw"), ({"head": np.zeros((26, 4), np.float32)}, "head"), ({"eyes": np.zeros((26, 3), np.float32)}, "eyes"),
    ({"blinks": np.zeros((26, 1), np.float32)}, "blinks"), ({"blinks": np.linspace(0, 1.1, 26, dtype=np.float32)}, "from 0 to 1.1"),
    ({"blinks": np.linspace(-1, 1, 26, dtype=np.float32)}, "from -1 to 1"), ({"jaw": np.full((26, 3), np.nan, np.float32)}, "jaw holds numbers that are not finite"),
    ({"expression_names": ("a", "a", "b", "c")}, "the same"), ({"space": ""}, "face space"), ({"fps": 0.0}, "0 frames a second"),
    ({"fps": float("nan")}, "frames a second"), ({"fps": float("inf")}, "frames a second"), ({"fps": -25.0}, "-25"),
])  # fmt: skip
def test_what_does_not_fit_together(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(smooth(), **changes)
    assert named in str(caught.value)


def test_no_frames_at_all() -> None:
    nothing = np.zeros((0, 3), np.float32)
    with pytest.raises(ValueError, match="0 frames"):
        FaceMotion(nothing, nothing, ("a", "b", "c"), ARKIT, 25.0)


def changed(file: Path, **entries: object) -> Path:
    with np.load(file) as arrays:
        stored = dict(arrays)
    np.savez(file, **{name: value for name, value in (stored | entries).items() if value is not None})
    return file


ENTRIES = ("format", "expression", "jaw", "expression_names", "space", "fps", "recipe")


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_missing(entry: str, file: Path) -> None:
    with pytest.raises(BadRequest, match=r"face\.npz is not a face motion .*make it again"):
        FaceMotion.load(changed(file, **{entry: None}))


@pytest.mark.parametrize("entry", ["head", "eyes", "blinks"])
def test_an_optional_entry_missing(entry: str, file: Path) -> None:
    assert getattr(FaceMotion.load(changed(file, **{entry: None})), entry) is None


@pytest.mark.parametrize(("entry", "value"), [
    ("format", np.array("understudy body motion 1")), ("expression", np.zeros((25, 4), np.float32)), ("jaw", np.full((26, 3), np.inf, np.float32)),
    ("eyes", np.zeros((26, 3), np.float32)), ("blinks", np.full(26, 2, np.float32)), ("space", np.array("")), ("fps", np.float32("nan")), ("fps", np.array("fast")), ("recipe", np.array("[]")),
    ("expression_names", np.array("Exp1")),
])  # fmt: skip
def test_an_entry_that_does_not_fit(entry: str, value: np.ndarray, file: Path) -> None:
    with pytest.raises(BadRequest, match=r"face\.npz"):
        FaceMotion.load(changed(file, **{entry: value}))


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("entry", [*ENTRIES, "head", "eyes", "blinks"])
def test_an_entry_of_objects_is_not_unpickled(entry: str, file: Path) -> None:
    target = file.parent / "exploded"
    bomb = np.empty(1, object)
    bomb[0] = Bomb(target)
    with pytest.raises(BadRequest):
        FaceMotion.load(changed(file, **{entry: bomb}))
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + b"\0" * 100, b"hello", b"\x80\x04N.", random.Random(0).randbytes(1000)], ids=len)
def test_files_of_other_kinds(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(BadRequest, match=r"other\.npz is not a face motion"):
        FaceMotion.load(tmp_path / "other.npz")


def test_body_and_face_files_are_told_apart(file: Path) -> None:
    with pytest.raises(BadRequest, match="not a body motion"):
        BodyMotion.load(file)


def test_a_file_cut_off_anywhere(file: Path) -> None:
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(BadRequest):
            FaceMotion.load(file)


def test_the_recipe_of_a_newer_version_is_read_as_far_as_it_is_known(file: Path) -> None:
    changed(file, recipe=np.array('{"audio": "a.wav", "seed": 5, "mood": "sunny"}'))
    assert FaceMotion.load(file).recipe == FaceRecipe(audio="a.wav", seed=5)


def test_a_file_of_the_first_version_has_a_recipe_of_fewer_entries_and_no_blinks(file: Path) -> None:
    old = {
        "audio": "a.wav",
        "emotion": "happy",
        "intensity": 0.5,
        "model": "m",
        "seed": 5,
        "variation": 1,
        "version": "0.1.0",
        "weights": "00ff",
    }
    motion = FaceMotion.load(changed(file, recipe=np.array(json.dumps(old)), blinks=None))
    assert motion.recipe == FaceRecipe(**old) and motion.blinks is None


@pytest.mark.parametrize("changes", ["5", "[5]", '[{"emotion": "sad"}]', '[{"at_s": 1, "emotion": "sad", "mood": 1}]'])
def test_emotion_changes_that_are_none(changes: str, file: Path) -> None:
    with pytest.raises(BadRequest, match=r"face\.npz"):
        FaceMotion.load(changed(file, recipe=np.array(f'{{"changes": {changes}}}')))


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 60.0, 10.0])
def test_everything_keeps_its_speed_at_another_rate(fps: float, motion: FaceMotion) -> None:
    resampled = motion.resampled(fps)
    assert resampled.fps == fps and motion.seconds - 1 / fps < resampled.seconds <= motion.seconds + 1e-9
    expected = smooth(len(resampled.expression), fps=fps)
    expected = dataclasses.replace(
        expected, blinks=np.arange(len(expected.expression), dtype=np.float32) / np.float32(fps * motion.seconds)
    )
    for name in ("expression", "jaw", "head", "eyes", "blinks"):
        array = getattr(resampled, name)
        np.testing.assert_allclose(array, getattr(expected, name), atol=1e-5, err_msg=name)
        assert array.dtype == np.float32
    assert (resampled.expression_names, resampled.space, resampled.recipe) == (motion.expression_names, motion.space, motion.recipe)


def test_faces_are_held_before_the_first_and_after_the_last_frame(motion: FaceMotion) -> None:
    held = motion.at(np.array([-5.0, 1e6]))
    np.testing.assert_allclose(held.expression, motion.expression[[0, -1]], atol=1e-6)
    np.testing.assert_allclose(held.eyes, motion.eyes[[0, -1]], atol=1e-6)


def test_what_is_not_there_stays_away(motion: FaceMotion) -> None:
    resampled = dataclasses.replace(motion, head=None, eyes=None, blinks=None).resampled(30.0)
    assert resampled.head is None and resampled.eyes is None and resampled.blinks is None


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2), st.floats(0, 1))
def test_blinks_between_two_frames_stay_blinks(closed: list[float], share: float) -> None:
    nothing = np.zeros((2, 3), np.float32)
    blinking = FaceMotion(nothing, nothing, ("a", "b", "c"), ARKIT, 1.0, blinks=np.float32(closed))
    between = blinking.at(np.array([share])).blinks
    assert between is not None and min(closed) - 1e-6 <= between[0] <= max(closed) + 1e-6


def test_a_single_frame_stays_one() -> None:
    assert len(smooth(1).resampled(60.0).expression) == 1


@given(st.lists(st.floats(-0.35, 0.35), min_size=3, max_size=3), st.lists(st.floats(-0.06, 0.06), min_size=3, max_size=3), st.floats(0, 1))
def test_a_straight_way_in_axis_angle_is_an_arc_to_a_fiftieth_of_a_degree(start: list[float], step: list[float], share: float) -> None:
    """Heads turn by twenty degrees, and by less than six in a frame: faster than 80 degrees a second none is seen while speaking."""
    from understudy.core.contract.head.posing import rotation_matrices

    a = np.array([start], np.float32)
    b = a + np.float32(step)
    two = FaceMotion(np.zeros((2, 0), np.float32), np.concatenate([a, b]), (), FLAME_2020, 1.0)
    straight, first, last = (
        rotation_matrices(turn[0].astype(np.float64)).astype(np.float64) for turn in (two.at(np.array([share])).jaw, a, b)
    )
    whole = _axis_angle(first.T @ last)
    arc = first @ rotation_matrices(share * whole)
    assert np.degrees(np.linalg.norm(_axis_angle(straight.T @ arc))) < 0.02


def _axis_angle(matrix: np.ndarray) -> np.ndarray:
    """Of small turns."""
    sine = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2
    return sine * (1 + np.dot(sine, sine) / 6)
