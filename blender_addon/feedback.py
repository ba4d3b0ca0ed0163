"""What the engine tells the animator, drawn in the sidebar and in the preferences: how far it is, and its sentences."""

from __future__ import annotations

import math
import textwrap
import time

import bpy

from . import jobs

_PIXELS_A_CHARACTER = 7.0
_CLIPPED = 0.99
# The regions that show it. Drawing the whole viewport at every step would take the engine's processor
_REGIONS = {"VIEW_3D": "UI", "PREFERENCES": "WINDOW"}


def draw_progress(layout: bpy.types.UILayout, job: jobs.EngineJob) -> None:
    """A bar with the stage and its seconds, and the button that stops it."""
    seconds = time.monotonic() - job.began
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=job.factor, text=f"{job.stage}  {seconds:.0f} s", type="BAR")
    row.operator("understudy.cancel", text="", icon="X")


def draw_recording(layout: bpy.types.UILayout, job: jobs.RecordJob) -> None:
    """How loud the microphone is, for how long it has been recorded, and the buttons that keep it and throw it away."""
    row = layout.row(align=True)
    row.scale_y = 1.6
    text = f"{job.seconds:.0f} s" + ("  too loud" if job.level >= _CLIPPED else "") if job.is_listening else job.stage
    row.progress(factor=job.level, text=text, type="BAR")
    row.operator("understudy.stop_recording", text="", icon="CHECKMARK")
    row.operator("understudy.discard_recording", text="", icon="TRASH")


def draw_message(layout: bpy.types.UILayout, context: bpy.types.Context, *about: str) -> None:
    """How the last work ended, if it is about one of these, and what can be done now."""
    state = jobs.state
    if not state.message or state.about not in about:
        return
    draw_sentence(layout, context, state.message, "ERROR" if state.is_error else "CHECKMARK")
    row = layout.row(align=True)
    if state.is_error:
        row.operator("understudy.copy_report", text="Copy Details", icon="COPYDOWN")
    elif state.frames is not None:
        _draw_offers(row, context, state.frames)
    row.operator("understudy.dismiss_message", text="", icon="X")


def _draw_offers(row: bpy.types.UILayout, context: bpy.types.Context, frames: tuple[float, float]) -> None:
    is_playing = context.screen.is_animation_playing
    row.operator("understudy.play", text="Pause" if is_playing else "Play", icon="PAUSE" if is_playing else "PLAY")
    if context.scene.frame_end < (last := math.floor(frames[1])):
        row.operator("understudy.extend_scene", text=f"End at {last}", icon="PREVIEW_RANGE")


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str, share: float = 1.0) -> None:
    """Wrapped to this share of the region's width, where a label would be cut."""
    scale = context.preferences.system.ui_scale
    characters = max(16, int(share * context.region.width / (_PIXELS_A_CHARACTER * scale)) - 5)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(sentence, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def redraw(windows: bpy.types.WindowManager) -> None:
    """Soon, every region that shows it."""
    for window in windows.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if _REGIONS.get(area.type) == region.type:
                    region.tag_redraw()
