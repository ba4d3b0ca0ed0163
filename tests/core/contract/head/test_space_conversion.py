"""Do motions play on another head as they do on their own, and is what is lost told rightly?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from understudy.core.contract import ARKIT, FLAME_2020, FLAME_2023, BadRequest, FaceMotion
from understudy.core.contract.head import DEFAULT_HEAD, HeadModel, posed_motion, read_head
from understudy.core.contract.head.face_geometry import face_geometry, face_region
from understudy.core.contract.head.lip_line import lip_line
from understudy.core.contract.head.space_conversion import SpaceConversion, fit_conversion
from understudy.tests.core.contract.head.other_heads import OtherHead, other_head

FRAMES = 60
NOT_SKIN = ("eyeLook", "tongue")


@pytest.fixture(scope="module")
def ours() -> HeadModel:
    return read_head(DEFAULT_HEAD)


@pytest.fixture(scope="module")
def theirs(ours: HeadModel) -> OtherHead:
    """A head that can do all that ours can."""
    return other_head(ours)


@pytest.fixture(scope="module")
def to_theirs(ours: HeadModel, theirs: OtherHead) -> SpaceConversion:
    return fit_conversion(face_geometry(ours), face_geometry(theirs.model))


@pytest.fixture(scope="module")
def to_ours(ours: HeadModel, theirs: OtherHead) -> SpaceConversion:
    return fit_conversion(face_geometry(theirs.model), face_geometry(ours))


@pytest.fixture(scope="module")
def motion(ours: HeadModel) -> FaceMotion:
    """All shapes of the skin come and go, a fifth of them at a time."""
    dice = np.random.default_rng(4)
    knots = np.clip(dice.normal(-0.4, 0.5, (FRAMES // 10 + 2, len(ours.expression_names))), 0, 1)
    knots[:, [name.startswith(NOT_SKIN) for name in ours.expression_names]] = 0
    times = np.arange(FRAMES) / 10
    expression = np.stack([np.interp(times, np.arange(len(knots)), column) for column in knots.T], axis=1).astype(np.float32)
    head = dice.normal(0, 0.1, (FRAMES, 3)).astype(np.float32)
    return FaceMotion(expression, np.zeros((FRAMES, 3), np.float32), ours.expression_names, ARKIT, 25.0, head=head)


def test_a_head_converted_to_itself_stays_as_it_is(ours: HeadModel, motion: FaceMotion) -> None:
    conversion = fit_conversion(face_geometry(ours), face_geometry(ours))
    converted, error = conversion.convert_measured(motion)
    assert conversion.surface_mm < 1e-3 and error.moved_mm > 1
    assert error.rms_mm < 0.06 and error.lips_mm < 0.03  # measured: 0.03 and 0.003
    shown = posed_motion(ours, replace(converted, head=None)) - posed_motion(ours, replace(motion, head=None))
    assert np.sqrt((shown**2).sum(2).mean()) < 0.0002
    assert np.abs(converted.expression - kept(motion, converted.expression_names)).mean() < 0.01


def test_our_motion_moves_another_head_as_it_should(
    ours: HeadModel, theirs: OtherHead, to_theirs: SpaceConversion, motion: FaceMotion
) -> None:
    converted, error = to_theirs.convert_measured(motion)
    assert (converted.space, converted.expression_names) == (FLAME_2020, theirs.model.expression_names)
    assert to_theirs.surface_mm < 0.3
    # Against the truth, which the fit has never seen. Measured: 0.40 of 3.0 mm, where the fit says 0.30
    wanted = theirs.should_be(posed_motion(ours, replace(motion, head=None)))
    shown = posed_motion(theirs.model, replace(converted, head=None))
    truth = rms_mm(wanted - shown, face_weights(theirs.model))
    assert truth < 0.6 < rms_mm(wanted - theirs.model.template, face_weights(theirs.model))
    assert error.rms_mm < 0.35 and error.lips_mm < 0.15
    assert openings(theirs.model, shown) == pytest.approx(openings(theirs.model, wanted), abs=0.0015)
    np.testing.assert_array_equal(converted.head, motion.head)


def test_our_open_mouth_becomes_a_turn_of_their_jaw(to_theirs: SpaceConversion, ours: HeadModel) -> None:
    opened = shapes(ours, {"jawOpen": np.linspace(0, 1, 11)})
    converted = to_theirs.convert(opened)
    degrees = np.degrees(converted.jaw)
    # The shape is 24.4 degrees of the joint, on either head
    np.testing.assert_allclose(degrees[:, 0], 24.4 * np.linspace(0, 1, 11), atol=2.5)
    assert np.abs(degrees[:, 1:]).max() < 1
    assert (np.diff(degrees[:, 0]) > 0).all()


def test_there_and_back_is_nearly_the_same(to_theirs: SpaceConversion, to_ours: SpaceConversion, motion: FaceMotion) -> None:
    back, error = to_ours.convert_measured(to_theirs.convert(motion))
    assert error.rms_mm < 0.35 and error.lips_mm < 0.1  # measured: 0.21 and 0.03 of 2.0
    assert np.abs(back.expression - kept(motion, back.expression_names)).mean() < 0.03
    assert not back.jaw.any()


def test_arkit_coefficients_stay_within_0_and_1_and_eyes_and_tongue_are_left_alone(to_ours: SpaceConversion, theirs: OtherHead) -> None:
    dice = np.random.default_rng(5)
    count = len(theirs.model.expression_names)
    jaw = np.radians(np.column_stack([dice.uniform(-5, 30, FRAMES), dice.normal(0, 3, (FRAMES, 2))])).astype(np.float32)
    wild = FaceMotion(dice.normal(0, 2, (FRAMES, count)).astype(np.float32), jaw, theirs.model.expression_names, FLAME_2020, 25.0)
    converted, error = to_ours.convert_measured(wild)
    assert converted.expression.min() >= 0 and converted.expression.max() <= 1
    assert not [name for name in converted.expression_names if name.startswith(NOT_SKIN)]
    assert 0 < error.rms_mm < error.moved_mm


def test_fewer_directions_lose_more_and_say_so(ours: HeadModel, to_theirs: SpaceConversion, motion: FaceMotion) -> None:
    poor = fit_conversion(face_geometry(ours), face_geometry(other_head(ours, directions=8).model))
    _, rich_error = to_theirs.convert_measured(motion)
    _, poor_error = poor.convert_measured(motion)
    assert poor_error.rms_mm > 2 * rich_error.rms_mm


def test_one_release_of_flame_plays_on_another(theirs: OtherHead, ours: HeadModel, to_theirs: SpaceConversion, motion: FaceMotion) -> None:
    newer = other_head(ours, space=FLAME_2023, seed=9)
    conversion = fit_conversion(face_geometry(theirs.model), face_geometry(newer.model))
    flame = to_theirs.convert(motion)
    converted, error = conversion.convert_measured(flame)
    assert converted.space == FLAME_2023 and error.rms_mm < 0.2 and error.lips_mm < 0.1
    np.testing.assert_allclose(np.degrees(converted.jaw[:, 0]), np.degrees(flame.jaw[:, 0]), atol=1.0)


def test_a_head_without_the_inside_of_a_mouth_will_do(ours: HeadModel, theirs: OtherHead, motion: FaceMotion) -> None:
    places = theirs.merging @ ours.template
    inside = (np.abs(places - (0, 0.022, 0.08)) < (0.03, 0.025, 0.033)).all(1)
    model, kept_faces = theirs.model, ~inside[theirs.model.faces].any(1)
    outside = face_geometry(replace(model, faces=model.faces[kept_faces], material=model.material[kept_faces]))
    assert inside.sum() > 100
    there = fit_conversion(face_geometry(ours), outside)
    converted, error = there.convert_measured(motion)
    back, back_error = fit_conversion(outside, face_geometry(ours)).convert_measured(converted)
    # Measured: 0.3 and 0.05 mm there, 0.4 and 0.05 mm back
    assert error.rms_mm < 0.45 and error.lips_mm < 0.15 and back_error.rms_mm < 0.6 and back_error.lips_mm < 0.15
    assert np.abs(back.expression - kept(motion, back.expression_names)).mean() < 0.03


def test_size_and_place_of_a_head_do_not_matter(
    ours: HeadModel, theirs: OtherHead, motion: FaceMotion, to_theirs: SpaceConversion, to_ours: SpaceConversion
) -> None:
    geometry, away = face_geometry(theirs.model), np.float32([3, -2, 20])
    ten_times = replace(
        geometry,
        neutral=10 * geometry.neutral + away,
        expressions=10 * geometry.expressions,
        jaw_keys=10 * geometry.jaw_keys,
        eyes=10 * geometry.eyes + away,
    )
    converted = fit_conversion(face_geometry(ours), ten_times).convert(motion)
    np.testing.assert_allclose(converted.expression, to_theirs.convert(motion).expression, atol=0.05)
    back = fit_conversion(ten_times, face_geometry(ours)).convert(converted)
    np.testing.assert_allclose(back.expression, to_ours.convert(converted).expression, atol=0.05)


def test_a_motion_of_some_shapes_is_one_whose_others_are_zero(to_theirs: SpaceConversion, ours: HeadModel) -> None:
    few = shapes(ours, {"mouthSmileLeft": np.linspace(0, 1, 5)})
    alone = replace(
        few, expression=few.expression[:, [ours.expression_names.index("mouthSmileLeft")]], expression_names=("mouthSmileLeft",)
    )
    np.testing.assert_array_equal(to_theirs.convert(few).expression, to_theirs.convert(alone).expression)


def test_long_motions_are_converted_in_pieces_and_alike(to_theirs: SpaceConversion, motion: FaceMotion) -> None:
    many = replace(
        motion, expression=np.tile(motion.expression, (20, 1)), jaw=np.tile(motion.jaw, (20, 1)), head=np.tile(motion.head, (20, 1))
    )
    np.testing.assert_allclose(to_theirs.convert(many).expression[-FRAMES:], to_theirs.convert(motion).expression, atol=1e-4)


def test_a_motion_of_another_space_is_refused(to_theirs: SpaceConversion, motion: FaceMotion) -> None:
    with pytest.raises(BadRequest, match=f"{FLAME_2023}.*{ARKIT}"):
        to_theirs.convert(replace(motion, space=FLAME_2023))
    with pytest.raises(BadRequest, match="no Brow"):
        to_theirs.convert(replace(motion, expression_names=("Brow", *motion.expression_names[1:])))


def test_the_lip_line_runs_between_the_lips(ours: HeadModel) -> None:
    face = face_geometry(ours)
    lips = lip_line(face)
    assert lips is not None and len(lips.points) > 8
    # The mouth of the default head is 0.022 m above its neck joint, in front
    assert np.abs(lips.points[:, 1] - 0.022).max() < 0.002 and lips.points[:, 2].min() > 0.11
    assert np.abs(lips.points[lips.middle, 0]) < 0.002
    assert np.ptp(lips.points[:, 0]) > 0.025


def test_a_face_whose_jaw_moves_nothing_has_no_lip_line_and_is_converted_all_the_same(ours: HeadModel, motion: FaceMotion) -> None:
    face = face_geometry(ours)
    stiff = replace(face, jaw_weights=np.zeros_like(face.jaw_weights), jaw_keys=np.zeros_like(face.jaw_keys), space=FLAME_2020)
    assert lip_line(stiff) is None
    _, error = fit_conversion(face, stiff).convert_measured(motion)
    assert error.rms_mm < 0.6 and error.lips_mm == 0  # where lips are not told apart, some points are taken for the other lip's


def test_skin_is_neither_eyeball_nor_teeth(ours: HeadModel) -> None:
    face = face_geometry(ours)
    assert len(face.neutral) < len(ours.template) and face.triangles.max() == len(face.neutral) - 1
    behind = face_region(face, 1.7)
    assert len(behind.neutral) < len(face.neutral)


def shapes(head: HeadModel, values: dict[str, np.ndarray]) -> FaceMotion:
    frames = len(next(iter(values.values())))
    expression = np.zeros((frames, len(head.expression_names)), np.float32)
    for name, curve in values.items():
        expression[:, head.expression_names.index(name)] = curve
    return FaceMotion(expression, np.zeros((frames, 3), np.float32), head.expression_names, head.space, 25.0)


def kept(motion: FaceMotion, names: tuple[str, ...]) -> np.ndarray:
    return motion.expression[:, [motion.expression_names.index(name) for name in names]]


def face_weights(head: HeadModel) -> np.ndarray:
    """(V,) one for what lies in the face, by distance from the nose."""
    face = face_geometry(head)
    centre, unit = face.eyes.mean(0) - np.array([0, 0.03, 0]), np.linalg.norm(face.eyes[0] - face.eyes[1])
    return np.asarray((np.linalg.norm(head.template - centre, axis=1) < 1.5 * unit) & (head.weights[:, 3:].max(1) < 0.5), float)


def rms_mm(offsets: np.ndarray, weights: np.ndarray) -> float:
    return float(1000 * np.sqrt(((offsets**2).sum(2) @ weights).mean() / weights.sum()))


def openings(head: HeadModel, points: np.ndarray) -> np.ndarray:
    """(T,) metres between the lips' middles."""
    lips = lip_line(face_geometry(replace(head, weights=np.clip(head.weights, 0, 1))))
    assert lips is not None
    kept_vertices = np.unique(head.faces[(head.weights[:, 3:].max(1) < 0.5)[head.faces].all(1)])
    upper, lower = kept_vertices[lips.upper[lips.middle]], kept_vertices[lips.lower[lips.middle]]
    return np.asarray(np.linalg.norm(points[:, upper] - points[:, lower], axis=1))
