"""The add-on's programs as somebody runs them, each in a process of its own: a fault of Workbench would end this one; and what they draw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np

TESTS = Path(__file__).resolve().parents[1]
PROGRAM = """
import runpy, sys
sys.path.insert(0, {tests!r})
from tiny_model import make_package_importable
make_package_importable()
runpy.run_module("understudy.blender_addon.{module}", run_name="__main__", alter_sys=True)
"""


def run_program(module: str, engine_python: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(tests=str(TESTS), module=module), *map(str, arguments)]
    environment = {**os.environ, "UNDERSTUDY_PYTHON": engine_python}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def pixels_of(path: Path) -> np.ndarray:
    """A picture (H, W, 3) in 0..1, top row first."""
    image = bpy.data.images.load(str(path))
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)[::-1, :, :3]
