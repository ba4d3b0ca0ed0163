"""Finds the Python that the worker runs on: one that has torch. Blender's own never imports it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ...core.contract import UnderstudyError

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
    NOT_CHOSEN = "Choose the engine's Python in the preferences: one with torch, numpy and safetensors"
    NOT_FOUND = "The engine's Python of the preferences does not exist: choose another"


@dataclass(frozen=True)
class EnginePython:
    """state, and the interpreter where it is READY."""

    state: EngineState
    path: str = ""


def find_engine_python(preference: str) -> EnginePython:
    """From the preference, the environment variable, or this very Python if it has torch. Quick enough to call while drawing."""
    for wish in (preference.strip(), os.environ.get(ENVIRONMENT_VARIABLE, "")):
        if wish:
            path = _interpreter(Path(wish).expanduser())
            return EnginePython(EngineState.READY, str(path)) if path else EnginePython(EngineState.NOT_FOUND)
    if _torch_is_beside_us():
        return EnginePython(EngineState.READY, sys.executable)
    return EnginePython(EngineState.NOT_CHOSEN)


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
