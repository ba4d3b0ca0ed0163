"""Is the engine made ready while the animator types, where it can be and where it is wished?"""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import pytest

from understudy.blender_addon import jobs, models, preferences, warming
from understudy.blender_addon.engine.client import Engine
from understudy.blender_addon.settings import UnderstudySettings


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Model and device of each warm-up."""
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(Engine, "warm_up", lambda _engine, model, device: seen.append((model, device)))
    return seen


@pytest.fixture
def in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "bpy", SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers)))


def test_the_model_of_the_preferences_is_loaded(speaking: UnderstudySettings, warmed: list[tuple[str, str]]) -> None:
    chosen = preferences.current()
    assert chosen is not None
    warming.warm_up()
    chosen.model, chosen.device = "commercial", "cpu"
    warming.warm_up()
    assert warmed == [("starter", "auto"), ("commercial", "cpu")]


def test_not_where_it_is_not_wished_cannot_be_or_work_is_under_way(
    speaking: UnderstudySettings, warmed: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = preferences.current()
    assert chosen is not None
    chosen.use_early_start = False
    warming.warm_up()
    chosen.use_early_start, python, chosen.engine_python = True, chosen.engine_python, "/none/python"
    warming.warm_up()
    chosen.engine_python = python
    monkeypatch.setattr(jobs.state, "job", object())
    warming.warm_up()
    assert warmed == []


def test_typing_and_a_character_are_signs(speaking: UnderstudySettings, in_a_window: None) -> None:
    for give_sign in (lambda: setattr(speaking, "prompt", "a person b"), lambda: bpy.ops.understudy.add_character()):
        assert not bpy.app.timers.is_registered(warming.warm_up)
        give_sign()
        assert bpy.app.timers.is_registered(warming.warm_up)
        warming.unregister()


def test_an_engine_that_runs_needs_none(speaking: UnderstudySettings, in_a_window: None) -> None:
    bpy.ops.understudy.add_character()
    warming.unregister()
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    speaking.prompt = "a person b"
    assert not bpy.app.timers.is_registered(warming.warm_up)


def test_nothing_is_started_in_background_mode(speaking: UnderstudySettings) -> None:
    speaking.prompt = "a person b"
    assert not bpy.app.timers.is_registered(warming.warm_up)


def test_the_warmed_engine_is_the_one_that_generates(speaking: UnderstudySettings) -> None:
    warming.warm_up()
    engine = jobs.state.engine
    assert engine is not None and engine.is_running
    process = engine.pid
    bpy.ops.understudy.add_character()
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    assert jobs.state.engine is engine and engine.pid == process and models.wanted("") == "starter"
