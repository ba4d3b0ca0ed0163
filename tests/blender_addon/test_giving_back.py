"""Does the engine give its memory back when nobody needs it, and only then? Real worker, real render handlers."""

from __future__ import annotations

import os
import sys

import bpy
import pytest

from understudy.blender_addon import giving_back, jobs, preferences
from understudy.blender_addon.engine import client
from understudy.blender_addon.engine.process_memory import resident_mb
from understudy.blender_addon.settings import UnderstudySettings


@pytest.fixture
def chosen(addon: UnderstudySettings) -> preferences.Preferences:
    """The preferences, with an engine that has just generated."""
    found = preferences.current()
    assert found is not None
    bpy.ops.understudy.add_character()
    addon.prompt, addon.seconds, addon.quality = "a person waves", 1.0, "DRAFT"
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    assert jobs.state.engine is not None and jobs.state.engine.is_running
    return found


def test_after_the_minutes_of_the_preferences_it_ends_and_the_next_generation_starts_it_again(
    chosen: preferences.Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = jobs.state.engine
    assert engine is not None and chosen.idle_minutes == 10
    assert not giving_back.give_back_if_idle()
    monkeypatch.setattr(engine, "_last_sign", engine._last_sign - 601.0)
    chosen.idle_minutes = 0
    assert not giving_back.give_back_if_idle() and engine.is_running
    chosen.idle_minutes = 10
    assert giving_back.give_back_if_idle()
    assert not engine.is_running and jobs.state.engine is None and giving_back.measure() == 0.0
    assert bpy.ops.understudy.generate() == {"FINISHED"}


def test_while_it_works_it_is_not_idle(chosen: preferences.Preferences, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = jobs.state.engine
    assert engine is not None
    monkeypatch.setattr(client.Engine, "is_busy", True)
    assert engine.idle_seconds == 0.0 and not giving_back.give_back_if_idle()


@pytest.mark.parametrize("wished", [False, True])
def test_before_a_render_it_ends_if_wished(wished: bool, chosen: preferences.Preferences) -> None:
    chosen.use_free_before_render = wished
    assert giving_back._before_render in bpy.app.handlers.render_init
    for handler in bpy.app.handlers.render_init:
        handler(bpy.context.scene, None)
    assert (jobs.state.engine is None) == wished


def test_what_it_holds_is_measured(chosen: preferences.Preferences) -> None:
    assert giving_back.measure() > 50.0  # Python with torch
    assert giving_back._tick() > 0.0 and jobs.state.memory_mb > 50.0


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_memory_is_that_of_the_system() -> None:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert resident_mb(os.getpid()) == pytest.approx(kilobytes * 1.024e-3, rel=0.05)
    assert resident_mb(2**22 + 1) == 0.0
