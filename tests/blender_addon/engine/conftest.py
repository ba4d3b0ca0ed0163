"""Engines with the tiny model, and patience that ends."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
# The engine needs no Blender: without one, its room is opened without the add-on's own __init__
if importlib.util.find_spec("bpy") is None and "understudy.blender_addon" not in sys.modules:
    _room = types.ModuleType("understudy.blender_addon")
    _room.__path__ = [str(REPO / "blender_addon")]
    sys.modules["understudy.blender_addon"] = _room
