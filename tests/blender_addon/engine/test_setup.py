"""Does the add-on find the Python that can run the engine, in the order that it promises, and say what is missing?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.blender_addon.engine import setup
from understudy.blender_addon.engine.setup import ENVIRONMENT_VARIABLE, EnginePython, EngineState, check_engine_python, find_engine_python
from understudy.core.contract import UnderstudyError

NOT_FOUND = EnginePython(EngineState.NOT_FOUND)
NOT_CHOSEN = EnginePython(EngineState.NOT_CHOSEN)


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], Path]:
    """Files that are named like interpreters; nothing is started to find them."""

    def write(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    return write


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No environment variable, no torch in this Python's path."""
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "site-packages")])
    monkeypatch.setattr(sys, "executable", "/opt/somewhere/bin/python3.11")


def with_torch(folder: Path) -> None:
    (folder / "site-packages" / "torch").mkdir(parents=True)
    (folder / "site-packages" / "torch" / "version.py").touch()


def test_the_preference_comes_before_the_environment_and_that_before_this_python(
    python: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, named = python("chosen"), python("named")
    with_torch(tmp_path)
    assert find_engine_python("") == EnginePython(EngineState.READY, "/opt/somewhere/bin/python3.11")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(named))
    assert find_engine_python("  ") == EnginePython(EngineState.READY, str(named))
    assert find_engine_python(f" {chosen} ") == EnginePython(EngineState.READY, str(chosen))


@pytest.mark.parametrize("inside", ["bin/python", "Scripts/python.exe"])
def test_the_folder_of_an_environment_will_do(inside: str, python: Callable[[str], Path], tmp_path: Path) -> None:
    path = python(f"environment/{inside}")
    assert find_engine_python(str(tmp_path / "environment")) == EnginePython(EngineState.READY, str(path))


def test_the_home_folder_may_be_shortened(python: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_engine_python("~/chosen") == NOT_FOUND
    assert find_engine_python("~/" + python("chosen").name) == EnginePython(EngineState.READY, str(tmp_path / "chosen"))


def test_a_wish_that_is_not_there_is_not_replaced_by_another(
    python: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_torch(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(python("named")))
    assert find_engine_python("/nowhere/python") == NOT_FOUND
    assert find_engine_python(str(tmp_path)) == NOT_FOUND  # a folder, but of no environment
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/nowhere/python")
    assert find_engine_python("") == NOT_FOUND


def test_without_a_wish_a_python_without_torch_does_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_engine_python("") == NOT_CHOSEN
    with_torch(tmp_path)
    for executable in ("/opt/blender-5.0/blender", "", None):
        monkeypatch.setattr(sys, "executable", executable)
        assert find_engine_python("") == NOT_CHOSEN


def test_each_state_says_in_one_line_what_to_do() -> None:
    for state in EngineState:
        assert "\n" not in state.value and not state.value.endswith(".")
        assert state is EngineState.READY or "choose" in state.value.lower()


def test_an_interpreter_is_checked_by_starting_it(engine_python: str, tmp_path: Path, executable: Callable[[str], Path]) -> None:
    assert check_engine_python(engine_python) in ("", NO_PORTAUDIO)
    with pytest.raises(UnderstudyError, match="cannot be started.*choose another Python"):
        check_engine_python(str(tmp_path / "missing"))


NO_PORTAUDIO = "Recording needs the system's library PortAudio (Debian and Ubuntu: apt install libportaudio2)."


@pytest.mark.skipif(sys.platform == "win32", reason="programs are those of Unix")
@pytest.mark.parametrize(("stand_ins", "expected"), [
    ({}, ""), ({"sounddevice": "raise OSError('PortAudio library not found')"}, NO_PORTAUDIO),
    ({"soundfile": "raise ImportError", "soxr": "raise ImportError"}, 'Voices need more: "{path}" -m pip install soundfile soxr.'),
    ({"sounddevice": "raise ImportError"}, 'Voices need more: "{path}" -m pip install sounddevice.'),
])  # fmt: skip
def test_what_voices_lack_is_told_and_bodies_are_made_without(
    stand_ins: dict[str, str], expected: str, engine_python: str, tmp_path: Path
) -> None:
    packages = {"soundfile": "", "soxr": "", "sounddevice": "", "torch": "", "safetensors": ""} | stand_ins
    for name, source in packages.items():
        (tmp_path / f"{name}.py").write_text(source)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{engine_python}" "$@"\n')
    python.chmod(0o755)
    assert check_engine_python(str(python)) == expected.format(path=python)


@pytest.fixture
def lacking(tmp_path: Path, engine_python: str) -> Path:
    """The engine's Python without its packages."""
    path = tmp_path / "lacking"
    path.write_text(f'#!/bin/sh\nexec "{engine_python}" -S "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="programs are those of Unix")
def test_an_interpreter_without_torch_or_without_an_end_is_named(lacking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnderstudyError, match="lacking lacks torch, numpy or safetensors"):
        check_engine_python(str(lacking))
    monkeypatch.setattr(setup, "_CHECK_SECONDS", 0.2)
    lacking.write_text("#!/bin/sh\nexec sleep 100\n")
    with pytest.raises(UnderstudyError, match="cannot be started"):
        check_engine_python(str(lacking))
