"""Does the panel say what the engine holds, and that a motion was made otherwise than it was asked for?"""

from __future__ import annotations

import bpy
import pytest

from understudy.blender_addon import engine_panel, jobs
from understudy.blender_addon.report import report
from understudy.blender_addon.settings import UnderstudySettings
from understudy.tests.gui.recorded_layout import RecordedLayout, Sidebar


@pytest.fixture
def ready(speaking: UnderstudySettings) -> UnderstudySettings:
    bpy.ops.understudy.add_character()
    speaking.seconds = 0.5
    return speaking


def drawn() -> str:
    layout, context = RecordedLayout(), Sidebar(4000)
    engine_panel.draw_engine(layout, context)  # type: ignore[arg-type]
    return " | ".join(layout.drawn.texts)


def test_the_memory_of_the_card_stands_beside_the_engines(ready: UnderstudySettings) -> None:
    assert "card" not in drawn()
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    jobs.state.memory_mb = 1204.0
    assert "Running, 1,204 MB, card 512 of 8,188 MB" in drawn() and "card 512 of 8,188 MB" in report()
    jobs.stop_engine()
    assert "card" not in drawn() and "Starts with the first generation" in drawn()


def test_a_motion_that_the_processor_made_instead_is_a_notice_and_no_error(ready: UnderstudySettings) -> None:
    ready.prompt = "a person plays cards"
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    assert "too little memory for this, so the processor made it" in jobs.state.message and not jobs.state.is_error
    ready.prompt = "a person walks"
    assert bpy.ops.understudy.generate() == {"FINISHED"} and "processor" not in jobs.state.message


def test_a_take_tells_it_too(ready: UnderstudySettings, voice: object) -> None:
    ready.prompt = "a person plays cards"
    bpy.ops.understudy.add_head()
    ready.speech.sound_file = str(voice)
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}
    assert jobs.state.message.count("the processor made it") == 1 and not jobs.state.is_error
