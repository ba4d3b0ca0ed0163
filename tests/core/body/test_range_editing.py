"""Is a range of a motion made anew, and all else kept, whatever the model's features and the motion's rate are?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from understudy.core.body.edit_window import EditWindow
from understudy.core.body.foot_hold import hold_feet
from understudy.core.body.humanml3d import HUMANML3D, KIT_ML
from understudy.core.body.motion_pose import MotionPose
from understudy.core.body.range_editing import edited
from understudy.core.body.splicing import spliced
from understudy.core.checkpoints import BodyConfigs
from understudy.core.contract import LOWER_BODY_JOINTS, BadRequest, BodyMotion, BodyRequest, MotionEdit, Recipe
from understudy.core.geometry.rotations import quaternion_about_y, quaternion_from_rotation_vector, quaternion_multiply, rotate
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.tests.core.body.small_pipelines import own_pipeline, pipeline_of

PIPELINES = {"own": own_pipeline, "HumanML3D": lambda each: pipeline_of(each, HUMANML3D), "KIT-ML": lambda each: pipeline_of(each, KIT_ML)}
FIELDS = ("translation", "rotations", "contacts")


def wander(seconds: float = 5.0, fps: float = 20.0, seed: int = 0, speed: float = 1.0, turning: float = 0.3) -> BodyMotion:
    """A body that goes a curved way while all its joints swing a little."""
    random, time = np.random.default_rng(seed), np.arange(round(seconds * fps) + 1) / fps
    swing = 0.25 * np.sin(2 * np.pi * (time[:, None, None] * 0.7 + random.uniform(size=(22, 3)))) * random.normal(size=(22, 3))
    swing[:, 0] *= 0.3
    angle = turning * time
    turned = quaternion_from_rotation_vector(torch.from_numpy(swing))
    turned[:, 0] = quaternion_multiply(quaternion_about_y(torch.from_numpy(angle)), turned[:, 0])
    steps = speed / fps * np.stack((np.sin(angle), 0 * angle, np.cos(angle)), axis=-1)
    return BodyMotion(
        (np.cumsum(steps, axis=0) + np.array((0.0, 0.94, 0.0))).astype(np.float32), turned.float().numpy(), np.zeros((len(time), 4), np.float32),
        REST_SKELETON.names, REST_SKELETON.parents, REST_SKELETON.offsets.float().numpy(), fps, Recipe(text="wander", seed=seed),
    )  # fmt: skip


def redone(configs: BodyConfigs, edit: MotionEdit, model: str = "own", **wishes: object) -> list[BodyMotion]:
    request = dataclasses.replace(BodyRequest(1, "a person bows", seed=5, steps=2, edit=edit), **wishes)  # type: ignore[arg-type]
    request.validate()
    return edited(PIPELINES[model](configs), request, edit, Recipe(model="tiny"), lambda *_: None)[0]


def kept_rows(edit: MotionEdit) -> np.ndarray:
    frames = np.arange(len(edit.motion.translation))
    return (frames < edit.first_frame) | (frames >= edit.end_frame)


@pytest.mark.parametrize("model", PIPELINES)
@pytest.mark.parametrize(("fps", "start", "end"), [(20.0, 2.0, 3.0), (30.0, 1.234, 3.21), (24000 / 1001, 0.0, 1.0), (12.5, 4.0, 5.08), (60.0, 0.1, 0.3)])
def test_outside_of_the_range_every_bit_is_kept_and_inside_none(
    model: str, fps: float, start: float, end: float, tiny_configs: BodyConfigs
) -> None:
    motion = wander(5.0, fps)
    edit = MotionEdit(motion, start, min(end, len(motion.translation) / fps))
    (made,) = redone(tiny_configs, edit, model)
    rows = kept_rows(edit)
    assert 0 < rows.sum() < len(rows) and made.fps == fps
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(made, name)[rows], getattr(motion, name)[rows])
    assert (np.abs(made.rotations[~rows] - motion.rotations[~rows]).max(-1) > 1e-6).any(1).all()
    assert np.isfinite(made.rotations).all() and np.isfinite(made.translation).all()
    np.testing.assert_allclose(np.linalg.norm(made.rotations, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("model", PIPELINES)
def test_of_the_upper_body_legs_and_path_are_kept_too(model: str, tiny_configs: BodyConfigs) -> None:
    edit = MotionEdit(wander(), 2.0, 3.0, upper_body=True)
    (made,) = redone(tiny_configs, edit, model)
    names = REST_SKELETON.names
    lower = [names.index(name) for name in LOWER_BODY_JOINTS]
    changed = (made.rotations[40:60] != edit.motion.rotations[40:60]).any((0, 2))
    assert {names[joint] for joint in np.flatnonzero(changed)} == set(names) - set(LOWER_BODY_JOINTS)
    np.testing.assert_array_equal(made.rotations[:, lower], edit.motion.rotations[:, lower])
    np.testing.assert_array_equal(made.translation, edit.motion.translation)


def test_a_whole_motion_begins_where_it_began(tiny_configs: BodyConfigs) -> None:
    motion = wander()
    (made,) = redone(tiny_configs, MotionEdit(motion, 0.0, 5.05))
    np.testing.assert_allclose(made.translation[0, [0, 2]], motion.translation[0, [0, 2]], atol=1e-6)


def test_prompt_seed_and_range_count(tiny_configs: BodyConfigs) -> None:
    motion = wander()
    first = redone(tiny_configs, MotionEdit(motion, 2.0, 3.0))[0]
    for other in (redone(tiny_configs, MotionEdit(motion, 2.0, 3.0), seed=6)[0], redone(tiny_configs, MotionEdit(motion, 2.0, 3.5))[0]):
        assert np.abs(first.rotations - other.rotations).max() > 1e-4
    np.testing.assert_array_equal(first.rotations, redone(tiny_configs, MotionEdit(motion, 2.0, 3.0))[0].rotations)


def test_variation_k_is_what_the_next_seed_makes_alone(tiny_configs: BodyConfigs) -> None:
    edit = MotionEdit(wander(), 2.0, 3.0)
    together = redone(tiny_configs, edit, variations=3)
    for k, motion in enumerate(together):
        np.testing.assert_allclose(motion.rotations, redone(tiny_configs, edit, seed=5 + k)[0].rotations, atol=1e-4)
        assert (motion.recipe.seed, motion.recipe.variation) == (5 + k, k)


def test_the_recipe_tells_the_range_and_what_was_before(tiny_configs: BodyConfigs) -> None:
    edit = MotionEdit(wander(fps=30.0), 2.01, 3.0)
    recipe = redone(tiny_configs, edit)[0].recipe
    assert (recipe.text, recipe.start_s, recipe.end_s, recipe.seconds) == ("a person bows", pytest.approx(61 / 30, abs=1e-6), 3.0, 5.0)
    assert Recipe.from_json(recipe.source) == edit.motion.recipe


def test_steps_share_the_range_and_too_many_are_told(tiny_configs: BodyConfigs) -> None:
    edit = MotionEdit(wander(), 2.0, 2.4)
    redone(tiny_configs, edit, text="a person bows, then waves")
    with pytest.raises(BadRequest, match="3 steps, and what is made of it lasts only 0.4 s"):
        redone(tiny_configs, edit, text="a person bows, then waves, then jumps")


@pytest.mark.parametrize(("fps", "start", "end", "kept"), [
    (20.0, 2.0, 3.0, (10, 5, 10)), (20.0, 0.0, 1.0, (0, 5, 10)), (20.0, 4.3, 5.05, (10, 4, 0)), (20.0, 0.35, 0.55, (1, 1, 10)), (30.0, 1.0, 2.1, (5, 6, 10)),
])  # fmt: skip
def test_the_networks_see_two_seconds_on_either_side(fps: float, start: float, end: float, kept: tuple[int, int, int]) -> None:
    window = EditWindow.around(MotionEdit(wander(5.0, fps), start, end), 20.0)
    before, made, after = kept
    assert window.kept.tolist() == [True] * before + [False] * made + [True] * after
    assert window.begin + 0.2 * before == pytest.approx(window.edit.first_frame / fps)
    assert len(window.source.translation) == 4 * len(window.kept) + 1


def test_what_stands_on_a_stage_is_seen_on_the_floor() -> None:
    low, high = (EditWindow.around(MotionEdit(each, 2.0, 3.0), 20.0) for each in (wander(), wander().lifted(1.5)))
    assert low.floor == 0.0 and abs(high.floor - 1.5) < 0.15
    assert abs(float(MotionPose.of(high.source).positions[..., 1].min())) < 1e-5


def test_made_on_a_stage_it_stays_there(tiny_configs: BodyConfigs) -> None:
    made = redone(tiny_configs, MotionEdit(wander().lifted(1.5), 2.0, 3.0))[0]
    assert made.translation[40:60, 1].min() > 2.2 and made.translation[40:60, 1].max() < 2.7


def test_a_motion_of_another_body_is_refused() -> None:
    motion = wander()
    longer = dataclasses.replace(motion, offsets=motion.offsets * np.float32(1.1))
    fewer = dataclasses.replace(motion, joint_names=("hips", *motion.joint_names[1:]))
    for other, sentence in ((longer, "up to 4[0-9] mm elsewhere"), (fewer, "22 joints, and not SMPL's")):
        with pytest.raises(BadRequest, match=sentence):
            EditWindow.around(MotionEdit(other, 2.0, 3.0), 20.0)


def accelerations(motion: BodyMotion) -> np.ndarray:
    """(T - 2,) the largest of all joints, metres a frame squared."""
    return np.asarray(MotionPose.of(motion).positions.diff(n=2, dim=0).norm(dim=-1).amax(-1))


@pytest.mark.parametrize("wish", ["stays", "carries_rest", "upper_body"])
@pytest.mark.parametrize(("first", "end"), [(40, 64), (40, 44), (0, 30), (70, 101), (1, 20), (80, 100)])
def test_nothing_jumps_at_the_seams(first: int, end: int, wish: str) -> None:
    motion, other = wander(), wander(seed=3, speed=1.3, turning=0.1)
    edit = MotionEdit(motion, first / 20, end / 20, **({} if wish == "stays" else {wish: True}))
    made = spliced(edit, other, 0.0, 0.0).motion
    at_borders = [k - 1 for k in (first - 1, first, end - 1, end) if 1 <= k < 100]
    own = max(accelerations(motion).max(), accelerations(other).max())
    assert accelerations(made)[at_borders].max() < (2 if end - first > 4 else 8) * own


def test_the_path_is_bent_to_meet_the_rest_and_what_was_missing_is_told() -> None:
    motion, other = wander(speed=1.0, turning=0.0), wander(speed=0.0, turning=0.5)
    cut = spliced(MotionEdit(motion, 2.0, 3.0), other, 0.0, 0.0)
    assert cut.missed_metres == pytest.approx(1.05, abs=0.02)
    assert cut.missed_radians == pytest.approx(0.525, abs=0.02)
    steps = np.linalg.norm(np.diff(cut.motion.translation[38:62], axis=0), axis=-1)
    assert steps.max() < 0.12


def test_carried_along_the_rest_goes_on_as_a_whole_from_where_the_new_part_leads() -> None:
    motion, other = wander(), wander(seed=3, turning=1.5)
    made = spliced(MotionEdit(motion, 2.0, 3.0, carries_rest=True), other, 0.0, 0.0).motion
    np.testing.assert_array_equal(made.rotations[60:, 1:], motion.rotations[60:, 1:])
    np.testing.assert_array_equal(made.translation[60:, 1], motion.translation[60:, 1])
    turn = quaternion_multiply(torch.from_numpy(made.rotations[60:, 0]), torch.from_numpy(motion.rotations[60:, 0]) * torch.tensor([1.0, -1, -1, -1]))
    assert float((turn - turn[0]).norm(dim=-1).amax()) < 1e-5 and float(turn[0, [1, 3]].norm()) < 1e-5
    way, old = (torch.from_numpy(each.translation[60:] - each.translation[60]) for each in (made, motion))
    np.testing.assert_allclose(way, rotate(turn[0], old), atol=1e-5)
    assert np.abs(made.translation[60:] - motion.translation[60:]).max() > 0.2


def test_signs_of_new_quaternions_follow_those_before_or_after() -> None:
    motion, other = wander(), wander(seed=3)
    negative = dataclasses.replace(motion, rotations=-motion.rotations)
    for first, end, beside in ((40, 60, (39, 40)), (0, 20, (19, 20))):
        made = spliced(MotionEdit(negative, first / 20, end / 20), other, 0.0, 0.0).motion
        assert ((made.rotations[beside[0]] * made.rotations[beside[1]]).sum(-1) > 0).all()


def test_feet_that_stand_in_the_range_are_held_and_all_else_is_kept() -> None:
    """The body is shifted by ten centimetres while both feet stand."""
    motion = wander(speed=0.0, turning=0.0)
    rotations = np.tile(np.array((1.0, 0, 0, 0), np.float32), (101, 22, 1))
    share = np.clip((np.arange(101) - 40) / 20, 0, 1)
    drifting = dataclasses.replace(
        motion, rotations=rotations, contacts=np.ones((101, 4), np.float32),
        translation=np.stack((0 * share, 0 * share + 0.94, 0.1 * share * share * (3 - 2 * share)), axis=-1).astype(np.float32),
    )  # fmt: skip
    held = hold_feet(drifting, 40, 60, 0.0)
    rows = np.r_[0:40, 60:101]
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(held, name)[rows], getattr(drifting, name)[rows])
    np.testing.assert_array_equal(held.translation, drifting.translation)
    foot = REST_SKELETON.index("left_foot")
    before, after = (MotionPose.of(each).positions[40:60, foot, 2] for each in (drifting, held))
    # Held at both ends it can only go from the one place to the other: more evenly than the body does
    assert float(after.diff().abs().max()) < 0.75 * float(before.diff().abs().max())


def test_a_stance_that_begins_before_the_range_is_held_where_it_is_there() -> None:
    motion = wander(speed=0.0, turning=0.0)
    rotations = np.tile(np.array((1.0, 0, 0, 0), np.float32), (101, 22, 1))
    drift = np.clip((np.arange(101) - 40) * 0.004, 0, 0.1)
    drifting = dataclasses.replace(
        motion, rotations=rotations, contacts=np.ones((101, 4), np.float32),
        translation=np.stack((0 * drift, 0 * drift + 0.94, drift), axis=-1).astype(np.float32),
    )  # fmt: skip
    foot = REST_SKELETON.index("right_foot")
    held = MotionPose.of(hold_feet(drifting, 40, 101, 0.0)).positions[:, foot, 2]
    assert float((held[40:60] - held[39]).abs().max()) < 0.005
