"""One journey in one Blender: `blender --enable-event-simulate --python session.py`, with UNDERSTUDY_GUI_JOURNEY, ..._FOLDER and what bench.py gives set.

Writes log.json and pictures into the folder and quits; what went wrong is under "error" in the log.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import engine_journeys
import hard_use
import journeys
import looks
import pictures
from animator import Animator

animator = Animator(Path(os.environ["UNDERSTUDY_GUI_FOLDER"]))
_journey = os.environ["UNDERSTUDY_GUI_JOURNEY"]
_steps = next(getattr(room, _journey) for room in (journeys, engine_journeys, looks, pictures, hard_use) if hasattr(room, _journey))(animator)
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
