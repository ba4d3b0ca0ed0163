"""The panel stays alive while a minute of motion is keyed."""

from __future__ import annotations

import time

import bpy
import pytest

from understudy.blender_addon.animation import body
from understudy.core.contract import BodyMotion
from understudy.tests.blender_addon.animation.sample_motions import random_motion


@pytest.mark.parametrize("again", [False, True], ids=["first", "replacing"])
def test_no_slice_takes_30_milliseconds(character: bpy.types.Object, again: bool) -> None:
    motion = random_motion(frames=1201)  # 60 s at 20 a second
    if again:
        body.key_motion_now(character.name, motion, 1, 30.0)
    runs = []
    for _ in range(3):  # the machine may be busy with other things in one of them
        runs.append(slice_seconds(character.name, motion))
        if not again:
            bpy.data.actions.remove(character.animation_data.action)
    best = min(runs, key=max)
    print(f"{len(best)} slices, the longest {max(best) * 1e3:.1f} ms, together {sum(best) * 1e3:.0f} ms")
    assert max(best) < 0.030


def slice_seconds(name: str, motion: BodyMotion) -> list[float]:
    seconds, slices, running = [], body.key_motion(name, motion, 1, 30.0), True
    while running:
        start = time.perf_counter()
        running = next(slices, "done") != "done"
        seconds.append(time.perf_counter() - start)
    return seconds
