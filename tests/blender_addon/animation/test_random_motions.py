"""Any motion on any rig: bone heads agree with forward kinematics, and nobody's rotation order matters."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mathutils import Euler

from understudy.blender_addon.animation import body
from understudy.tests.blender_addon.animation import sample_rigs
from understudy.tests.blender_addon.animation.sample_motions import REST, joint_positions, random_motion
from understudy.tests.blender_addon.animation.sample_rigs import build_rig, joint_heads, smpl_bones

QUARTER_TURNS = st.tuples(*(st.sampled_from((0, 90, 180, 270)) for _ in range(3)))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(1, 4),
    angle=st.floats(0.0, 6.0),
    fps=st.sampled_from((12.0, 20.0, 23.976, 30.0)),
    start=st.integers(-200, 200),
    turn=QUARTER_TURNS,
    units=st.sampled_from((0.01, 1.0, 39.37, 100.0)),
)
def test_any_motion_on_any_axes(
    seed: int, frames: int, angle: float, fps: float, start: int, turn: tuple[int, int, int], units: float
) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    axes = np.round(np.array(Euler(np.radians(turn)).to_matrix()))
    armature = build_rig(smpl_bones(units * REST @ axes.T, sample_rigs.smpl_name), seed=seed)
    motion = random_motion(frames, fps, seed, angle)
    body.key_motion_now(armature.name, motion, start, fps)
    bones = tuple(sample_rigs.smpl_name(joint) for joint in motion.joint_names)
    for frame, expected in enumerate(joint_positions(motion) @ axes.T):
        bpy.context.scene.frame_set(start + frame)
        assert np.abs(joint_heads(armature, bones) / units - expected).max() < 1e-4
