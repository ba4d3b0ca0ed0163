"""Does the engine's test tell a sound engine from one that is not, and does the report say what is needed and nothing personal?"""

from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import jobs, preferences, report, self_test, setting_up
from understudy.blender_addon.settings import UnderstudySettings
from understudy.core.contract import VERSION, BodyMotion, Cancelled, UnderstudyError


@pytest.fixture
def motion() -> BodyMotion:
    """One second of a sound motion: hips at 0.9 m, one joint turning."""
    frames, joints = 21, 3
    turn = np.linspace(0.0, 0.5, frames, dtype=np.float32)
    rotations = np.zeros((frames, joints, 4), np.float32)
    rotations[..., 0] = 1.0
    rotations[:, 1, 0], rotations[:, 1, 1] = np.cos(turn), np.sin(turn)
    translation = np.tile(np.float32([0.0, 0.9, 0.0]), (frames, 1))
    names, offsets = ("pelvis", "left_knee", "left_ankle"), np.zeros((joints, 3), np.float32)
    return BodyMotion(translation, rotations, np.zeros((frames, 4), np.float32), names, (-1, 0, 1), offsets, 20.0)


def test_a_sound_engine_passes_and_the_scene_is_not_touched(addon: UnderstudySettings) -> None:
    before = [len(kind) for kind in (bpy.data.objects, bpy.data.actions)]
    assert bpy.ops.understudy.test_engine() == {"FINISHED"}
    assert jobs.state.message.startswith("The engine works: 1 s of motion in ")
    assert [len(kind) for kind in (bpy.data.objects, bpy.data.actions)] == before


def test_a_model_that_cannot_be_loaded_fails_the_test_in_words(addon: UnderstudySettings) -> None:
    chosen = preferences.current()
    assert chosen is not None
    chosen.model = "no such model"
    with pytest.raises(RuntimeError, match="no such model"):
        bpy.ops.understudy.test_engine()
    assert jobs.state.is_error and setting_up.state.run is None


def test_an_engine_that_is_stopped_meanwhile_ends_its_test(addon: UnderstudySettings) -> None:
    test = self_test.EngineTest(jobs.ready_engine(), "tiny", "cpu")
    jobs.stop_engine()
    with pytest.raises(Cancelled, match="stopped in the middle"):
        test.advance()


def changed(motion: BodyMotion, **arrays: np.ndarray) -> BodyMotion:
    return replace(motion, **arrays)  # type: ignore[arg-type]


def test_what_is_no_motion_is_told_from_one(motion: BodyMotion) -> None:
    self_test.check_motion(motion)
    still = np.tile(motion.rotations[:1], (21, 1, 1))
    cases = {
        "nothing moves": changed(motion, rotations=still),
        "its rotations are none": changed(motion, rotations=motion.rotations * np.float32(1.1)),
        "numbers that are none": changed(motion, translation=motion.translation * np.float32("nan")),
        "its hips are 9.00 to 9.00 m high": changed(motion, translation=motion.translation * np.float32(10.0)),
        "it has 11 frames and not 21": changed(
            motion, translation=motion.translation[:11], rotations=motion.rotations[:11], contacts=motion.contacts[:11]
        ),
    }
    for reason, wrong in cases.items():
        with pytest.raises(UnderstudyError, match=reason):
            self_test.check_motion(wrong)


def test_the_report_says_what_a_developer_asks_first(addon: UnderstudySettings) -> None:
    jobs.state.message = f"{Path.home()}/films/hero.blend cannot be written"
    text = report.report()
    for part in (f"Understudy {VERSION}, Blender {bpy.app.version_string}", "Engine: READY", "Device: cpu", "Model: tiny"):
        assert part in text
    assert "~/films/hero.blend cannot be written" in text
    assert str(Path.home()) not in text and bpy.ops.understudy.copy_report.poll()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/home/jane/shots/a.blend and /home/jane", "~/shots/a.blend and ~"),
        (r"C:\Users\Jane\AppData\Local", r"~\AppData\Local"),
        (r"'C:\\Users\\Jane\\x'", r"'~\\x'"),
        ('File "/Users/jane/Library/x.py", line 3', 'File "~/Library/x.py", line 3'),
        ("nothing to hide at 24 fps", "nothing to hide at 24 fps"),
    ],
)
def test_homes_of_every_system_are_left_out(line: str, expected: str) -> None:
    assert report.without_personal_paths(line) == expected


def test_the_users_name_and_the_files_folder_are_left_out(addon: UnderstudySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "quentin")
    assert report.without_personal_paths("ask quentin about quentinite") == "ask <user> about quentinite"
    folder = tmp_path / "secret project"
    folder.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "a.blend"))
    assert report.without_personal_paths(f"{folder}/take.npz") == "<file's folder>/take.npz"
