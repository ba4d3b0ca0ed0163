"""Can an animator find out whether the chosen Python will do, before the first job?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import preferences
from understudy.blender_addon.settings import UnderstudySettings


def test_the_engine_can_be_checked_before_its_first_job(addon: UnderstudySettings, engine_python: str, tmp_path: Path) -> None:
    chosen = preferences.current()
    assert chosen is not None
    chosen.engine_python = engine_python
    assert bpy.ops.understudy.check_engine() == {"FINISHED"}
    subprocess.run([engine_python, "-m", "venv", "--without-pip", tmp_path / "empty"], check=True)
    chosen.engine_python = str(tmp_path / "empty")
    with pytest.raises(RuntimeError, match="lacks torch, numpy or safetensors: install them there"):
        bpy.ops.understudy.check_engine()
    chosen.engine_python = str(tmp_path / "nowhere")
    with pytest.raises(RuntimeError, match="does not exist: choose another"):
        bpy.ops.understudy.check_engine()
