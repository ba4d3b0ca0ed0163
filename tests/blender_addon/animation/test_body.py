"""Keyed rigs stand where forward kinematics says, whatever their names, axes, units and rest pose are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix

from understudy.blender_addon.animation import body
from understudy.blender_addon.animation.rig import find_rig
from understudy.tests.blender_addon.animation import sample_rigs
from understudy.tests.blender_addon.animation.sample_motions import JOINTS, OFFSETS, REST, joint_positions, random_motion, walk
from understudy.tests.blender_addon.animation.sample_rigs import TO_BLENDER, blender_rest, build_rig, joint_heads, smpl_bones

TENTH_OF_A_MILLIMETRE = 1e-4


def largest_error(armature: bpy.types.Object, expected: np.ndarray, bones: tuple[str, ...] = JOINTS, start: int = 1) -> float:
    """Largest distance in world units between bone heads and `expected` (T, 22, 3) in the world."""
    errors = []
    for frame, positions in enumerate(expected):
        bpy.context.scene.frame_set(start + frame)
        errors.append(np.linalg.norm(joint_heads(armature, bones) - positions, axis=1).max())
    return float(max(errors))


def in_world(armature: bpy.types.Object, positions: np.ndarray) -> np.ndarray:
    matrix = np.array(armature.matrix_world)
    return positions @ matrix[:3, :3].T + matrix[:3, 3]


def test_default_character_follows_the_motion(character: bpy.types.Object) -> None:
    motion = random_motion()
    body.key_motion_now(character.name, motion, 1, 20.0)
    assert largest_error(character, joint_positions(motion) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_default_character_holds_smpl_rotations_number_by_number(character: bpy.types.Object) -> None:
    motion = random_motion(angle=0.5)
    body.key_motion_now(character.name, motion, 1, 20.0)
    bpy.context.scene.frame_set(8)
    for joint, name in enumerate(JOINTS):
        keyed, expected = np.array(character.pose.bones[name].rotation_quaternion), motion.rotations[7, joint]
        assert np.allclose(keyed * np.sign(keyed @ expected), expected, atol=1e-6), name


def test_default_character_s_origin_is_the_motion_s(character: bpy.types.Object) -> None:
    motion = random_motion()
    body.key_motion_now(character.name, motion, 1, 20.0)
    bpy.context.scene.frame_set(1)
    assert np.allclose(character.pose.bones["pelvis"].head, TO_BLENDER @ motion.translation[0], atol=1e-6)


def test_rounding_of_the_body_does_not_add_up_far_away(character: bpy.types.Object) -> None:
    motion = random_motion(frames=3)
    far = replace(motion, translation=motion.translation + np.array((100.0, 0.0, 50.0), np.float32))
    body.key_motion_now(character.name, far, 1, 20.0)
    assert largest_error(character, joint_positions(far) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_moved_turned_and_scaled_object(character: bpy.types.Object) -> None:
    character.location, character.scale, character.rotation_euler = (3.0, -2.0, 0.5), (1.7, 1.7, 1.7), (0.3, 0.2, 2.0)
    bpy.context.view_layer.update()
    before = character.matrix_world.copy()
    motion = random_motion(seed=1)
    body.key_motion_now(character.name, motion, 1, 20.0)
    assert largest_error(character, in_world(character, joint_positions(motion) @ TO_BLENDER.T)) < TENTH_OF_A_MILLIMETRE
    assert character.matrix_world == before


def test_bones_along_the_limbs_with_random_rolls() -> None:
    motion = random_motion(seed=2)
    rig = build_rig(smpl_bones(blender_rest(), sample_rigs.smpl_name))
    body.key_motion_now(rig.name, motion, 1, 20.0)
    bones = tuple(sample_rigs.smpl_name(joint) for joint in JOINTS)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T, bones) < TENTH_OF_A_MILLIMETRE


def test_fbx_rig_in_centimetres_with_y_up_inside_a_turned_object() -> None:
    motion = random_motion(seed=3)
    rig = build_rig(smpl_bones(100 * REST))
    rig.scale, rig.rotation_euler = (0.01, 0.01, 0.01), (np.pi / 2, 0, 0)
    bpy.context.view_layer.update()
    body.key_motion_now(rig.name, motion, 1, 20.0)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


@pytest.mark.parametrize("turn", [(0, 0, 90), (90, 0, 90), (180, 0, 0), (0, -90, 0)])
def test_armature_space_with_other_axes(turn: tuple[float, float, float]) -> None:
    axes = np.round(np.array(Euler(np.radians(turn)).to_matrix()))
    motion = random_motion(seed=4)
    rig = build_rig(smpl_bones(REST @ axes.T))
    body.key_motion_now(rig.name, motion, 1, 20.0)
    assert largest_error(rig, joint_positions(motion) @ axes.T) < TENTH_OF_A_MILLIMETRE


def test_extra_root_twist_and_helper_bones() -> None:
    motion = random_motion(seed=5)
    rig = sample_rigs.rig_with_extra_bones(blender_rest())
    body.key_motion_now(rig.name, motion, 1, 20.0)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_bones_that_do_not_inherit_rotation_or_use_local_location() -> None:
    motion = random_motion(seed=6)
    rig = sample_rigs.rig_with_extra_bones(blender_rest())
    for name in ("left_shoulder", "neck", "right_shoulder_twist", "chest_helper"):
        rig.data.bones[name].use_inherit_rotation = False
    rig.data.bones["pelvis"].use_local_location = False
    body.key_motion_now(rig.name, motion, 1, 20.0)
    expected = joint_positions(motion) @ TO_BLENDER.T
    # a twist bone that ignores its parent's rotation carries the elbow elsewhere; all others must fit
    fits = [joint for joint, name in enumerate(JOINTS) if name not in ("right_elbow", "right_wrist", "neck", "head")]
    bones = tuple(JOINTS[joint] for joint in fits)
    assert largest_error(rig, expected[:, fits], bones) < TENTH_OF_A_MILLIMETRE


@pytest.mark.parametrize("angle", [20.0, 45.0])
def test_a_pose_arms_point_where_the_motion_s_do(angle: float) -> None:
    rest = REST
    for side, sign in (("left", -1), ("right", 1)):
        rest = sample_rigs.turned_limb(rest, tuple(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist")), sign * np.radians(angle))
    motion = random_motion(seed=7)
    rig = build_rig(smpl_bones(rest @ TO_BLENDER.T))
    body.key_motion_now(rig.name, motion, 1, 20.0)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_a_pose_hands_keep_their_place_on_the_forearm() -> None:
    fingers = []
    for angle in (0.0, -np.radians(45.0)):
        hand = np.vstack((REST, REST[JOINTS.index("left_wrist")] + (0.1, -0.01, 0.03)))
        joints = (*JOINTS, "left_index1")
        hand = sample_rigs.turned_limb(hand, ("left_shoulder", "left_elbow", "left_wrist", "left_index1"), angle, joints)
        bones = [*smpl_bones(hand[:22] @ TO_BLENDER.T), ("left_index1", TO_BLENDER @ hand[22], "left_wrist")]
        rig = build_rig(bones, f"Rig {angle}")
        body.key_motion_now(rig.name, random_motion(frames=4, seed=7), 1, 20.0)
        bpy.context.scene.frame_set(3)
        fingers.append(joint_heads(rig, ("left_index1",)))
    assert np.abs(fingers[0] - fingers[1]).max() < TENTH_OF_A_MILLIMETRE


def test_spread_legs_stand_on_the_rig_s_floor() -> None:
    rest = REST
    for side, sign in (("left", 1), ("right", -1)):
        rest = sample_rigs.turned_limb(rest, tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle")), sign * np.radians(25.0))
    raised = rest[JOINTS.index("left_ankle"), 1] - REST[JOINTS.index("left_ankle"), 1]
    motion = random_motion(seed=8)
    rig = build_rig(smpl_bones(rest @ TO_BLENDER.T))
    body.key_motion_now(rig.name, motion, 1, 20.0)
    feet = [joint for joint, name in enumerate(JOINTS) if not name.endswith("foot")]
    expected = (joint_positions(motion) + np.array((0.0, raised, 0.0))) @ TO_BLENDER.T
    assert largest_error(rig, expected[:, feet], tuple(JOINTS[joint] for joint in feet)) < TENTH_OF_A_MILLIMETRE


def test_small_deviations_of_the_rest_pose_are_the_body_s_own() -> None:
    arm = ("left_shoulder", "left_elbow", "left_wrist")
    rest = sample_rigs.turned_limb(REST, arm, np.radians(-10.0))
    rig = build_rig(smpl_bones(rest @ TO_BLENDER.T))
    still = random_motion(angle=0.0, frames=2)
    body.key_motion_now(rig.name, still, 1, 20.0)
    bpy.context.scene.frame_set(1)
    drooping = joint_heads(rig, arm)
    assert np.degrees(np.arctan2(drooping[0, 2] - drooping[2, 2], drooping[2, 0] - drooping[0, 0])) == pytest.approx(10.0, abs=0.01)


def test_another_body_s_motion_is_scaled_by_the_legs(character: bpy.types.Object) -> None:
    small = random_motion(seed=9, offsets=0.5 * OFFSETS)
    small = replace(small, translation=0.5 * small.translation)
    twin = random_motion(seed=9)
    body.key_motion_now(character.name, small, 1, 20.0)
    assert largest_error(character, joint_positions(twin) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_a_rig_that_rests_away_from_its_origin_starts_there() -> None:
    away = np.array((5.0, -3.0, 2.0))
    motion = random_motion(seed=10)
    rig = build_rig(smpl_bones(blender_rest() + away))
    body.key_motion_now(rig.name, motion, 1, 20.0)
    pelvis = blender_rest()[0] * (1, 1, 0)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T + away + pelvis) < TENTH_OF_A_MILLIMETRE


def test_walking_feet_stay_near_the_floor(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, walk(), 1, 20.0)
    lowest = []
    for frame in range(1, 82):
        bpy.context.scene.frame_set(frame)
        lowest.append(joint_heads(character, ("left_foot", "right_foot"))[:, 2].min())
    assert -0.05 < min(lowest) < 0.05
    assert max(lowest) < 0.15


@pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (25, 1.0), (30, 1.0), (60, 1.001)])
def test_scene_rate_is_kept_and_filled(character: bpy.types.Object, fps: int, base: float) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    motion = random_motion(frames=41)  # two seconds at 20 a second
    body.key_motion_now(character.name, motion, 1, body.scene_fps(scene))
    assert (scene.render.fps, scene.render.fps_base) == (fps, pytest.approx(base))
    action = character.animation_data.action
    resampled = motion.resampled(fps / base)
    assert tuple(action.frame_range) == (1, len(resampled.translation))
    assert largest_error(character, joint_positions(resampled) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


@pytest.mark.parametrize("start", [1, 37, -5])
def test_start_frame(character: bpy.types.Object, start: int) -> None:
    motion = random_motion(frames=10)
    body.key_motion_now(character.name, motion, start, 20.0)
    action = character.animation_data.action
    assert (action.use_frame_range, action.frame_start, action.frame_end) == (True, start, start + 9)
    assert largest_error(character, joint_positions(motion) @ TO_BLENDER.T, start=start) < TENTH_OF_A_MILLIMETRE


def test_start_between_frames(character: bpy.types.Object) -> None:
    motion = random_motion(frames=10)
    body.key_motion_now(character.name, motion, 12.25, 20.0)
    bpy.context.scene.frame_set(14, subframe=0.25)
    expected = joint_positions(motion)[2] @ TO_BLENDER.T
    assert np.abs(joint_heads(character) - expected).max() < TENTH_OF_A_MILLIMETRE


def test_one_frame(character: bpy.types.Object) -> None:
    motion = random_motion(frames=1)
    body.key_motion_now(character.name, motion, 5, 24.0)
    assert largest_error(character, joint_positions(motion) @ TO_BLENDER.T, start=5) < TENTH_OF_A_MILLIMETRE


def test_long_motions_are_sampled_in_parts(character: bpy.types.Object) -> None:
    motion = random_motion(frames=700)
    body.key_motion_now(character.name, motion, 1, 20.0)
    for frame in (256, 257, 512, 700):
        bpy.context.scene.frame_set(frame)
        assert np.abs(joint_heads(character) - joint_positions(motion)[frame - 1] @ TO_BLENDER.T).max() < TENTH_OF_A_MILLIMETRE


def test_quaternions_never_flip_sign(character: bpy.types.Object, read: Callable) -> None:
    motion = random_motion(frames=120, angle=4.0)
    signs = np.where(np.arange(120) % 7 < 3, -1, 1)[:, None, None].astype(np.float32)
    flipped = replace(motion, rotations=signs * motion.rotations)
    body.key_motion_now(character.name, flipped, 1, 20.0)
    curves = read(character)
    for bone in find_rig(character).bones:
        path = f'pose.bones["{bone}"].rotation_quaternion'
        q = np.stack([curves[path, index][:, 1] for index in range(4)], axis=1)
        assert (np.sum(q[1:] * q[:-1], axis=1) > 0).all(), bone
        assert q[0, 0] >= 0


def test_euler_bones_are_switched_to_quaternions(character: bpy.types.Object) -> None:
    for bone in character.pose.bones:
        bone.rotation_mode = "XYZ"
    motion = random_motion(frames=5)
    body.key_motion_now(character.name, motion, 1, 20.0)
    assert {character.pose.bones[name].rotation_mode for name in JOINTS} == {"QUATERNION"}
    assert character.pose.bones["left_index1"].rotation_mode == "XYZ"
    assert largest_error(character, joint_positions(motion) @ TO_BLENDER.T) < TENTH_OF_A_MILLIMETRE


def test_names_with_quotes_are_escaped() -> None:
    rig = build_rig(smpl_bones(blender_rest(), lambda joint: f'my "old" \\ rig_{joint}'))
    motion = random_motion(frames=5)
    body.key_motion_now(rig.name, motion, 1, 20.0)
    bones = tuple(f'my "old" \\ rig_{joint}' for joint in JOINTS)
    assert largest_error(rig, joint_positions(motion) @ TO_BLENDER.T, bones) < TENTH_OF_A_MILLIMETRE


def test_the_pose_is_seen_without_changing_the_frame(character: bpy.types.Object) -> None:
    bpy.context.scene.frame_set(3)
    motion = random_motion(frames=5)
    body.key_motion_now(character.name, motion, 1, 20.0)
    bpy.context.view_layer.update()
    assert np.abs(joint_heads(character) - joint_positions(motion)[2] @ TO_BLENDER.T).max() < TENTH_OF_A_MILLIMETRE


def test_world_matrix_is_not_touched(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, walk(), 1, 24.0)
    assert character.matrix_world == Matrix.Identity(4)
