"""Jobs that Blender's timer drives, because their operator ends before they do: with its file browser, or with the press of a button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import bpy

from ...core.contract import Cancelled, UnderstudyError
from .. import jobs
from ..engine.client import Engine
from ..feedback import redraw, redraw_anew
from .answers import cancelled

TIMER_SECONDS = 0.05
Job = TypeVar("Job", bound=jobs.EngineJob)


@dataclass(frozen=True)
class _Driven(Generic[Job]):
    """finish: what is left to do when the job is done; gives the sentence for the panel."""

    job: Job
    finish: Callable[[Job], str]


_driven: list[_Driven] = []  # type: ignore[type-arg]


def started(operator: bpy.types.Operator, new_job: Callable[[Engine], Job], finish: Callable[[Job], str], place: str) -> set[str]:
    """For execute() to return. In background mode, where Blender has no timers, waits until the job is done."""
    if reason := jobs.busy():  # it began while a file browser was open
        return cancelled(operator, reason, place)
    try:
        job = new_job(jobs.ready_engine())
        drive(job, finish, place)
        if bpy.app.background:
            job.run()
            _end(finish(job), is_error=False)
            operator.report({"INFO"}, jobs.state.message)
        else:
            bpy.app.timers.register(tick, first_interval=TIMER_SECONDS, persistent=True)
    except UnderstudyError as error:
        jobs.state.job = None
        return cancelled(operator, str(error), place)
    return {"FINISHED"}


def drive(job: Job, finish: Callable[[Job], str], place: str) -> None:
    """Makes it the one job, which `tick` works on."""
    jobs.begin(job, place)
    _driven[:] = [_Driven(job, finish)]


def tick() -> float | None:
    """What Blender calls until it gives None."""
    if not _driven or jobs.state.job is not _driven[0].job:
        return None
    job, finish = _driven[0].job, _driven[0].finish
    before = job.shown
    try:
        if done := job.advance():
            _end(finish(job), is_error=False)
    except UnderstudyError as error:
        _fail(error)
        return None
    if job.shown != before:
        redraw(bpy.context.window_manager)
    return None if done else TIMER_SECONDS


def _fail(error: UnderstudyError) -> None:
    _end(str(error), is_error=not isinstance(error, Cancelled))


def _end(message: str, is_error: bool) -> None:
    jobs.state.job = None
    jobs.tell(message, is_error)
    redraw_anew(bpy.context.window_manager)


def register() -> None:
    """The timer starts with a job."""


def unregister() -> None:
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _driven.clear()
