"""An engine that takes files of a thousandth of their size for the officially released ones, and such files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "tiny_downloads.py"
PROGRAM = """#!{here}
import os, sys
os.execv({python!r}, [{python!r}, "-s", "-u", {script!r}, *sys.argv[sys.argv.index("core") + 1 :]])
"""


def write_tiny_downloads(folder: Path, engine_python: str) -> Path:
    subprocess.run([engine_python, SCRIPT, folder], check=True)
    return folder


def write_tiny_engine(folder: Path, engine_python: str) -> Path:
    """A program that can stand where the engine's Python is expected."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    program.write_text(PROGRAM.format(here=sys.executable, python=engine_python, script=str(SCRIPT)))
    program.chmod(0o755)
    return program
