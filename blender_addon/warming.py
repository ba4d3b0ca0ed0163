"""The engine is made ready while the animator still adds a character and types, so that the first motion does not wait for it."""

from __future__ import annotations

import bpy

from ..core.contract import UnderstudyError
from . import jobs, models, preferences, setting_up

_SECONDS = 0.2  # after the first sign: not inside the operator or the keystroke that gave it


def soon() -> None:
    """Somebody is about to generate. Cheap: called at every keystroke in the prompt."""
    running = jobs.state.engine is not None and jobs.state.engine.is_running
    if not running and not bpy.app.background and not bpy.app.timers.is_registered(warm_up):
        bpy.app.timers.register(warm_up, first_interval=_SECONDS)


def warm_up() -> None:
    """Starts the engine and has it load the body model, where it can be started, does not run yet, and the preferences allow it."""
    chosen = preferences.current()
    if jobs.state.job is not None or not setting_up.found().state.is_usable or (chosen and not chosen.use_early_start):
        return
    try:
        jobs.ready_engine().warm_up(models.wanted(chosen.model if chosen else ""), chosen.device if chosen else "auto")
    except UnderstudyError:
        return  # Generate meets the same, and tells it


def register() -> None:
    """The timer starts with the first sign."""


def unregister() -> None:
    if bpy.app.timers.is_registered(warm_up):
        bpy.app.timers.unregister(warm_up)
