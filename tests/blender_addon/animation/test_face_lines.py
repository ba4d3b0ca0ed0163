"""What a face's Action keeps of the lines that it speaks, and how they are keyed with other amounts."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import curves, face_lines
from understudy.blender_addon.animation.face import key_face, spoken_lines
from understudy.blender_addon.animation.face_lines import FaceLine
from understudy.blender_addon.animation.flame_mesh import add_head
from understudy.blender_addon.animation.slices import in_one_go, in_thread
from understudy.core.contract import FaceAmounts, with_amounts
from understudy.core.contract.head import DEFAULT_HEAD, face_geometry, lower_face, read_head
from understudy.tests.blender_addon.animation.sample_faces import arkit_motion, flame_motion, keyed_mesh
from understudy.tests.core.contract.head.other_heads import other_head


def playing(face: bpy.types.Object) -> curves.ActionSlot:
    slot = curves.playing_slot(face.data.shape_keys)
    assert slot is not None
    return slot


def test_a_line_comes_back_as_it_was_made() -> None:
    face = keyed_mesh(arkit_motion().expression_names)
    motions = (arkit_motion(seed=1), replace(arkit_motion(seed=2), blinks=np.linspace(0, 1, 11, dtype=np.float32)))
    line = FaceLine(motions, 7.5, 30.0, FaceAmounts(lips=0.5, gaze=2.0), shown=1)
    in_one_go(key_face(face.name, [line]))
    kept = face_lines.kept_line(playing(face).action, 1)
    assert (kept.start_frame, kept.fps, kept.amounts, kept.shown, kept.number) == (7.5, 30.0, line.amounts, 1, 1)
    for ours, theirs in zip(motions, kept.motions, strict=True):
        assert ours.recipe == theirs.recipe and ours.expression_names == theirs.expression_names
        for name in ("expression", "jaw", "head", "eyes", "blinks"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_copy_of_the_action_keeps_lines_of_its_own() -> None:
    face = keyed_mesh(["jawOpen"])
    in_one_go(key_face(face.name, [FaceLine((arkit_motion(),), 1.0, 25.0)]))
    before = playing(face).action.resolve().copy()
    in_one_go(key_face(face.name, [FaceLine((arkit_motion(seed=1),), 50.0, 25.0)]))
    assert len(spoken_lines(face)) == 2
    assert len(face_lines.kept_lines(curves.Reference.to(before, "actions"))) == 1


def test_several_lines_are_keyed_at_once_or_not_at_all() -> None:
    face = keyed_mesh(["jawOpen"])
    lines = [FaceLine((arkit_motion(seed=seed),), frame, 25.0) for seed, frame in ((1, 1.0), (2, 30.0))]
    slices = key_face(face.name, lines)
    for _ in range(6):
        next(slices)
    slices.close()
    assert len(bpy.data.actions) == 0
    in_one_go(key_face(face.name, lines))
    frames = curves.read_curves(playing(face))['key_blocks["jawOpen"].value', 0][:, 0]
    np.testing.assert_allclose(frames, [*range(1, 12), *range(30, 41)])


def test_lips_and_upper_face_of_flame_s_directions_are_told_apart_by_the_mesh() -> None:
    model = other_head(read_head(DEFAULT_HEAD)).model
    face = add_head(model)
    names = model.expression_names[:20]
    motion = replace(flame_motion(largest=1.0), expression_names=names, expression=flame_motion(largest=1.0).expression[:, :20], space=model.space)
    amounts = FaceAmounts(lips=0.0, upper_face=1.5)
    in_one_go(key_face(face.name, [FaceLine((motion,), 1.0, 25.0, amounts)]))
    wanted = with_amounts(motion, amounts, lower_face(face_geometry(model), names)).expression
    keyed = curves.read_curves(playing(face))
    shown = np.column_stack([keyed[f'key_blocks["{name}"].value', 0][:, 1] for name in names])
    np.testing.assert_allclose(shown, wanted, atol=0.02)
    assert np.abs(wanted - motion.expression * 0.75).max() > 0.1


def test_what_a_thread_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_one_go(in_thread(lambda: 1 // 0))
