"""The variations of a request one after another: the same motions in the memory that one of them takes, and in more time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..contract import BodyMotion, BodyRequest, Recipe, StageTime
from .pipeline import BodyPipeline, KeptTokens, Report, seed_of


def generate_one_by_one(
    pipeline: BodyPipeline, request: BodyRequest, recipe: Recipe, report: Report, kept: KeptTokens | None = None
) -> tuple[list[BodyMotion], list[StageTime]]:
    """As `BodyPipeline.generate`, whose variation k is what its seed makes alone."""
    motions: list[BodyMotion] = []
    seconds: dict[str, float] = {}
    for number in range(request.variations):
        single = replace(request, seed=seed_of(request, number), variations=1)
        (motion,), laps = pipeline.generate(single, recipe, partial(_report_part, report, number, request.variations), kept)
        motions.append(replace(motion, recipe=replace(motion.recipe, variation=number)))
        for lap in laps:
            seconds[lap.stage] = seconds.get(lap.stage, 0.0) + lap.seconds
    return motions, [StageTime(stage, total) for stage, total in seconds.items()]


def _report_part(report: Report, number: int, count: int, stage: str, step: int, total: int) -> None:
    report(stage, number * total + step, count * total)
