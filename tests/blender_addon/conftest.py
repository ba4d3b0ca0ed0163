"""Real bpy, a real worker, and a tiny model that the engine's own Python writes, because this Python may have no torch."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy import blender_addon
from understudy.blender_addon import jobs, preferences, settings
from understudy.blender_addon.animation.face_keys import ARKIT_NAMES
from understudy.blender_addon.engine.client import Engine

SPEAKING_WORKER = Path(__file__).resolve().parent / "speaking_worker.py"
TINY_MODEL_SCRIPT = Path(__file__).resolve().parents[1] / "tiny_model.py"
TINY_FACE_SCRIPT = Path(__file__).resolve().parents[1] / "tiny_face_model.py"


@pytest.fixture(scope="session")
def engine_python() -> str:
    return os.environ.get("UNDERSTUDY_PYTHON", sys.executable)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, engine_python: str, minilm_folder: Path) -> Path:
    """A folder of models that holds one called "tiny"."""
    folder = tmp_path_factory.mktemp("blender_models")
    subprocess.run([engine_python, TINY_MODEL_SCRIPT, folder / "tiny"], check=True)
    return folder


@pytest.fixture(scope="session")
def face_models(models: Path, engine_python: str) -> Path:
    """The same folder, which now holds a model of faces called "tiny_face" too."""
    subprocess.run([engine_python, TINY_FACE_SCRIPT, models / "tiny_face"], check=True)
    return models


@pytest.fixture(scope="session")
def kept_engines() -> Iterator[list[Engine]]:
    """One engine for the tests that leave it idle, because starting torch takes its time."""
    kept: list[Engine] = []
    yield kept
    for engine in kept:
        engine.close()


@pytest.fixture(scope="session")
def speaking_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that can stand where the engine's Python is expected and answers at once; see speaking_worker."""
    program = tmp_path_factory.mktemp("speaking") / "python"
    program.write_text(f'#!/bin/sh\nFACE_SHAPES="{" ".join(ARKIT_NAMES)}" exec "{sys.executable}" -s "{SPEAKING_WORKER}"\n')
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Two seconds of a sound file called hello.wav."""
    return write_voice(tmp_path / "hello.wav", 2.0)


def write_voice(path: Path, seconds: float, rate: int = 16000) -> Path:
    """Noise that grows and fades."""
    count = int(seconds * rate)
    noise = np.random.default_rng(0).normal(0, 3000, count) * np.sin(np.linspace(0, 3 * np.pi, count)) ** 2
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(noise.astype("<i2").tobytes())
    return path


@pytest.fixture
def speaking(speaking_python: str) -> Iterator[settings.UnderstudySettings]:
    """The add-on registered in an empty scene with a worker that speaks at once; gives the scene's settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = preferences.EXTENSION
    blender_addon.register()
    chosen = preferences.current()
    assert chosen is not None
    chosen.engine_python = speaking_python
    yield settings.of(bpy.context.scene)
    blender_addon.unregister()
    bpy.context.preferences.addons.remove(entry)
    jobs.state.__init__()  # type: ignore[misc]


@pytest.fixture
def addon(models: Path, kept_engines: list[Engine]) -> Iterator[settings.UnderstudySettings]:
    """The add-on registered in an empty scene, using the tiny model; gives the scene's settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = preferences.EXTENSION
    blender_addon.register()
    chosen = preferences.current()
    assert chosen is not None
    chosen.models_folder, chosen.model, chosen.device = str(models), "tiny", "cpu"
    bpy.ops.ed.undo_push(message="Start")
    jobs.state.engine = kept_engines.pop() if kept_engines else None
    yield settings.of(bpy.context.scene)
    if jobs.state.engine is not None and jobs.state.engine.is_running and not jobs.state.engine.is_busy:
        kept_engines.append(jobs.state.engine)
        jobs.state.engine = None
    blender_addon.unregister()
    bpy.context.preferences.addons.remove(entry)
    jobs.state.__init__()  # type: ignore[misc]
