"""When the engine gives its memory back by itself: after a time without work, and before a render if the animator wishes."""

from __future__ import annotations

import bpy

from . import jobs, models, preferences
from .engine.process_memory import resident_mb
from .feedback import redraw

LOOK_SECONDS = 5.0


def give_back_if_idle() -> bool:
    """Ends an engine that had nothing to do for as long as the preferences say; whether it did."""
    engine, chosen = jobs.state.engine, preferences.current()
    minutes = chosen.idle_minutes if chosen else 0
    if engine is None or not engine.is_running or jobs.state.job is not None or not minutes or engine.idle_seconds < 60.0 * minutes:
        return False
    jobs.stop_engine()
    return True


def measure() -> float:
    """MB that the engine holds now, for the panel."""
    engine = jobs.state.engine
    return resident_mb(engine.pid) if engine is not None and engine.is_running else 0.0


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _before_render(_scene: bpy.types.Scene, _depsgraph: object = None) -> None:
    chosen = preferences.current()
    if chosen and chosen.use_free_before_render and jobs.state.job is None:
        jobs.stop_engine()


def _tick() -> float:
    before = jobs.state.memory_mb
    give_back_if_idle()
    jobs.state.memory_mb = measure()
    if models.read_choice() or abs(jobs.state.memory_mb - before) > 1.0:
        redraw(bpy.context.window_manager)
    return LOOK_SECONDS


def register() -> None:
    bpy.app.handlers.render_init.append(_before_render)
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=LOOK_SECONDS, persistent=True)


def unregister() -> None:
    bpy.app.handlers.render_init.remove(_before_render)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
