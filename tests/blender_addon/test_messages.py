"""Is the end of a piece of work told once, with what can be done now, and forgotten when it is true no longer?"""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import jobs, setting_up
from understudy.blender_addon.operators import timed_job
from understudy.blender_addon.settings import UnderstudySettings
from understudy.core.contract import Quality


@pytest.fixture
def keyed(addon: UnderstudySettings) -> UnderstudySettings:
    """Two seconds are keyed from frame 11 on, in a scene that ends at 50."""
    bpy.ops.understudy.add_character()
    addon.quality, addon.seconds = Quality.DRAFT.name, 2.0
    bpy.context.scene.frame_end = 50
    bpy.context.scene.frame_set(11)
    bpy.ops.ed.undo_push(message="Character")
    bpy.ops.understudy.generate()
    return addon


def test_the_scene_is_made_longer_only_when_asked_and_only_then_offered(keyed: UnderstudySettings) -> None:
    assert jobs.state.frames == (11.0, 59.0) and jobs.state.about == jobs.BODY
    assert jobs.state.message == f"Keyed “a person walks forward (seed {keyed.seed})” on frames 11 to 59."
    assert bpy.context.scene.frame_end == 50
    assert bpy.ops.understudy.extend_scene() == {"FINISHED"}
    assert bpy.context.scene.frame_end == 59
    assert not bpy.ops.understudy.extend_scene.poll()


def test_a_message_can_be_put_away(keyed: UnderstudySettings) -> None:
    assert jobs.state.message
    bpy.ops.understudy.dismiss_message()
    assert jobs.state.message == "" and jobs.state.frames is None
    assert not bpy.ops.understudy.play.poll() and not bpy.ops.understudy.extend_scene.poll()


def test_what_was_undone_is_not_told_any_more(keyed: UnderstudySettings) -> None:
    assert jobs.state.message
    bpy.ops.ed.undo()
    assert jobs.state.message == ""


def test_another_file_knows_nothing_of_this_one(keyed: UnderstudySettings, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert jobs.state.message
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert jobs.state.message == ""


def test_an_error_about_the_face_is_told_with_the_face(addon: UnderstudySettings) -> None:
    with pytest.raises(RuntimeError, match="cannot be opened"):
        bpy.ops.understudy.add_flame_head(filepath="/nowhere/generic_model.pkl")
    assert jobs.state.is_error and jobs.state.about == jobs.FACE and "choose your FLAME model" in jobs.state.message


def test_work_on_the_engine_and_work_of_the_engine_exclude_each_other(addon: UnderstudySettings) -> None:
    bpy.ops.understudy.add_character()
    setting_up.state.run = run = setting_up.new_set_up(None)
    assert not bpy.ops.understudy.generate.poll() and jobs.busy() == "Looking at this machine: wait for it."
    with pytest.raises(RuntimeError, match="wait for it"):
        timed_job.started(_Pressed(), lambda engine: jobs.EngineJob(engine), lambda job: "", jobs.FACE)  # type: ignore[arg-type]
    assert setting_up.state.run is run and jobs.state.place == jobs.BODY
    setting_up.state.run = None
    jobs.begin(jobs.EngineJob(None), jobs.FACE)
    assert not bpy.ops.understudy.set_up_from_wheels.poll() and not bpy.ops.understudy.test_engine.poll()
    jobs.state.job = None


class _Pressed:
    """An operator whose file browser was open when the work began."""

    options = type("Options", (), {"is_invoke": True})

    def report(self, _kind: set[str], sentence: str) -> None:
        raise RuntimeError(sentence)
