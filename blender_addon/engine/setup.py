"""Finds the Python that the worker runs on: one that has torch. Blender's own never imports it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ...core.contract import UnderstudyError
from .environments import Environment, environment_folder, is_half_made, made_environments
from .installer import environment_python

ENVIRONMENT_VARIABLE = "UNDERSTUDY_PYTHON"
_CHECK = """
import importlib, importlib.util, sys

for name in ("soundfile", "soxr", "sounddevice"):
    try:
        importlib.import_module(name)
    except ImportError:
        print(name)
    except OSError:
        print("PortAudio")
sys.exit(any(importlib.util.find_spec(name) is None for name in ("torch", "numpy", "safetensors")))
"""
_CHECK_SECONDS = 20.0


class EngineState(Enum):
    """Whether the engine can be started; the value is the sentence for the panel."""

    READY = "Engine ready"
    OLDER = "The engine works, but was set up for another version of Blender or Understudy: set it up again to bring it up to date"
    NOT_SET_UP = "Set the engine up once: PyTorch is fetched, and stays on this machine"
    HALF_SET_UP = "The set-up was interrupted: set the engine up, and it goes on where it stopped"
    MOVED = "The Python that the engine was set up with is gone, as after moving Blender: set it up again, which keeps what it can"
    NOT_FOUND = "The engine's Python of the preferences does not exist: choose another, or leave the field empty"
    SETTING_UP = "The engine is being set up"

    @property
    def is_usable(self) -> bool:
        """The worker can be started."""
        return self in (EngineState.READY, EngineState.OLDER)

    @property
    def wants_set_up(self) -> bool:
        """Setting up is what helps."""
        return self in (EngineState.OLDER, EngineState.NOT_SET_UP, EngineState.HALF_SET_UP, EngineState.MOVED)


@dataclass(frozen=True)
class EnginePython:
    """state, the interpreter where it is usable, and the environment where it is one that we made."""

    state: EngineState
    path: str = ""
    environment: Environment | None = None


def find_engine_python(preference: str, root: Path | None = None) -> EnginePython:
    """From the preference, the environment variable, what the set-up made below `root`, or this very Python if it has torch.

    Quick enough to call while drawing, now and then.
    """
    for wish in (preference.strip(), os.environ.get(ENVIRONMENT_VARIABLE, "")):
        if wish:
            path = _interpreter(Path(wish).expanduser())
            return EnginePython(EngineState.READY, str(path)) if path else EnginePython(EngineState.NOT_FOUND)
    made = made_environments(root) if root is not None else []
    if working := next((each for each in made if each.works), None):
        state = EngineState.READY if working.fits else EngineState.OLDER
        return EnginePython(state, str(environment_python(working.folder)), working)
    if _torch_is_beside_us():
        return EnginePython(EngineState.READY, sys.executable)
    return EnginePython(_state_without(root, made))


def _state_without(root: Path | None, made: list[Environment]) -> EngineState:
    if root is not None and any(each.folder == environment_folder(root) for each in made):
        return EngineState.MOVED
    return EngineState.HALF_SET_UP if root is not None and is_half_made(root) else EngineState.NOT_SET_UP


def check_engine_python(path: str) -> str:
    """Starts it and looks for the packages; takes a moment, so never while drawing. Gives a sentence on what voices lack, or "".

    Raises UnderstudyError with what is missing for everything.
    """
    try:
        found = subprocess.run([path, "-s", "-c", _CHECK], capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnderstudyError(f"{path} cannot be started ({error}): choose another Python in the preferences.") from error
    if found.returncode:
        raise UnderstudyError(f"{path} lacks torch, numpy or safetensors: install them there, or choose another Python.")
    return _lacking_for_voices(path, found.stdout.split())


def _lacking_for_voices(path: str, missing: list[str]) -> str:
    packages = " ".join(name for name in missing if name != "PortAudio")
    lacking = [f'Voices need more: "{path}" -m pip install {packages}.'] if packages else []
    if "PortAudio" in missing:
        lacking.append("Recording needs the system's library PortAudio (Debian and Ubuntu: apt install libportaudio2).")
    return " ".join(lacking)


def _interpreter(wish: Path) -> Path | None:
    """A path to an interpreter, or to the folder of an environment."""
    candidates = (wish, wish / "bin" / "python", wish / "Scripts" / "python.exe")
    return next((path for path in candidates if path.is_file()), None)


def _torch_is_beside_us() -> bool:
    """Torch lies in a folder of this Python's path; looked up without importing anything of it."""
    return (
        bool(sys.executable)
        and any(Path(folder, "torch", "version.py").is_file() for folder in sys.path if folder)
        and Path(sys.executable).name.lower().startswith("python")
    )
