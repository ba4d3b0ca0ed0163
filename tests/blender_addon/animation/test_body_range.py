"""Keys of a body, read back as a motion and replaced in a range: what comes back is what was written, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mathutils import Euler

from understudy.blender_addon.animation import body, curves
from understudy.blender_addon.animation.body_range import KeyRange, ReadKeys, read_keys, write_keys
from understudy.blender_addon.animation.rig import RigError
from understudy.blender_addon.animation.slices import in_one_go
from understudy.core.contract import BodyMotion, MotionEdit
from understudy.tests.blender_addon.animation import sample_rigs
from understudy.tests.blender_addon.animation.sample_motions import JOINTS, REST, random_motion, walk
from understudy.tests.blender_addon.animation.sample_rigs import build_rig, rig_with_extra_bones, smpl_bones

QUARTER_TURNS = st.tuples(*(st.sampled_from((0, 90, 180, 270)) for _ in range(3)))
FPS = 20.0
EVERYTHING = curves.KEY_PROPERTIES


def read(armature: bpy.types.Object, first: int = -9999, last: int = 9999, fps: float = FPS) -> ReadKeys:
    return in_one_go(read_keys(KeyRange(armature.name, first, last, fps)))


def apart(a: BodyMotion, b: BodyMotion) -> tuple[float, float]:
    """Largest angle in radians between local rotations, and metres between roots."""
    dots = np.abs((a.rotations.astype(np.float64) * b.rotations).sum(-1)).clip(0, 1)
    sines = np.linalg.norm(a.rotations.astype(np.float64) - b.rotations * np.sign((a.rotations * b.rotations).sum(-1))[..., None], axis=-1)
    assert dots.min() > 0.9
    return float(2 * sines.max()), float(np.abs(a.translation - b.translation).max())


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(1, 5),
    angle=st.floats(0.0, 3.0),
    turn=QUARTER_TURNS,
    units=st.sampled_from((0.01, 1.0, 39.37, 100.0)),
    arms=st.sampled_from((0.0, 0.6)),
    place=st.tuples(*(st.floats(-10, 10) for _ in range(6))),
)
def test_what_is_written_is_read_back_on_any_rig(
    seed: int, frames: int, angle: float, turn: tuple[int, int, int], units: float, arms: float, place: tuple[float, ...]
) -> None:
    """Any axes, rolls, units, T- and A-poses; where the object stands does not matter."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rest = REST
    for side, sign in (("left", -1), ("right", 1)):
        limb = tuple(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist"))
        rest = sample_rigs.turned_limb(rest, limb, sign * arms)
    axes = np.round(np.array(Euler(np.radians(turn)).to_matrix()))
    armature = build_rig(smpl_bones(units * rest @ axes.T, sample_rigs.smpl_name), seed=seed)
    armature.location, armature.rotation_euler, armature.scale = place[:3], place[3:], (2.0, 2.0, 2.0)
    motion = random_motion(frames, FPS, seed, angle)
    body.key_motion_now(armature.name, motion, 7, FPS)
    found = read(armature)
    assert (found.start, len(found.motion.translation)) == (7, frames)
    radians, metres = apart(found.motion, motion)
    assert radians < 1e-4 and metres < 1e-4


def test_bones_between_the_joints_do_not_matter() -> None:
    armature = rig_with_extra_bones(sample_rigs.blender_rest())
    motion = random_motion()
    body.key_motion_now(armature.name, motion, 1, FPS)
    assert max(apart(read(armature).motion, motion)) < 1e-4


def test_keys_at_another_rate_are_read_at_the_scene_s(character: bpy.types.Object) -> None:
    motion = random_motion(20, 20.0)
    body.key_motion_now(character.name, motion, 1, 30.0)
    found = read(character, fps=30.0)
    assert max(apart(found.motion, motion.resampled(30.0))) < 1e-4


def test_changes_by_hand_are_read(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(), 1, FPS)
    before = read(character).motion
    path = 'pose.bones["left_elbow"].rotation_quaternion'
    curve = curves.channel_bag(curves.playing_slot(character)).fcurves.find(path, index=3)
    curve.keyframe_points[10].co.y += 0.5
    curve.update()
    after = read(character).motion
    changed = np.abs(after.rotations - before.rotations).max((0, 2)) > 1e-3
    assert [JOINTS[joint] for joint in np.flatnonzero(changed)] == ["left_elbow"]


def all_keys(armature: bpy.types.Object) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    bag = curves.channel_bag(curves.playing_slot(armature))
    return {
        (curve.data_path, curve.array_index): {name: curves.key_property(curve.keyframe_points, name) for name in EVERYTHING}
        for curve in bag.fcurves
    }


def made_anew(found: ReadKeys, seed: int = 5, **wishes: bool) -> tuple[MotionEdit, BodyMotion]:
    """The range of another motion, set in without care for the seams."""
    edit = found.edit(wishes.get("upper_body", False), wishes.get("carries_rest", False))
    other = random_motion(len(found.motion.translation), found.motion.fps, seed)
    rotations, translation = found.motion.rotations.copy(), found.motion.translation.copy()
    rows, joints = slice(edit.first_frame, edit.end_frame), list(edit.made_joints)
    rotations[rows, joints] = other.rotations[rows, joints]
    if not edit.upper_body:
        translation[rows] = other.translation[rows]
    return edit, replace(found.motion, rotations=rotations, translation=translation, recipe=other.recipe)


def redo(armature: bpy.types.Object, first: int, last: int, **wishes: bool) -> BodyMotion:
    found = read(armature, first, last)
    edit, motion = made_anew(found, **wishes)
    in_one_go(write_keys(found, edit, (motion,)))
    return motion


def assert_outside_untouched(
    before: dict[tuple[str, int], dict[str, np.ndarray]], after: dict[tuple[str, int], dict[str, np.ndarray]], first: int, last: int
) -> None:
    assert before.keys() == after.keys()
    for curve, keys in before.items():
        old = (keys["co"][:, 0] < first) | (keys["co"][:, 0] > last)
        new = (after[curve]["co"][:, 0] < first) | (after[curve]["co"][:, 0] > last)
        for name in EVERYTHING:
            np.testing.assert_array_equal(keys[name][old], after[curve][name][new], err_msg=f"{curve} {name}")


def hand_made(armature: bpy.types.Object) -> None:
    """What animators do to keys: every interpolation, handles pulled about, keys between frames, few keys."""
    random = np.random.default_rng(3)
    for number, curve in enumerate(curves.channel_bag(curves.playing_slot(armature)).fcurves):
        points = curve.keyframe_points
        points[4].interpolation = ("LINEAR", "CONSTANT", "ELASTIC", "BEZIER")[number % 4]
        points[4].easing, points[4].period, points[4].amplitude, points[4].back = "EASE_OUT", 2.5, 0.7, 1.2
        for key in (points[2], points[25]):
            key.handle_left_type = key.handle_right_type = ("FREE", "VECTOR", "AUTO")[number % 3]
            if key.handle_left_type == "FREE":
                key.handle_left.y += float(random.normal()) * 0.1
        points[6].co.x += 0.25
        points[7].type = "BREAKDOWN"
        if number % 5 == 0:
            points.remove(points[20])
        curve.update()


@pytest.mark.parametrize(("first", "last"), [(10, 18), (1, 9), (20, 30), (11, 11 + 5)])
def test_keys_outside_stay_bit_for_bit_and_those_inside_are_the_new_motion(character: bpy.types.Object, first: int, last: int) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    hand_made(character)
    before = all_keys(character)
    motion = redo(character, first, last)
    assert_outside_untouched(before, all_keys(character), first, last)
    found = read(character, first, last).motion
    rows = slice(first - 1, last)
    assert max(apart(found.cut(rows.start, rows.stop), motion.cut(rows.start, rows.stop))) < 1e-4


def test_after_saving_they_are_still_those(character: bpy.types.Object, tmp_path: Path) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    hand_made(character)
    before, name = all_keys(character), character.name
    redo(character, 10, 18)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert_outside_untouched(before, all_keys(bpy.data.objects[name]), 10, 18)


def test_new_keys_are_one_a_frame_and_marked(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1.5, FPS)
    redo(character, 10, 18)
    for keys in all_keys(character).values():
        inside = (keys["co"][:, 0] >= 10) & (keys["co"][:, 0] <= 18)
        np.testing.assert_array_equal(keys["co"][inside, 0], np.arange(10, 19))
        assert len(set(keys["type"][inside])) == 1


def test_of_the_upper_body_legs_and_path_keep_their_keys(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    before = all_keys(character)
    redo(character, 10, 18, upper_body=True)
    changed = {path.split('"')[1] for (path, index), keys in all_keys(character).items() if not np.array_equal(keys["co"], before[path, index]["co"])}
    assert "left_wrist" in changed and "spine1" in changed
    assert not {name for name in changed if name == "pelvis" or name.split("_")[-1] in ("hip", "knee", "ankle", "foot")}


def test_a_bone_without_keys_gets_some_and_stays_outside_where_it_was(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    bag, path = curves.channel_bag(curves.playing_slot(character)), 'pose.bones["left_wrist"].rotation_quaternion'
    for index in range(4):
        bag.fcurves.remove(bag.fcurves.find(path, index=index))
    character.pose.bones["left_wrist"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    before = read(character).motion
    redo(character, 10, 18)
    after = read(character).motion
    assert np.abs(after.rotations[9:18, JOINTS.index("left_wrist")] - before.rotations[9:18, JOINTS.index("left_wrist")]).max() > 0.01
    for rows in ((0, 9), (18, 30)):
        assert max(apart(before.cut(*rows), after.cut(*rows))) < 1e-4


def test_a_turn_the_other_way_round_does_not_spin_between_two_frames(character: bpy.types.Object) -> None:
    """Where the new part ends a full turn away from the old one, its quaternions have the other sign: between the frames it is held."""
    turns = np.zeros((30, 22, 3))
    turns[:, 0, 1] = np.linspace(0, np.pi / 2, 30)
    from understudy.tests.blender_addon.animation.sample_motions import motion_of

    body.key_motion_now(character.name, motion_of(turns, np.tile((0.0, 0.9, 0.0), (30, 1)), FPS), 1, FPS)
    found = read(character, 10, 18)
    edit = found.edit(False, False)
    turns[9:18, 0, 1] -= np.linspace(0, 2 * np.pi, 9)
    other = motion_of(turns, np.tile((0.0, 0.9, 0.0), (30, 1)), FPS)
    in_one_go(write_keys(found, edit, (other,)))
    assert_no_spin(character, "pelvis", 9, 20)


def assert_no_spin(armature: bpy.types.Object, bone: str, first: int, last: int) -> None:
    """Quaternions of opposite signs meet at nought between their frames."""
    bag, path = curves.channel_bag(curves.playing_slot(armature)), f'pose.bones["{bone}"].rotation_quaternion'
    for frame in np.arange(first, last, 0.25):
        length = sum(bag.fcurves.find(path, index=index).evaluate(frame) ** 2 for index in range(4)) ** 0.5
        assert length > 0.9, frame


@pytest.mark.parametrize(("first", "last"), [(10, 18), (1, 18), (10, 30)])
def test_new_quaternions_have_the_signs_of_the_keys_beside_them(character: bpy.types.Object, first: int, last: int) -> None:
    """Both signs of a quaternion are the same turn, and animators' keys have either."""
    body.key_motion_now(character.name, random_motion(30, angle=0.3), 1, FPS)
    path = 'pose.bones["left_knee"].rotation_quaternion'
    for index in range(4):
        curve = curves.channel_bag(curves.playing_slot(character)).fcurves.find(path, index=index)
        for key in curve.keyframe_points:
            key.co.y = -key.co.y
        curve.update()
    redo(character, first, last)
    assert_no_spin(character, "left_knee", max(1, first - 1), min(30, last + 1))


def carried(found: ReadKeys, edit: MotionEdit, angle: float) -> BodyMotion:
    """The range turned little by little about the way up, and the rest as a whole."""
    motion = found.motion
    share = np.clip((np.arange(len(motion.translation)) - edit.first_frame + 1) / (edit.end_frame - edit.first_frame + 1), 0, 1) * angle
    turn = np.stack((np.cos(share / 2), 0 * share, np.sin(share / 2), 0 * share), axis=-1)
    from understudy.blender_addon.animation import quaternions

    rotations = motion.rotations.copy()
    rotations[:, 0] = quaternions.multiply(turn, rotations[:, 0].astype(np.float64))
    return replace(motion, rotations=rotations, translation=quaternions.rotate(turn, motion.translation.astype(np.float64)).astype(np.float32))


@pytest.mark.parametrize("angle", [0.0, 0.8, -2.5])
def test_what_is_carried_along_keeps_its_keys_and_goes_on_elsewhere(angle: float) -> None:
    armature = build_rig(smpl_bones(100 * sample_rigs.blender_rest()), seed=4)
    body.key_motion_now(armature.name, walk(1.5), 1, FPS)
    frames = {curve: keys["co"][:, 0].copy() for curve, keys in all_keys(armature).items()}
    found = read(armature, 10, 18)
    edit = found.edit(False, True)
    motion = carried(found, edit, angle)
    in_one_go(write_keys(found, edit, (motion,)))
    radians, metres = apart(read(armature).motion, motion)
    assert radians < 1e-3 and metres < 1e-3
    assert all(np.array_equal(frames[curve], keys["co"][:, 0]) for curve, keys in all_keys(armature).items())


def test_pelvis_keys_at_different_frames_cannot_be_carried_round_a_corner(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, walk(1.5), 1, FPS)
    points = curves.channel_bag(curves.playing_slot(character)).fcurves.find('pose.bones["pelvis"].location', index=0).keyframe_points
    points.remove(points[25])
    found = read(character, 10, 18)
    edit, before = found.edit(False, True), all_keys(character)
    with pytest.raises(RigError, match="at other frames"):
        in_one_go(write_keys(found, edit, (carried(found, edit, 1.0),)))
    assert_outside_untouched(before, all_keys(character), 99, 99)
    in_one_go(write_keys(found, edit, (carried(found, edit, 0.0),)))


def test_variations_become_actions_that_are_kept(character: bpy.types.Object) -> None:
    (name,) = body.key_motion_now(character.name, random_motion(30), 1, FPS)
    found = read(character, 10, 18)
    edit, one = made_anew(found, seed=5)
    _, other = made_anew(found, seed=6)
    names = in_one_go(write_keys(found, edit, (one, other)))
    assert names[0] == name == character.animation_data.action.name and len(bpy.data.actions) == 2
    kept = bpy.data.actions[names[1]]
    assert kept.use_fake_user and kept.users == 1
    character.animation_data.action = kept
    if hasattr(kept, "slots"):
        character.animation_data.action_slot = kept.slots[0]
    assert max(apart(read(character).motion, other)) < 1e-4


@pytest.mark.parametrize("n_motions", [1, 2])
def test_a_fault_in_the_middle_leaves_every_key_as_it_was(
    n_motions: int, character: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    hand_made(character)
    bag = curves.channel_bag(curves.playing_slot(character))
    bag.fcurves.remove(bag.fcurves.find('pose.bones["left_hip"].rotation_quaternion', index=0))
    before = all_keys(character)
    written = curves.replace_keys
    calls: list[int] = []

    def failing(*arguments: object) -> Generator[None, None, None]:
        calls.append(1)
        if len(calls) > 50:
            raise MemoryError
        return written(*arguments)  # type: ignore[arg-type]

    found = read(character, 10, 18)
    edit, one = made_anew(found)
    monkeypatch.setattr(curves, "replace_keys", failing)
    with pytest.raises(MemoryError):
        in_one_go(write_keys(found, edit, (one,) * n_motions))
    assert_outside_untouched(before, all_keys(character), 99, 99)
    assert len(bpy.data.actions) == 1


def linked(armature: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "library.blend"
    bpy.data.libraries.write(str(path), {armature.animation_data.action})
    name = armature.animation_data.action.name
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.actions = [name]
    armature.animation_data.action = wanted.actions[0]
    if hasattr(wanted.actions[0], "slots"):
        armature.animation_data.action_slot = wanted.actions[0].slots[0]


def strips(armature: bpy.types.Object, _tmp_path: Path) -> None:
    strip = armature.animation_data.nla_tracks.new().strips.new("below", 1, armature.animation_data.action)
    strip.mute = False


def driven(armature: bpy.types.Object, _tmp_path: Path) -> None:
    armature.pose.bones["left_knee"].driver_add("rotation_quaternion", 1)


REFUSED: dict[str, tuple[Callable[[bpy.types.Object, Path], object], str]] = {
    "no Action": (lambda armature, _: armature.animation_data_clear(), "press Generate first"),
    "an Action of something else": (lambda armature, _: [curves.channel_bag(curves.playing_slot(armature)).fcurves.clear()], "press Generate first"),
    "another armature's bones": (lambda armature, _: setattr(armature.data.bones["left_knee"], "name", "knob"), "missing: left_knee"),
    "a locked curve": (lambda armature, _: setattr(curves.channel_bag(curves.playing_slot(armature)).fcurves[5], "lock", True), "locked or muted .pelvis."),
    "a muted curve": (lambda armature, _: setattr(curves.channel_bag(curves.playing_slot(armature)).fcurves[9], "mute", True), "unlock them"),
    "a driver": (driven, "are driven .left_knee."),
    "Euler angles": (lambda armature, _: setattr(armature.pose.bones["neck"], "rotation_mode", "XYZ"), "do not turn by quaternions .neck."),
    "NLA strips": (strips, "plays NLA strips besides"),
    "a linked Action": (linked, "make it local first"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_sentence(case: str, character: bpy.types.Object, tmp_path: Path) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    spoil, sentence = REFUSED[case]
    spoil(character, tmp_path)
    with pytest.raises(RigError, match=sentence):
        read(character, 10, 18)


def test_muted_strips_do_not_count(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    character.animation_data.nla_tracks.new().strips.new("below", 1, character.animation_data.action)
    character.animation_data.nla_tracks[0].mute = True
    assert len(read(character).motion.translation) == 30


@pytest.mark.parametrize(("first", "last"), [(40, 60), (-20, 0), (31, 31)])
def test_a_range_beside_the_keys_is_refused_with_theirs(character: bpy.types.Object, first: int, last: int) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    with pytest.raises(RigError, match="which go from 1 to 30"):
        read(character, first, last)


def test_a_range_that_reaches_beyond_the_keys_ends_with_them(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    found = read(character, 20, 400)
    assert (found.first, found.last) == (20, 30)
    assert found.edit(False, False).end_frame == 30


CHANGED: dict[str, Callable[[bpy.types.Object], object]] = {
    "a key": lambda armature: setattr(curves.channel_bag(curves.playing_slot(armature)).fcurves[5].keyframe_points[3].co, "y", 9.0),
    "the Action": lambda armature: body.key_motion_now(armature.name, random_motion(30, seed=9), 1, FPS),
    "no Action": lambda armature: armature.animation_data_clear(),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_keys_that_were_changed_meanwhile_are_left_alone(case: str, character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(30), 1, FPS)
    found = read(character, 10, 18)
    edit, one = made_anew(found)
    CHANGED[case](character)
    with pytest.raises(RigError, match="changed meanwhile, so nothing was written"):
        in_one_go(write_keys(found, edit, (one,)))
