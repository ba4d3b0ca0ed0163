"""Does the picture of a head show what is nearest, from where it is looked at, and nothing else?"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from understudy.core.contract.head import HeadModel
from understudy.core.training import head_picture
from understudy.core.training.head_picture import COLOURS, expression_of, picture

SIZE = 60


@pytest.fixture
def screens() -> HeadModel:
    """A skin-coloured square a metre wide, and before it, towards whoever looks from the front, a small one of teeth at its upper left."""
    big = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    small = big * 0.2 + (0.25, 0.25, 0.1)
    vertices = np.concatenate([big, small]).astype(np.float32)
    nothing = np.zeros((8, 3, 0), np.float32)
    return HeadModel(
        "arkit", ("browDownLeft", "browDownRight", "jawOpen"), vertices, nothing, np.zeros((8, 3, 3), np.float32), np.zeros((8, 3, 36), np.float32),
        np.full((5, 8), 1 / 8, np.float32), np.full((8, 5), 0.2, np.float32), np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32),
        np.array([0, 1], np.uint8), ("skin", "teeth"),
    )  # fmt: skip


def hue(pixel: np.ndarray, material: str) -> bool:
    colour = np.array(COLOURS[material])
    return bool(np.allclose(pixel / pixel.max(), colour / colour.max(), atol=0.02))


def test_what_is_nearer_hides_what_is_behind(screens: HeadModel) -> None:
    seen = picture(screens, screens.template, 0.0, SIZE, SIZE)
    assert seen.shape == (SIZE, SIZE, 3) and hue(seen[SIZE // 2, SIZE // 3], "skin")
    assert hue(seen[SIZE // 4, SIZE * 3 // 4], "teeth")  # the face's left is to the right for whoever looks at it
    assert hue(seen[SIZE * 3 // 4, SIZE * 3 // 4], "skin") and hue(seen[SIZE // 4, SIZE // 4], "skin")


def test_around_it_is_white(screens: HeadModel) -> None:
    seen = picture(screens, screens.template, 0.0, SIZE, SIZE)
    assert (seen[0] == 1).all() and (seen[:, 0] == 1).all()


def test_from_the_face_s_left_things_in_front_go_to_the_left(screens: HeadModel) -> None:
    front, side = (
        np.array([hue(pixel, "teeth") for row in picture(screens, screens.template, degrees, SIZE, SIZE) for pixel in row])
        for degrees in (0.0, 40.0)
    )
    middle = [float(np.nonzero(each.reshape(SIZE, SIZE))[1].mean()) for each in (front, side)]
    assert middle[1] < middle[0] - 5


def test_backs_are_not_drawn(screens: HeadModel) -> None:
    assert (picture(screens, screens.template, 180.0, SIZE, SIZE) == 1).all()


def test_triangles_are_drawn_as_quads_are(screens: HeadModel) -> None:
    triangles = np.concatenate([screens.faces[:, :3], screens.faces[:, [0, 2, 3]]])
    cut = dataclasses.replace(screens, faces=triangles, material=np.array([0, 1, 0, 1], np.uint8))
    np.testing.assert_array_equal(picture(cut, cut.template, 10.0, SIZE, SIZE), picture(screens, screens.template, 10.0, SIZE, SIZE))


def test_a_name_stands_for_both_sides(screens: HeadModel) -> None:
    assert expression_of(screens, {"browDown": 0.5, "jawOpen": 1.0}).tolist() == [[0.5, 0.5, 1.0]]
    assert expression_of(screens, {"browDownLeft": 0.5}).tolist() == [[0.5, 0.0, 0.0]]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert head_picture.main([]) == 2 and "usage" in capsys.readouterr().err
    (tmp_path / "other.npz").write_bytes(b"<html>")
    assert head_picture.main([str(tmp_path / "other.npz"), str(tmp_path / "out.png")]) == 1
    assert "not a FLAME model" in capsys.readouterr().err
