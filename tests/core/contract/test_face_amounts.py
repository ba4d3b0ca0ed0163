"""Does each amount scale its part of the face and nothing else, and do blinks and gaze reach the shapes that show them?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import ARKIT, FLAME_2020, FaceAmounts, FaceMotion, flame_expression_names, gaze_as_shapes, with_amounts
from understudy.core.contract.head import DEFAULT_HEAD, FLAME_JOINTS, posed_motion, read_head

NAMES = read_head(DEFAULT_HEAD).expression_names
PARTS = {
    "lips": ("mouth", "tongue"), "jaw": ("jaw", "mouthClose"), "upper_face": ("brow", "eyeWide", "eyeSquint", "cheek", "nose"),
    "blinks": ("eyeBlink",), "gaze": ("eyeLook",), "head": (),
}  # fmt: skip
amounts = st.floats(0, 2)
every_amount = st.builds(FaceAmounts, amounts, amounts, amounts, amounts, amounts, amounts)


def moving(space: str = ARKIT, names: tuple[str, ...] = NAMES, frames: int = 7, seed: int = 0) -> FaceMotion:
    random = np.random.default_rng(seed)

    def turns(*shape: int) -> np.ndarray:
        return random.uniform(-0.2, 0.2, shape).astype(np.float32)

    return FaceMotion(
        random.uniform(0.1, 0.9, (frames, len(names))).astype(np.float32), turns(frames, 3), names, space, 25.0,
        turns(frames, 3), turns(frames, 2, 3), blinks=random.uniform(0, 1, frames).astype(np.float32),
    )  # fmt: skip


WITHOUT_BLINKS = dataclasses.replace(moving(), blinks=None)


def test_every_shape_belongs_to_a_part() -> None:
    assert all(any(name.startswith(shapes) for shapes in PARTS.values() if shapes) for name in NAMES)


@pytest.mark.parametrize("part", PARTS)
def test_an_amount_scales_its_own_part_alone(part: str) -> None:
    half = with_amounts(WITHOUT_BLINKS, FaceAmounts(**{part: 0.5}))
    for column, name in enumerate(NAMES):
        scale = 0.5 if PARTS[part] and name.startswith(PARTS[part]) else 1.0
        np.testing.assert_allclose(half.expression[:, column], scale * WITHOUT_BLINKS.expression[:, column], rtol=1e-6, err_msg=name)
    for track, owner in (("jaw", "jaw"), ("head", "head"), ("eyes", "gaze")):
        scale = 0.5 if part == owner else 1.0
        np.testing.assert_allclose(getattr(half, track), scale * getattr(WITHOUT_BLINKS, track), rtol=1e-6, err_msg=track)


@given(every_amount)
def test_lips_never_close_by_more_than_the_jaw_opens(amounts: FaceAmounts) -> None:
    scaled = with_amounts(WITHOUT_BLINKS, amounts)
    close, opened = (
        scaled.expression[:, NAMES.index(name)] / WITHOUT_BLINKS.expression[:, NAMES.index(name)] for name in ("mouthClose", "jawOpen")
    )
    assert (close <= opened + 1e-6).all()


@given(every_amount, st.integers(0, 99))
def test_a_lid_is_as_far_down_as_the_expression_or_the_blink_holds_it(amounts: FaceAmounts, seed: int) -> None:
    motion = moving(seed=seed)
    scaled = with_amounts(motion, amounts)
    assert scaled.blinks is None and motion.blinks is not None
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        column = NAMES.index(name)
        wanted = np.minimum(np.maximum(motion.expression[:, column], motion.blinks) * amounts.blinks, 1)
        np.testing.assert_allclose(scaled.expression[:, column], wanted, rtol=1e-5)


def test_a_face_without_lid_shapes_gets_them_for_its_blinks() -> None:
    motion = moving(names=("jawOpen",))
    scaled = with_amounts(motion, FaceAmounts())
    assert scaled.expression_names == ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")
    np.testing.assert_array_equal(scaled.expression[:, 0], motion.expression[:, 0])
    np.testing.assert_array_equal(scaled.expression[:, 1], motion.blinks)


def test_all_at_one_leaves_all_as_it_was() -> None:
    for motion in (WITHOUT_BLINKS, moving(FLAME_2020, flame_expression_names(50))):
        same = with_amounts(motion, FaceAmounts())
        for track in ("expression", "jaw", "head", "eyes", "blinks"):
            np.testing.assert_array_equal(getattr(same, track), getattr(motion, track))


def test_a_motion_itself_is_not_changed() -> None:
    motion, other = moving(), moving()
    with_amounts(motion, FaceAmounts(0.0, 0.0, 0.0, 2.0, 0.0, 0.0))
    np.testing.assert_array_equal(motion.expression, other.expression)
    np.testing.assert_array_equal(motion.blinks, other.blinks)


def test_tracks_that_are_not_there_stay_away() -> None:
    motion = dataclasses.replace(WITHOUT_BLINKS, head=None, eyes=None)
    scaled = with_amounts(motion, FaceAmounts(head=2.0, gaze=2.0, blinks=2.0))
    assert scaled.head is None and scaled.eyes is None and scaled.blinks is None


def test_flame_directions_share_out_lips_and_upper_face() -> None:
    motion = moving(FLAME_2020, flame_expression_names(3))
    mouth = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.5, 0.25]], np.float32)
    scaled = with_amounts(motion, FaceAmounts(lips=0.5, upper_face=2.0), mouth)
    wanted = 0.5 * motion.expression @ mouth.T + 2.0 * motion.expression @ (np.eye(3) - mouth).T
    np.testing.assert_allclose(scaled.expression, wanted, rtol=1e-5)
    unknown = with_amounts(motion, FaceAmounts(lips=0.0, upper_face=2.0))
    np.testing.assert_allclose(unknown.expression, motion.expression, rtol=1e-6)
    np.testing.assert_array_equal(unknown.blinks, motion.blinks)


@pytest.mark.parametrize("down, left", [(-6.0, 0.0), (8.0, 0.0), (0.0, 10.0), (0.0, -10.0), (5.0, -5.0), (-4.0, 9.0)])
def test_eyes_of_shapes_look_where_eyes_of_bones_look(down: float, left: float) -> None:
    """The front of each eye of the default head lies within 0.6 mm of where its bone takes it."""
    head = read_head(DEFAULT_HEAD)
    turned = np.radians(np.float32([[[down, left, 0]] * 2]))
    nothing = np.zeros((1, 0), np.float32)
    by_bones = FaceMotion(nothing, np.zeros((1, 3), np.float32), (), ARKIT, 25.0, eyes=turned)
    by_shapes = gaze_as_shapes(by_bones)
    assert by_shapes.eyes is None and by_shapes.expression.min() >= 0 and by_shapes.expression.max() <= 1
    bones, shapes = posed_motion(head, by_bones)[0], posed_motion(head, by_shapes)[0]
    for joint in ("left_eye", "right_eye"):
        of_eye = np.flatnonzero(head.weights[:, FLAME_JOINTS.index(joint)] > 0.9)
        front = of_eye[head.template[of_eye, 2].argmax()]
        assert np.linalg.norm(bones[front] - head.template[front]) > 1e-3
        assert np.linalg.norm(bones[front, :2] - shapes[front, :2]) < 0.6e-3


def test_a_face_without_gaze_keeps_its_shapes() -> None:
    motion = dataclasses.replace(WITHOUT_BLINKS, eyes=None)
    assert gaze_as_shapes(motion) is motion
