"""The engine as the sidebar and the preferences show it: the one button that sets it up, how far that is, and what is there.

Draws, never decides: no disk, no process, nothing that waits.
"""

from __future__ import annotations

import time

import bpy

from . import jobs, preferences, setting_up
from .engine.setup import EnginePython, EngineState
from .engine_runs import Run
from .feedback import draw_message, draw_pair, draw_sentence


def draw_set_up(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the engine lacks in a sentence, what would be fetched in a second, and one button. Progress while something is done to it."""
    if setting_up.state.run is not None:
        _draw_progress(layout, context, setting_up.state.run)
        return
    found = setting_up.found().state
    draw_sentence(layout, context, found.value + ".", "INFO")
    if found.wants_set_up:
        _draw_button(layout, context)
    else:
        layout.operator("understudy.preferences")


def draw_update(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """For an engine that works, but was set up for another Blender or another version: that, and the button."""
    if setting_up.found().state is EngineState.OLDER and setting_up.state.run is None:
        draw_sentence(layout, context, EngineState.OLDER.value + ".", "INFO")
        _draw_button(layout, context)


def draw_engine(layout: bpy.types.UILayout, context: bpy.types.Context, is_alone: bool = True) -> None:
    """State and device, and the buttons that set up, repair and remove.

    is_alone: nothing above it tells what the engine lacks, how far work on it is, and how that ended.
    """
    found = setting_up.found()
    if is_alone and (setting_up.state.run is not None or not found.state.is_usable):
        draw_set_up(layout, context)
    elif found.state.is_usable:
        _draw_found(layout, context, found)
    if is_alone:
        draw_update(layout, context)
        draw_message(layout, context, jobs.ENGINE)
    _draw_others(layout, context, found)


def _draw_found(layout: bpy.types.UILayout, context: bpy.types.Context, found: EnginePython) -> None:
    if found.state is EngineState.READY:
        draw_sentence(layout, context, found.state.value + ".", "CHECKMARK")
    if found.environment is not None:
        device = _device(found.environment.device)
        draw_sentence(layout, context, f"PyTorch {found.environment.torch}, Python {found.environment.python}, {device}", "BLANK1")
    _draw_worker(layout, context)


def _device(card: str) -> str:
    """What the engine computes on: the card that the environment found, unless the preferences say otherwise."""
    chosen = preferences.current()
    return card if card and (chosen is None or chosen.device != "cpu") else "processor"


def _draw_worker(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    running = jobs.state.engine is not None and jobs.state.engine.is_running
    memory = f", {jobs.state.memory_mb:,.0f} MB" if jobs.state.memory_mb else ""
    told = f"Running{memory}{card_memory_shown()}" if running else "Starts with the first generation"
    draw_sentence(layout, context, told, "PLAY" if running else "PAUSE")
    row = draw_pair(layout, context)
    row.operator("understudy.stop_engine")
    row.operator("understudy.show_log")


def card_memory_shown() -> str:
    """", card 512 of 8,188 MB" after the engine used the graphics card; else empty."""
    card = jobs.state.engine.card_memory if jobs.state.engine is not None and jobs.state.engine.is_running else None
    return f", card {card.held_mb:,.0f} of {card.total_mb:,.0f} MB" if card else ""


def _draw_others(layout: bpy.types.UILayout, context: bpy.types.Context, found: EnginePython) -> None:
    column = layout.column(align=True)
    column.operator("understudy.set_up_from_wheels", icon="FILE_FOLDER")
    if found.state.is_usable:
        column.operator("understudy.test_engine")
    row = draw_pair(column, context)
    row.operator("understudy.copy_report")
    row.operator("understudy.show_set_up_log")
    if found.state.is_usable and found.environment is None:
        column.operator("understudy.check_engine")
    if found.environment is not None:
        row = draw_pair(column, context)
        row.operator("understudy.set_up_engine", text="Repair").use_repair = True
        row.operator("understudy.remove_engine", text="Remove")


def _draw_button(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Blender's own button that allows going online stands where that must come first."""
    look, reason = setting_up.state.look, setting_up.offline_reason()
    offer = look.offer if look is not None else ""
    draw_sentence(layout, context, offer or "Looking at this machine...", "BLANK1")
    if reason:
        draw_sentence(layout, context, reason + ".", "INTERNET_OFFLINE")
    row = layout.row()
    row.scale_y = 1.6
    row.enabled = bool(offer)  # nobody agrees to what is not said yet, nor presses a button that moves away
    if reason and not bpy.app.online_access_override:
        row.operator("extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET")
    elif reason:
        row.operator("understudy.set_up_from_wheels", icon="FILE_FOLDER")
    else:
        row.operator("understudy.set_up_engine", icon="IMPORT")


def _draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context, run: Run) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=run.factor, text=f"{run.step}  {time.monotonic() - run.began:.0f} s", type="BAR")
    row.operator("understudy.cancel_set_up", text="", icon="X")
    if run.detail:
        draw_sentence(layout, context, run.detail, "BLANK1")
