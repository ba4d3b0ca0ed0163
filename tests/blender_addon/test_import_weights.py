"""Can an animator import what was downloaded, choose it, use it and take it away again, without leaving Blender?"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import jobs, model_list, models, preferences
from understudy.blender_addon.engine.client import Engine
from understudy.blender_addon.operators import models as operators
from understudy.blender_addon.operators import timed_job
from understudy.blender_addon.settings import UnderstudySettings
from understudy.core.contract import ImportRequest, Quality
from understudy.tests.blender_addon.tiny_engine import write_tiny_downloads, write_tiny_engine
from understudy.tests.gui.recorded_layout import Sidebar

NAME, CLIP, FLOW = "discord-humanml3d", "clip-vit-b32", "DisCoRD_Momask_RFDecoder_best.pth"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory, engine_python: str, clip_merges: Path) -> Path:
    return write_tiny_downloads(tmp_path_factory.mktemp("downloads") / "humanml3d", engine_python)


@pytest.fixture(scope="module")
def tiny_engine_python(tmp_path_factory: pytest.TempPathFactory, engine_python: str) -> Path:
    """Stands where the engine's Python is expected, and takes tiny files for the published ones."""
    return write_tiny_engine(tmp_path_factory.mktemp("program"), engine_python)


@pytest.fixture(scope="module")
def users_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("user") / "models"
        patch.setenv("UNDERSTUDY_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def kept_tiny_engines() -> Iterator[list[Engine]]:
    """One for the tests of this file, because starting torch takes its time."""
    kept: list[Engine] = []
    yield kept
    for engine in kept:
        engine.close()


@pytest.fixture
def prefs(
    addon: UnderstudySettings, kept_engines: list[Engine], kept_tiny_engines: list[Engine], tiny_engine_python: Path, users_folder: Path
) -> Iterator[preferences.Preferences]:
    """The preferences, with an engine that takes tiny files and a folder of the user's without models."""
    chosen = preferences.current()
    assert chosen is not None
    if jobs.state.engine is not None:
        kept_engines.append(jobs.state.engine)
    jobs.state.engine = kept_tiny_engines.pop() if kept_tiny_engines else None
    chosen.engine_python = str(tiny_engine_python)
    models.refresh(chosen.models_folder)
    yield chosen
    for name in (NAME, CLIP):
        if (users_folder / name).is_dir():
            bpy.ops.understudy.remove_model(model_name=name)
    assert not users_folder.is_dir() or list(users_folder.iterdir()) == []
    if jobs.state.engine is not None:
        kept_tiny_engines.append(jobs.state.engine)
    jobs.state.engine = None


def test_an_imported_model_is_in_the_list_and_generates_without_a_restart(
    prefs: preferences.Preferences, downloads: Path
) -> None:
    assert NAME not in models.known()
    assert bpy.ops.understudy.import_weights(directory=str(downloads)) == {"FINISHED"}
    assert jobs.state.message == f"Imported “{CLIP}” and “{NAME}”." and not jobs.state.is_error and jobs.state.job is None
    assert preferences._names_of_models(prefs, bpy.context, "DISCORD") == [(NAME, models.known()[NAME].licence)]
    assert models.known()[NAME].licence.startswith("research only") and models.known()[NAME].is_imported
    prefs.model = NAME
    bpy.ops.understudy.add_character()
    settings = bpy.context.scene.understudy
    settings.quality, settings.seconds = Quality.DRAFT.name, 1.0
    assert bpy.ops.understudy.generate() == {"FINISHED"}
    assert settings.character.animation_data.action


def test_files_of_one_folder_that_were_marked(prefs: preferences.Preferences, downloads: Path, users_folder: Path) -> None:
    marked = [{"name": path.name} for path in downloads.iterdir() if path.is_file()]
    folders = [{"name": path.name} for path in downloads.iterdir() if path.is_dir()]
    assert bpy.ops.understudy.import_weights(directory=str(downloads), files=marked, dirs=folders, model_name="mine") == {"FINISHED"}
    assert sorted(path.name for path in users_folder.iterdir()) == [CLIP, "mine"]
    assert bpy.ops.understudy.remove_model(model_name="mine") == {"FINISHED"}
    assert "mine" not in models.known() and "is removed" in jobs.state.message


def test_a_refusal_is_one_sentence_where_the_animator_looks(
    prefs: preferences.Preferences, downloads: Path, users_folder: Path
) -> None:
    with pytest.raises(RuntimeError, match=r"Missing: the RVQ-VAE"):
        bpy.ops.understudy.import_weights(directory=str(downloads), files=[{"name": FLOW}])
    assert jobs.state.is_error and "nothing was imported" in jobs.state.message and "Traceback" not in jobs.state.message
    assert jobs.state.job is None and NAME not in models.known()
    with pytest.raises(RuntimeError, match=r"There is no file or folder"):
        bpy.ops.understudy.import_weights(directory=str(downloads), files=[{"name": "nowhere.zip"}])
    with pytest.raises(RuntimeError, match=r"Nothing was chosen"):
        bpy.ops.understudy.import_weights()
    assert not users_folder.is_dir() or list(users_folder.iterdir()) == []


def test_a_second_import_asks_whether_to_replace(prefs: preferences.Preferences, downloads: Path, users_folder: Path) -> None:
    bpy.ops.understudy.import_weights(directory=str(downloads))
    with pytest.raises(RuntimeError, match=r"already: choose Replace"):
        bpy.ops.understudy.import_weights(directory=str(downloads))
    before = (users_folder / NAME / models.CARD_FILE).stat().st_mtime_ns
    assert bpy.ops.understudy.import_weights(directory=str(downloads), use_replace=True) == {"FINISHED"}
    assert (users_folder / NAME / models.CARD_FILE).stat().st_mtime_ns > before


def test_what_others_need_stays_and_a_removed_model_is_chosen_no_longer(
    prefs: preferences.Preferences, downloads: Path, users_folder: Path
) -> None:
    bpy.ops.understudy.import_weights(directory=str(downloads))
    with pytest.raises(RuntimeError, match=f"{NAME} read prompts with {CLIP}: remove these first"):
        bpy.ops.understudy.remove_model(model_name=CLIP)
    prefs.model = NAME
    assert bpy.ops.understudy.remove_model(model_name=NAME) == {"FINISHED"}
    assert prefs.model == "" and NAME not in models.known()
    with pytest.raises(RuntimeError, match=r'no "starter" in .* Only these can be removed'):
        bpy.ops.understudy.remove_model(model_name="starter")
    assert bpy.ops.understudy.remove_model(model_name=CLIP) == {"FINISHED"}
    assert list(users_folder.iterdir()) == [] and not any(each.is_imported for each in models.installed())


def tick_until(stage: str) -> jobs.ModelJob:
    """What Blender's timer does, as far as this stage."""
    job = jobs.state.job
    assert isinstance(job, jobs.ModelJob)
    until = time.monotonic() + 60
    while job.stage != stage and timed_job.tick() is not None:
        assert time.monotonic() < until
        time.sleep(0.002)
    return job


@pytest.mark.parametrize("stage", ["Starting the engine", "Reading"])
def test_a_cancelled_import_leaves_nothing(
    stage: str, prefs: preferences.Preferences, downloads: Path, users_folder: Path
) -> None:
    engine = jobs.ready_engine()
    job = jobs.ModelJob(engine, ImportRequest(engine.next_id(), (str(downloads),)))
    timed_job.drive(job, operators._finish, jobs.BODY)
    tick_until(stage)
    assert bpy.ops.understudy.cancel() == {"FINISHED"}
    tick_until("the end")
    assert jobs.state.message.startswith("Cancelled") and not jobs.state.is_error and jobs.state.job is None
    assert not users_folder.is_dir() or list(users_folder.iterdir()) == []


def test_the_timer_of_the_interface_ends_with_the_model_in_the_list(prefs: preferences.Preferences, downloads: Path) -> None:
    engine = jobs.ready_engine()
    job = jobs.ModelJob(engine, ImportRequest(engine.next_id(), (str(downloads),)))
    timed_job.drive(job, operators._finish, jobs.BODY)
    assert not bpy.ops.understudy.import_weights.poll() and not bpy.ops.understudy.remove_model.poll()
    with pytest.raises(RuntimeError):
        bpy.ops.understudy.generate()
    assert 0 <= tick_until("Reading").factor <= 1
    tick_until("the end")
    assert NAME in models.known() and jobs.state.job is None and timed_job.tick() is None


@pytest.mark.parametrize(("files", "folders", "expected"), [
    (["a.zip", "b.pt"], [], ["d/a.zip", "d/b.pt"]), ([""], ["d/"], ["d"]), ([], [], ["d"]), ([""], ["sub"], ["d/sub"]),
    (["a.zip"], ["sub/"], ["d/a.zip", "d/sub"]), ([""], [".."], ["d"]),
])  # fmt: skip
def test_what_a_file_browser_gives_becomes_paths(files: list[str], folders: list[str], expected: list[str], tmp_path: Path) -> None:
    """Without a marked folder Blender names the one that is shown, in full."""
    folders = [str(tmp_path / each) + os.sep if each == "d/" else each for each in folders]
    found = operators.chosen_paths(str(tmp_path / "d") + os.sep, files, folders)
    assert found == tuple(str(tmp_path / each) for each in expected)


class Drawn:
    """A layout that remembers labels and buttons."""

    def __init__(self, seen: list[str] | None = None) -> None:
        self.seen: list[str] = [] if seen is None else seen
        self.model_name = ""

    def __getattr__(self, _what: str) -> object:
        return lambda *_arguments, **_options: Drawn(self.seen)

    def label(self, text: str = "", **_options: object) -> None:
        self.seen.append(text)

    def progress(self, text: str = "", **_options: object) -> None:
        self.seen.append(text)

    def operator(self, name: str, **_options: object) -> Drawn:
        self.seen.append(name)
        return self


def test_the_preferences_show_licences_and_remove_only_what_was_imported(prefs: preferences.Preferences, downloads: Path) -> None:
    bpy.ops.understudy.import_weights(directory=str(downloads))
    drawn = Drawn()
    model_list.draw_models(drawn, Sidebar(4000))  # type: ignore[arg-type]
    said = " | ".join(drawn.seen)
    assert "starter | " in said and "not for commercial work" in said and "research only: trained on AMASS" in said
    assert f"{CLIP} | Text encoder, shared by imported models. MIT" in said and f"Imported “{CLIP}” and “{NAME}”." in said
    assert drawn.seen.count("understudy.remove_model") == 2 and drawn.seen.count("understudy.import_weights") == 1
