"""Is the right character taken where the animator has named none, and is it told which to name where that is not plain?"""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import pytest

from understudy import blender_addon
from understudy.blender_addon import characters, jobs, settings
from understudy.blender_addon.animation.smpl_armature import add_character
from understudy.blender_addon.operators import face, generate


@pytest.fixture(autouse=True)
def chosen() -> Iterator[settings.UnderstudySettings]:
    """The add-on registered in an empty scene, without an engine; gives the scene's settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    yield settings.of(bpy.context.scene)
    blender_addon.unregister()
    jobs.state.__init__()  # type: ignore[misc]


def activate(each: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = each


def test_nothing_is_there() -> None:
    assert characters.chosen_character(bpy.context) is None and characters.lacks_character(bpy.context)
    assert characters.character_refused(bpy.context).startswith("Nothing is chosen")


def test_the_only_one_is_meant() -> None:
    only = add_character()
    assert characters.chosen_character(bpy.context) == only
    assert characters.character_refused(bpy.context) == "" and not characters.lacks_character(bpy.context)


def test_of_several_the_selected_one_is_meant_by_armature_or_skin() -> None:
    first, second = add_character("First"), add_character("Second")
    assert characters.chosen_character(bpy.context) is None and not characters.lacks_character(bpy.context)
    assert characters.character_refused(bpy.context) == "There are 2 characters (First, Second): choose one above, or select it."
    activate(second)
    assert characters.chosen_character(bpy.context) == second
    activate(first.children[0])
    assert characters.chosen_character(bpy.context) == first


def test_the_named_one_goes_before_the_selected_one(chosen: settings.UnderstudySettings) -> None:
    chosen.character, other = add_character("First"), add_character("Second")
    activate(other)
    assert characters.chosen_character(bpy.context) == chosen.character


def test_of_another_armature_the_missing_bones_are_told() -> None:
    bpy.ops.object.armature_add()
    assert "“Armature” has 0 of the 22 SMPL joints; missing: pelvis, left_hip" in characters.character_refused(bpy.context)
    assert characters.lacks_character(bpy.context)


def test_a_deleted_one_is_not_keyed_though_the_sidebar_still_names_it(chosen: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.add_character()
    bpy.ops.object.delete()
    assert chosen.character is not None, "Blender forgets it by itself: leave this out"
    assert "is in no scene any more" in generate.refused(bpy.context) and characters.lacks_character(bpy.context)


def test_the_scene_s_only_face_is_meant(chosen: settings.UnderstudySettings) -> None:
    assert face.lacks_face(bpy.context) and face.face_refused(bpy.context).startswith("Nothing is chosen")
    bpy.ops.understudy.add_head()
    only, chosen.face = chosen.face, None
    bpy.ops.mesh.primitive_cube_add()
    assert face.chosen_face(bpy.context) == only and not face.lacks_face(bpy.context)
    bpy.ops.understudy.add_character()  # whose skin has face keys too
    activate(bpy.data.objects["Cube"])
    assert face.chosen_face(bpy.context) == bpy.data.objects["Cube"] and "no shape keys" in face.face_refused(bpy.context)
    assert not face.lacks_face(bpy.context)


def test_hints_speak_of_the_end_of_playback_and_of_what_is_hidden(chosen: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.add_character()
    scene = bpy.context.scene
    assert generate.hints(bpy.context) == []
    scene.frame_set(scene.frame_end + 50)
    assert generate.hints(bpy.context) == ["The keys begin at frame 300, behind the end of playback (250): go to an earlier frame first."]
    scene.frame_set(100)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1, 50
    assert "(50)" in generate.hints(bpy.context)[0]
    scene.use_preview_range = False
    chosen.character.hide_set(True)
    assert generate.hints(bpy.context) == ["“Understudy” is hidden, so that its motion will not be seen."]
