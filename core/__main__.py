"""`python -m core COMMAND`: the core's command line. Each command imports what it needs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from .out_of_memory import is_out_of_memory

# Turns that a thread waits in a loop for the next piece of work before it sleeps. With libgomp's 300,000 a motion takes sixty times as long
# while another program, such as Blender drawing its window, wants the same cores
_SPINS = "1000"


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 a sentence on stderr says why not, 2 wrong arguments, 130 stopped by Ctrl+C."""
    from .contract import UnderstudyError  # the first that loads numpy, which can fail where memory is short

    options = command_line().parse_args(arguments)
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)  # read once, when torch is imported
    try:
        return int(options.run(options) or 0)
    except UnderstudyError as error:
        print(f"understudy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("understudy: stopped.", file=sys.stderr)
        return 130


def command_line() -> argparse.ArgumentParser:
    """The parser of every command; what it parses has a `run` to call."""
    parser = argparse.ArgumentParser(prog="python -m core", description="Understudy's inference core, without Blender.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_worker(commands)
    from .commands import add_commands
    from .training.commands import add_training_commands
    from .training.evaluation.commands import add_evaluate_command

    add_commands(commands)
    add_training_commands(commands)
    add_evaluate_command(commands)
    return parser


def _add_worker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("worker", help="answer requests on stdin (started by Blender)")
    parser.add_argument("--models", type=Path, action="append", default=[], help="a further folder with models")
    parser.add_argument("--nice", type=int, default=0, help="lower the priority by this much")
    parser.set_defaults(run=_run_worker)


def _run_worker(options: argparse.Namespace) -> None:
    from .model_folders import model_folders
    from .worker import main as work

    work(model_folders(tuple(options.models)), options.nice)


def _end_at_once(error: BaseException) -> NoReturn:
    """Says why, and ends without the tidying up of libraries, some of which wait forever for threads that found no memory to start."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
        if is_out_of_memory(error):
            print("understudy: there was not enough memory to start: close other programs, and try again.", file=sys.stderr)
        sys.stderr.flush()
    finally:
        os._exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as fault:
        _end_at_once(fault)
