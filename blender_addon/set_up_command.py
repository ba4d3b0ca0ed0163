"""`blender -b -c understudy setup`: the engine's set-up for studios that script it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import bpy

from ..core.contract import UnderstudyError
from . import jobs, preferences, setting_up
from .engine.setup import check_engine_python
from .engine_runs import Removal, Run

Say = Callable[[str], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--wheels", type=Path, help="a folder of wheels, instead of the network")
    way.add_argument("--python", type=Path, help="a Python that has torch, or the folder of its environment; kept in the preferences")
    way.add_argument("--remove", action="store_true", help="delete what was set up")
    parser.add_argument("--repair", action="store_true", help="make the environment anew, even if nothing is wrong with it")


def set_up_engine(options: argparse.Namespace, say: Say) -> None:
    """Raises UnderstudyError; then the same command goes on from there."""
    if options.python is not None:
        _use(options.python, say)
    elif options.remove:
        jobs.stop_engine()
        _done(Removal(setting_up.engine_root()), say)
    else:
        _make(options.wheels, options.repair, say)


def _make(wheels: Path | None, is_afresh: bool, say: Say) -> None:
    if wheels is None and (reason := setting_up.offline_reason()):
        raise UnderstudyError(f"{reason}. Here: start it with --online-mode, or give --wheels FOLDER.")
    _done(setting_up.new_set_up(wheels.absolute() if wheels else None, is_afresh), say)
    _prefer("", say)


def _done(run: Run, say: Say) -> None:
    setting_up.state.run = run
    try:
        setting_up.wait(say)
        say(f"understudy: {run.sentence}")
    finally:
        setting_up.state.run = None
        setting_up.forget()


def _use(python: Path, say: Say) -> None:
    _prefer(str(python.expanduser().absolute()), say)
    found = setting_up.found()
    if not found.state.is_usable:
        raise UnderstudyError(f"{python} does not exist: name an interpreter, or the folder of an environment.")
    check_engine_python(found.path)
    say(f"understudy: the engine runs on {found.path}")


def _prefer(python: str, say: Say) -> None:
    """Kept for the sessions to come; what is set up by us needs no entry."""
    chosen = preferences.current()
    if chosen is None or chosen.engine_python == python:
        return
    chosen.engine_python = python
    setting_up.forget()
    try:
        bpy.ops.wm.save_userpref()
    except RuntimeError as error:
        say(f"understudy: the preferences cannot be saved ({str(error).strip()}): this holds for this session only")
