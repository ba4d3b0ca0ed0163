"""A body that wears the face turns its own head as the voice does, and only while there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mathutils import Quaternion

from understudy.blender_addon.animation.face_lines import FaceLine
from understudy.blender_addon.animation.take_head import FADE_SECONDS, with_head_turns
from understudy.core.contract import FaceAmounts
from understudy.tests.blender_addon.animation.sample_faces import arkit_motion
from understudy.tests.blender_addon.animation.sample_motions import random_motion

HEAD = 15


def test_the_turn_of_each_moment_is_added_to_the_head_and_to_nothing_else() -> None:
    body = random_motion(frames=101, fps=25.0)
    voice = arkit_motion(frames=26, fps=25.0)
    turned = with_head_turns(body, [FaceLine((voice,), 60.0, 30.0, FaceAmounts(head=0.5))], start_frame=30.0)
    others = [joint for joint in range(22) if joint != HEAD]
    np.testing.assert_array_equal(turned.rotations[:, others], body.rotations[:, others])
    for frame in range(25, 51):  # the line begins a second after the body
        turn = 0.5 * voice.head[frame - 25]
        expected = Quaternion(body.rotations[frame, HEAD].tolist()) @ Quaternion(turn.tolist(), float(np.linalg.norm(turn)))
        np.testing.assert_allclose(turned.rotations[frame, HEAD], expected, atol=1e-5)
    far = np.abs(np.arange(101) / 25 - 1.5) > 0.5 + FADE_SECONDS + 1e-6
    np.testing.assert_allclose(turned.rotations[far, HEAD], body.rotations[far, HEAD], atol=1e-6)


def test_a_voice_without_turns_changes_nothing() -> None:
    body = random_motion(frames=10)
    assert np.array_equal(with_head_turns(body, [FaceLine((replace(arkit_motion(), head=None),), 1.0, 24.0)], 1.0).rotations, body.rotations)
