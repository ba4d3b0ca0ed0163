"""Can the engine be set up from inside Blender, by its button and by its command, and does the panel's state follow?"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import batch, engine_runs, jobs, preferences, setting_up
from understudy.blender_addon.engine import setup
from understudy.blender_addon.engine.machine import Machine
from understudy.blender_addon.engine.setup import EngineState
from understudy.blender_addon.operators import set_up
from understudy.blender_addon.settings import UnderstudySettings
from understudy.tests.blender_addon.engine.small_wheels import write_wheels

PATIENCE_S = 120.0


@pytest.fixture
def root(addon: UnderstudySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the engine is set up: an empty place; no other engine is known."""
    monkeypatch.delenv(setup.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(setup, "_torch_is_beside_us", lambda: False)
    monkeypatch.setattr(setting_up, "engine_root", lambda: tmp_path / "engine")
    setting_up.forget()
    yield tmp_path / "engine"
    setting_up.state.__init__()  # type: ignore[misc]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheels(tmp_path_factory.mktemp("wheels"), modules=400)


def test_by_the_button_from_wheels_to_ready_and_away_again(root: Path, wheels: Path) -> None:
    assert setting_up.found().state is EngineState.NOT_SET_UP
    assert jobs.engine_refusal().startswith("Set the engine up once")
    with pytest.raises(RuntimeError, match="Blender may not go online yet"):
        bpy.ops.understudy.set_up_engine()
    assert bpy.ops.understudy.set_up_from_wheels(directory=str(wheels)) == {"FINISHED"}
    assert jobs.state.message == "The engine is set up; it computes on the processor."
    assert setting_up.found().state is EngineState.READY and jobs.engine_refusal() == ""
    assert Path(jobs.ready_engine().settings.python).is_relative_to(root)
    bpy.ops.understudy.show_set_up_log()
    assert "Successfully installed" in bpy.data.texts[set_up.LOG_NAME].as_string()
    assert bpy.ops.understudy.remove_engine() == {"FINISHED"}
    assert setting_up.found().state is EngineState.NOT_SET_UP
    assert jobs.state.message.endswith("MB are free again.")


def test_a_folder_without_wheels_is_refused_in_words(root: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has no wheel of torch==.* put it there"):
        bpy.ops.understudy.set_up_from_wheels(directory=str(tmp_path))
    assert jobs.state.is_error and setting_up.state.run is None
    assert setting_up.found().state is EngineState.HALF_SET_UP


def test_while_it_runs_nothing_waits_and_it_can_be_cancelled(root: Path, wheels: Path) -> None:
    setting_up.state.run = setting_up.new_set_up(wheels)
    longest, steps = 0.0, set()
    while setting_up.state.run is not None and setting_up.state.run.step != "Unpacking":
        began = time.process_time()
        set_up._tick()
        longest = max(longest, time.process_time() - began)
        steps.add(setting_up.state.run.step if setting_up.state.run else "")
        assert setting_up.found().state in (EngineState.SETTING_UP, EngineState.READY)
        time.sleep(0.002)
    assert longest < 0.03, f"the interface was held for {longest:.3f} s"
    assert "Making the environment" in steps
    bpy.ops.understudy.cancel_set_up()
    until = time.monotonic() + PATIENCE_S
    while setting_up.state.run is not None:
        assert time.monotonic() < until
        set_up._tick()
        time.sleep(0.005)
    assert jobs.state.message.startswith("The set-up was cancelled. What was fetched is kept")
    assert not jobs.state.is_error and setting_up.found().state is EngineState.HALF_SET_UP
    assert bpy.ops.understudy.set_up_from_wheels(directory=str(wheels)) == {"FINISHED"}


def test_no_job_starts_meanwhile(root: Path, wheels: Path) -> None:
    setting_up.state.run = run = setting_up.new_set_up(wheels)
    assert jobs.engine_refusal() == "The engine is being set up."
    assert not bpy.ops.understudy.set_up_from_wheels.poll() and not bpy.ops.understudy.remove_engine.poll()
    run.stop()
    setting_up.state.run = None


def test_what_would_be_fetched_is_known_before_anyone_agrees(root: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while set_up._look() is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
    look = setting_up.state.look
    assert look is not None
    assert look.offer.startswith("For this machine (") and "to fetch and" in look.offer
    look.machine = Machine("darwin", "x86_64", "3.11")
    assert "no longer made for Macs with Intel" in look.offer
    setting_up.state.run = setting_up.new_set_up()
    set_up._tick()
    assert setting_up.state.run is None and "no longer made for Macs" in jobs.state.message and jobs.state.is_error


def test_a_look_that_hangs_can_be_cancelled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_runs, "look_at_machine", lambda: time.sleep(1.0))
    setting_up.state.run = setting_up.new_set_up()
    set_up._tick()
    assert setting_up.state.run.step == "Looking at this machine"
    bpy.ops.understudy.cancel_set_up()
    set_up._tick()
    assert setting_up.state.run is None and jobs.state.message.startswith("The set-up was cancelled before")


def test_the_command_sets_up_from_wheels_and_removes(root: Path, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch.main(["setup"]) == batch.CANNOT_START
    assert "start it with --online-mode, or give --wheels FOLDER" in capsys.readouterr().err
    assert batch.main(["setup", "--wheels", str(wheels)]) == batch.DONE
    said = capsys.readouterr().err
    assert "Making the environment" in said and "understudy: The engine is set up; it computes on the processor." in said
    assert setting_up.found().state is EngineState.READY
    assert batch.main(["setup", "--remove"]) == batch.DONE
    assert setting_up.found().state is EngineState.NOT_SET_UP
    assert batch.main(["setup", "--wheels", str(root / "nowhere")]) == batch.CANNOT_START
    assert "is no folder: choose the one with the wheels" in capsys.readouterr().err


def test_the_command_takes_a_python_that_has_torch(
    root: Path, engine_python: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLENDER_USER_CONFIG", str(tmp_path))
    assert batch.main(["setup", "--python", engine_python]) == batch.DONE
    assert f"the engine runs on {engine_python}" in capsys.readouterr().err
    chosen = preferences.current()
    assert chosen is not None and chosen.engine_python == os.path.abspath(engine_python)  # noqa: PTH100 (a link stays what it is)
    assert batch.main(["setup", "--python", str(root / "nowhere")]) == batch.CANNOT_START
    assert "does not exist: name an interpreter" in capsys.readouterr().err
