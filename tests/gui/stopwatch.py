"""How long Understudy's own calls hold Blender: its timers, its operators, its panels. Runs inside Blender, on an installed extension."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import bpy

PREFIXES = ("UNDERSTUDY_OT_", "UNDERSTUDY_PT_")
BLENDERS_OWN = "Blender's own: "
TIMERS = (("operators.timed_job", "tick"), ("operators.set_up", "_tick"), ("giving_back", "_tick"))
# What we ask of Blender that it does in one go: counted apart
IN_ONE_GO = (
    ("operators.task_operator", "push_undo_step", BLENDERS_OWN + "the undo step"),
    ("animation.curves", "copy_of", BLENDERS_OWN + "the copy of an Action"),
)


class Stopwatch:
    """held: for each use and call, what every call took: milliseconds of the clock, and of the processor, which nobody can steal."""

    def __init__(self) -> None:
        self.use = ""
        self.held: dict[str, dict[str, list[tuple[float, float]]]] = {}
        self._inside: list[list[float]] = []

    def watch(self, module: Callable[[str], Any]) -> None:
        """module: gives one of the extension's modules by its name."""
        for home, name in TIMERS:
            self._watch_timer(module(home), name, f"{home}.{name}")
        for home, name, called in IN_ONE_GO:
            setattr(module(home), name, self.timed(called, getattr(module(home), name)))
        for name in dir(bpy.types):
            if name.startswith(PREFIXES):
                found = getattr(bpy.types, name)
                for method, taking in (("invoke", _taking_three), ("modal", _taking_three), ("execute", _taking_two), ("draw", _taking_two)):
                    if hasattr(found, method):
                        setattr(found, method, taking(self.timed(f"{name}.{method}", getattr(found, method))))

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """What is called in it and timed as well does not count."""

        @functools.wraps(call)
        def measured(*arguments: Any, **named: Any) -> Any:
            self._inside.append([0.0, 0.0])
            clock, processor = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments, **named)
            finally:
                took = time.perf_counter() - clock, time.thread_time() - processor
                inside = self._inside.pop()
                if self._inside:
                    self._inside[-1][:] = [before + now for before, now in zip(self._inside[-1], took, strict=True)]
                own = tuple(round(1e3 * (whole - part), 2) for whole, part in zip(took, inside, strict=True))
                self.held.setdefault(self.use, {}).setdefault(name, []).append(own)  # type: ignore[arg-type]

        return measured

    def told(self) -> dict[str, dict[str, dict[str, float]]]:
        """For each use and call: how many, and the median, the 99th of a hundred and the longest, on the clock and of the processor."""
        return {use: {name: _summary(times) for name, times in sorted(calls.items())} for use, calls in self.held.items()}

    def _watch_timer(self, home: Any, name: str, called: str) -> None:
        tick = getattr(home, name)
        measured = self.timed(called, tick)
        setattr(home, name, measured)
        if bpy.app.timers.is_registered(tick):
            bpy.app.timers.unregister(tick)
            bpy.app.timers.register(measured, first_interval=1.0, persistent=True)


def _taking_two(call: Callable[..., Any]) -> Callable[..., Any]:
    """Blender gives a method as many arguments as its code says that it takes."""
    return lambda me, context: call(me, context)


def _taking_three(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda me, context, event: call(me, context, event)


def _summary(times: list[tuple[float, float]]) -> dict[str, float]:
    told: dict[str, float] = {"calls": len(times)}
    for kind, taken in zip(("clock", "processor"), zip(*times, strict=True), strict=True):
        ordered = sorted(taken)
        told |= {f"{kind} p50": statistics.median(ordered), f"{kind} p99": ordered[math.ceil(0.99 * len(ordered)) - 1], f"{kind} max": ordered[-1]}
    return told
