"""A range of a motion is made anew from a prompt: the motion becomes tokens, those of the range are drawn, and the result is set in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from ..contract import BodyMotion, BodyRequest, MotionEdit, Recipe, StageTime
from ..stage_clock import StageClock
from .edit_window import EditWindow
from .foot_hold import hold_feet
from .pipeline import BodyPipeline, KeptTokens, Report
from .splicing import Spliced, spliced

Generate = Callable[[BodyRequest, Recipe, Report, KeptTokens], tuple[list[BodyMotion], list[StageTime]]]
FAST_DRAG = 0.3  # m/s that a path is bent by on average; planted feet cannot stay then
WIDE_TURN = math.radians(60)


def edited(
    pipeline: BodyPipeline, request: BodyRequest, edit: MotionEdit, recipe: Recipe, report: Report, generate: Generate | None = None
) -> tuple[list[BodyMotion], list[StageTime], tuple[str, ...]]:
    """As `BodyPipeline.generate`, for a request that has this edit; and sentences on what could not be done well.

    generate: the pipeline's, or what stands for it. Every motion has the rate and the frames of the edit's. Raises BadRequest for a
    motion that the models do not know.
    """
    window = EditWindow.around(edit, pipeline.fps)
    clock = StageClock()
    kept = KeptTokens(pipeline.tokens_of(window.source), window.kept)
    clock.lap("motion tokens")
    made, times = (generate or pipeline.generate)(replace(request, seconds=window.seconds, edit=None), recipe, report, kept)
    parts = [spliced(edit, each, window.begin, window.floor) for each in made]
    motions = [_finished(edit, each.motion, window.floor) for each in parts]
    return motions, [*clock.laps, *times], _notices(edit, parts)


def _finished(edit: MotionEdit, motion: BodyMotion, floor: float) -> BodyMotion:
    recipe = replace(
        motion.recipe,
        seconds=round(motion.seconds, 6),
        start_s=round(edit.first_frame / motion.fps, 6),
        end_s=round(edit.end_frame / motion.fps, 6),
        source=edit.motion.recipe.to_json(),
    )
    holds = recipe.lock_feet and not edit.upper_body
    motion = hold_feet(motion, edit.first_frame, edit.end_frame, floor) if holds else motion
    return replace(motion, recipe=recipe)


def _notices(edit: MotionEdit, parts: list[Spliced]) -> tuple[str, ...]:
    """Of the first motion, which is the one that is played."""
    metres, turn, seconds = parts[0].missed_metres, parts[0].missed_radians, edit.end - edit.start
    if edit.carries_rest or (metres < FAST_DRAG * seconds and turn < WIDE_TURN):
        return ()
    return (
        f"By itself the new part would end {metres:.1f} m away from where the motion goes on, turned by {math.degrees(turn):.0f} degrees."
        " It was bent to meet it: if feet slide, try another seed or prompt, redo the upper body alone,"
        " or carry the rest along.",
    )
