"""One journey in one Blender: `blender --enable-event-simulate --python session.py`, with UNDERSTUDY_GUI_JOURNEY and ..._FOLDER set.

Writes log.json and pictures into the folder and quits; what went wrong is under "error" in the log.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
from animator import Animator
from hard_use import HARD_USE
from journeys import JOURNEYS

animator = Animator(Path(os.environ["UNDERSTUDY_GUI_FOLDER"]))
_steps = (JOURNEYS | HARD_USE)[os.environ["UNDERSTUDY_GUI_JOURNEY"]](animator)
_ending: list[bool] = []


def _tick() -> float | None:
    try:
        return next(_steps)
    except StopIteration:
        animator.seen["finished"] = not _ending
    except Exception:
        if not _ending:
            _ending.append(True)
            animator.seen["error"] = traceback.format_exc()
            return _last_picture()
    animator.note("end")
    bpy.ops.wm.quit_blender()
    return None


def _last_picture() -> float:
    """What the screen showed when it went wrong."""
    global _steps
    _steps = animator.picture("error")
    return 0.1


animator.seen["blender"] = bpy.app.version_string
bpy.app.timers.register(_tick, first_interval=1.5, persistent=True)
