"""What the engine tells the animator, drawn in the sidebar and in the preferences: how far it is, and its sentences."""

from __future__ import annotations

import math
import re
import time
from functools import lru_cache

import blf
import bpy

from . import jobs

# Pixels at a scale of 1, as counted in pictures of the sidebar
_MARGINS = 84.0  # tabs, edges, and the icon beside a sentence
_NARROW = 240.0  # below it, labels are cut in two columns
_LEAST_ROOM = 60.0
_PARTS = re.compile(r"\s*(?:[^\s/-]+[/-]*|[/-]+)")  # a line may end after a word, a hyphen and a slash
_CLIPPED = 0.99
_BESIDE_CROSS = 0.88  # of the width
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


def take_light(layout: bpy.types.UILayout) -> None:
    """To be drawn below what stands where a bar stood."""
    # Up to 4.3, the light of a bar under the cursor goes to the next thing without a name once the bar is gone: not to a sentence then
    layout.separator(factor=0.1)


def draw_message(layout: bpy.types.UILayout, context: bpy.types.Context, *about: str) -> None:
    """How the last work ended, if it is about one of these, and what can be done now."""
    state = jobs.state
    if not state.message or state.about not in about:
        return
    icon = "ERROR" if state.is_error else "CHECKMARK"
    if is_narrow(context):
        draw_sentence(layout, context, state.message, icon)
        layout.operator("understudy.dismiss_message", icon="X")
    else:
        row = layout.row()
        draw_sentence(row.column(), context, state.message, icon, _BESIDE_CROSS)
        row.operator("understudy.dismiss_message", text="", icon="X", emboss=False)
    if state.is_error:
        layout.operator("understudy.copy_report", text="Copy Details", icon="COPYDOWN")
    elif state.frames is not None:
        _draw_offers(draw_pair(layout, context), context, state.frames)


def _draw_offers(row: bpy.types.UILayout, context: bpy.types.Context, frames: tuple[float, float]) -> None:
    is_playing = context.screen.is_animation_playing
    row.operator("understudy.play", text="Pause" if is_playing else "Play", icon="PAUSE" if is_playing else "PLAY")
    if context.scene.frame_end < (last := math.floor(frames[1])):
        row.operator("understudy.extend_scene", text=f"End at {last}", icon="PREVIEW_RANGE")


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str, share: float = 1.0) -> None:
    """Wrapped to this share of the region's width, where a label would be cut."""
    scale = _scale(context)
    room = max(_LEAST_ROOM * scale, share * context.region.width - _MARGINS * scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrapped(sentence, room, context.preferences.ui_styles[0].widget.points * scale)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def is_narrow(context: bpy.types.Context) -> bool:
    """Two columns would cut what stands in them."""
    return context.region.width < _NARROW * _scale(context)


def draw_pair(layout: bpy.types.UILayout, context: bpy.types.Context) -> bpy.types.UILayout:
    """For two buttons: side by side where there is room."""
    return layout.column(align=True) if is_narrow(context) else layout.row(align=True)


def _scale(context: bpy.types.Context) -> float:
    return context.preferences.system.ui_scale or 1.0  # 0 without a window


@lru_cache(maxsize=256)
def wrapped(sentence: str, room: float, points: float) -> tuple[str, ...]:
    """Lines of at most `room` pixels in Blender's font; a part of a word that is wider is broken."""
    blf.size(0, points)
    lines, line = [], ""
    for part in _PARTS.findall(sentence):
        if line and _pixels(line + part) <= room:
            line += part
            continue
        if line:
            lines.append(line)
        line = part.lstrip()
        while len(line) > 1 and _pixels(line) > room:
            fits = next((count for count in range(len(line) - 1, 1, -1) if _pixels(line[:count]) <= room), 1)
            lines.append(line[:fits])
            line = line[fits:]
    return (*lines, line) if line else tuple(lines)


def _pixels(text: str) -> float:
    return blf.dimensions(0, text)[0]


def redraw(windows: bpy.types.WindowManager) -> None:
    """Soon, every region that shows it."""
    for window in windows.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if _REGIONS.get(area.type) == region.type:
                    region.tag_redraw()
