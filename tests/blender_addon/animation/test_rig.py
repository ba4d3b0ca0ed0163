"""Which armatures are SMPL rigs, and what animators read when one is not."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import body, bone_space, rig
from understudy.tests.blender_addon.animation import sample_rigs
from understudy.tests.blender_addon.animation.sample_motions import JOINTS, REST, random_motion
from understudy.tests.blender_addon.animation.sample_rigs import blender_rest, build_rig, smpl_bones


def short(joint: str) -> str:
    return joint.replace("left_", "L_").replace("right_", "R_").title()


NAMINGS: dict[str, Callable[[str], str]] = {
    "ours and SMPL-X": str,
    "SMPL add-on": short,
    "SMPL add-on, male": lambda joint: f"m_avg_{short(joint)}",
    "SMPL add-on, female": lambda joint: f"f_avg_{short(joint)}",
    "SMPL-X prefix": lambda joint: f"SMPLX-neutral_{joint}",
    "upper case": str.upper,
    "FBX name space": lambda joint: f"actor:{short(joint)}",
    "dots": lambda joint: joint.replace("_", "."),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_names_are_recognised(naming: str) -> None:
    name = NAMINGS[naming]
    bones = smpl_bones(blender_rest(), name)
    first = bones[0][0]
    others = [("root", np.zeros(3), ""), ("Spine", np.ones(3), ""), ("head_top_end", np.ones(3), ""), ("f_avg_L_Hand", np.ones(3), first)]
    found = rig.find_rig(build_rig([*others, *bones]))
    assert found.bones == tuple(name(joint) for joint in JOINTS)
    assert np.allclose(found.heads, blender_rest(), atol=1e-6)


def test_smpl_24_joints_with_hands_and_smpl_x_face() -> None:
    extra = [(name, np.ones(3), above) for name, above in (("left_hand", "left_wrist"), ("jaw", "head"), ("left_eye_smplhf", "head"))]
    assert rig.find_rig(build_rig([*smpl_bones(blender_rest()), *extra])).bones == JOINTS


def test_all_of_one_character_s_bones_are_taken_where_an_armature_holds_two() -> None:
    woman = smpl_bones(blender_rest(), lambda joint: f"f_avg_{short(joint)}")
    man = [bone for bone in smpl_bones(blender_rest() + 1, lambda joint: f"m_avg_{short(joint)}") if not bone[0].endswith("Head")]
    assert all(bone.startswith("f_avg_") for bone in rig.find_rig(build_rig([*man, *woman])).bones)


def test_default_character_is_a_rig(character: bpy.types.Object) -> None:
    found = rig.find_rig(character)
    assert found.bones == JOINTS
    assert np.array_equal(bone_space.smpl_axes(found), sample_rigs.TO_BLENDER)
    assert found.parents == (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def test_parents_skip_bones_that_are_no_joints() -> None:
    found = rig.find_rig(sample_rigs.rig_with_extra_bones(blender_rest()))
    assert found.parents[JOINTS.index("left_elbow")] == JOINTS.index("left_shoulder")
    assert found.parents[0] == -1


def test_missing_joints_are_counted_and_named() -> None:
    bones = [bone for bone in smpl_bones(blender_rest()) if bone[0] not in ("left_collar", "right_collar", "spine3")]
    bones = [(name, head, parent if parent in {bone[0] for bone in bones} else "spine2") for name, head, parent in bones]
    bones[0] = (bones[0][0], bones[0][1], "")
    armature = build_rig(bones, "Monk")
    expected = "“Monk” has 19 of the 22 SMPL joints; missing: spine3, left_collar, right_collar. Rename its bones"
    assert rig.refusal(armature).startswith(expected)
    with pytest.raises(rig.RigError, match="19 of the 22"):
        rig.find_rig(armature)


def test_many_missing_joints_are_shortened() -> None:
    armature = build_rig([("pelvis", np.zeros(3), ""), ("thigh", np.ones(3), "pelvis")])
    assert "has 1 of the 22 SMPL joints; missing: left_hip, right_hip, spine1, left_knee and 17 more." in rig.refusal(armature)


def test_an_armature_without_bones() -> None:
    empty = bpy.data.objects.new("Empty", bpy.data.armatures.new("Empty"))
    bpy.context.collection.objects.link(empty)
    assert "has 0 of the 22 SMPL joints" in rig.refusal(empty)


def test_nothing_and_other_objects() -> None:
    assert rig.refusal(None).startswith("Nothing is chosen: choose a character's armature")
    assert rig.refusal(bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))).startswith("“Cube” is not an armature: choose")


def test_edit_mode(character: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="EDIT")
    assert rig.refusal(character) == "“Understudy” is in Edit Mode: press Tab to leave it."


def test_pose_mode_and_hidden_and_locked_bones_are_fine(character: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="POSE")
    for bone in character.pose.bones:
        bone.lock_rotation, bone.lock_rotation_w = (True, True, True), True
    character.hide_viewport = True
    assert rig.refusal(character) == ""
    body.key_motion_now(character.name, random_motion(frames=3), 1, 20.0)


def test_tweak_mode(character: bpy.types.Object) -> None:
    body.key_motion_now(character.name, random_motion(frames=3), 1, 20.0)
    animation = character.animation_data
    strip = animation.nla_tracks.new().strips.new("Take", 1, animation.action)
    strip.select = animation.nla_tracks[0].select = True
    animation.nla_tracks.active = animation.nla_tracks[0]
    animation.action = None
    animation.use_tweak_mode = True
    assert rig.refusal(character) == "An NLA strip of “Understudy” is being tweaked: press Tab over the strip to leave it."


def test_connected_pelvis() -> None:
    armature = build_rig([("root", np.zeros(3), ""), *((n, h, p or "root") for n, h, p in smpl_bones(blender_rest()))])
    bpy.ops.object.mode_set(mode="EDIT")
    armature.data.edit_bones["root"].tail = armature.data.edit_bones["pelvis"].head
    armature.data.edit_bones["pelvis"].use_connect = True
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "“pelvis” of “Rig” is connected to its parent, so it cannot travel" in rig.refusal(armature)


def test_limbs_that_do_not_hang_below_the_pelvis() -> None:
    bones = [(name, head, "" if name == "left_hip" else parent) for name, head, parent in smpl_bones(blender_rest())]
    assert "“left_hip” of “Rig” does not hang below “pelvis”" in rig.refusal(build_rig(bones))


def test_a_rest_pose_that_is_no_t_pose() -> None:
    raised = sample_rigs.turned_limb(REST, ("left_shoulder", "left_elbow", "left_wrist"), np.radians(150.0))
    armature = build_rig(smpl_bones(raised @ sample_rigs.TO_BLENDER.T))
    with pytest.raises(rig.RigError, match="“left_shoulder” and “left_elbow” of “Rig” rest 150 degrees away from a T-pose"):
        body.key_motion_now(armature.name, random_motion(frames=3), 1, 20.0)
    assert len(bpy.data.actions) == 0


def test_joints_on_one_spot() -> None:
    collapsed = blender_rest()
    collapsed[JOINTS.index("left_elbow")] = collapsed[JOINTS.index("left_shoulder")]
    armature = build_rig(smpl_bones(collapsed))
    with pytest.raises(rig.RigError, match="“left_shoulder” and “left_elbow” of “Rig” start at the same point"):
        body.key_motion_now(armature.name, random_motion(frames=3), 1, 20.0)


def test_refusing_is_quick_enough_for_poll() -> None:
    extra = [(f"Tentacle_L_{number:03}", np.full(3, number + 1.0), "") for number in range(400)]
    armature = build_rig([*smpl_bones(blender_rest(), short), *extra])
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert rig.refusal(armature) == ""
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02
