"""`python -m core record`: a voice from a microphone into a wav file."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .contract import MAX_RECORDING_SECONDS, BadRequest, RecordRequest

_METER, _QUIETEST_DB = 30, -60.0


def add_record_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("record", help="your voice to a sound file, until Ctrl+C or for a number of seconds")
    parser.add_argument("--out", type=Path, help="the .wav file that is written")
    limit = f"end by itself after this long, up to {MAX_RECORDING_SECONDS:g}; {RecordRequest.seconds:g} if left out"
    parser.add_argument("--seconds", type=float, default=RecordRequest.seconds, help=limit)
    parser.add_argument("--device", default="", help="name of a microphone, as --list shows it; the system's own if left out")
    parser.add_argument("--list", action="store_true", help="only show which microphones there are")
    parser.add_argument("--replace", action="store_true", help="put the recording in the place of a file that is there")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.list:
        _list()
        return
    if options.out is None:
        raise BadRequest("Where the recording goes is missing: give --out voice.wav, or --list to see the microphones.")
    if options.out.exists() and not options.replace:
        raise BadRequest(f"{options.out} is there already: give another name, or --replace.")
    _record(RecordRequest(1, str(options.out.absolute()), options.device, options.seconds))


def _list() -> None:
    from .microphones import found_microphones

    found = found_microphones(1)
    for name in found.names:
        print(f"{name} (the system's own)" if name == found.usual else name)


def _record(request: RecordRequest) -> None:
    from .microphone import RecordingSigns, record

    meter = LevelMeter()
    with _stop_asked() as asked:
        try:
            reply = record(request, RecordingSigns(meter.at, meter.heard, lambda: bool(asked)))
        finally:
            meter.finish()
    print(f"{request.path}: {reply.seconds:.2f} s")


@contextmanager
def _stop_asked() -> Iterator[list[int]]:
    """Holds something once Ctrl+C was pressed, which ends a recording and keeps it."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


class LevelMeter:
    """How loud the microphone is, on a terminal; nothing where stderr is a file, but for one line at the start."""

    def __init__(self) -> None:
        self._is_terminal, self._is_shown = sys.stderr.isatty(), False
        self._milliseconds = 0

    def at(self, _stage: str, milliseconds: int, _at_most: int) -> None:
        self._milliseconds = milliseconds

    def heard(self, peak: float) -> None:
        if not self._is_shown:  # not before: a microphone that slept takes a second to wake, and what is said until then is lost
            print("Recording; Ctrl+C ends it and keeps it.", file=sys.stderr, flush=True)
            self._is_shown = True
        if self._is_terminal:
            print(f"\r{self._milliseconds / 1000:7.1f} s {meter(peak)}", end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._is_terminal and self._is_shown:
            print(file=sys.stderr)


def meter(peak: float) -> str:
    """A bar on the scale of decibels, -60 to 0, and a word where the loudest sample is clipped."""
    decibels = max(20 * math.log10(peak), _QUIETEST_DB) if peak > 0 else _QUIETEST_DB
    filled = round(_METER * (1 - decibels / _QUIETEST_DB))
    return f"[{'=' * filled:<{_METER}}] {decibels:4.0f} dB {'too loud' if peak >= 1 else '':<8}"
