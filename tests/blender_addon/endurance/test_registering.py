"""Switched on and off many times, the add-on leaves nothing in Blender."""

from __future__ import annotations

import sys
import time

import bpy
import pytest

from understudy import blender_addon
from understudy.blender_addon import jobs, preferences
from understudy.tests.blender_addon.endurance.conftest import Scale
from understudy.tests.blender_addon.endurance.registered import memory_mb, registered

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
GROWTH_MB = 2.0


def used_once(speaking_python: str) -> None:
    """Registered, an engine at work, and taken out in the middle of it."""
    bpy.context.preferences.addons.new().module = preferences.EXTENSION
    blender_addon.register()
    chosen = preferences.current()
    assert chosen is not None
    chosen.engine_python = speaking_python
    bpy.ops.understudy.add_character()
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    jobs.ready_engine().submit(_request())
    blender_addon.unregister()
    bpy.context.preferences.addons.remove(bpy.context.preferences.addons[preferences.EXTENSION])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)  # its own add-ons stay as they are
    jobs.state.__init__()  # type: ignore[misc]


def settled() -> dict[str, object]:
    """Once nothing has come or gone for a while: engines of tests before this one may be about to end."""
    jobs.stop_engine()
    seen, until = registered(), time.monotonic() + 20.0
    while time.monotonic() < until:
        time.sleep(1.5)
        if (now := registered()) == seen:
            break
        seen = now
    return seen


def _request() -> object:
    from understudy.blender_addon.operators.generate import task_from

    return task_from(bpy.context).request


def test_registering_many_times_leaves_nothing(speaking_python: str, scale: Scale) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    before = settled()
    used_once(speaking_python)
    memory = []
    for _ in range(scale.registrations):
        used_once(speaking_python)
        memory.append(memory_mb())
    until = time.monotonic() + 5.0
    while registered() != before and time.monotonic() < until:  # threads that are about to end
        time.sleep(0.1)
    assert registered() == before
    print(f"{scale.registrations} times: {memory[0]:.1f} MB after the first, {memory[-1]:.1f} MB after the last")
    assert memory[-1] - memory[0] < GROWTH_MB
