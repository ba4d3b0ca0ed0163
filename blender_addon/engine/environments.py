"""Which environments were made on this machine, and what state the one for this Blender is in."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .installer import LOCK, LOG, SENTINEL, environment_python, requirement_lines

REQUIREMENTS = Path(__file__).resolve().parents[2] / "core" / "requirements.txt"


@dataclass(frozen=True)
class Environment:
    """folder; python: minor version; torch and device: as it said itself; requirements: what it was made for."""

    folder: Path
    python: str
    torch: str
    device: str
    requirements: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Its interpreter and the Python that it was made with are where they were."""
        return environment_python(self.folder).is_file() and _home(self.folder).is_dir()

    @property
    def fits(self) -> bool:
        """It is for this Blender's Python, and for what this version of the add-on needs."""
        return self.python == this_python() and list(self.requirements) == requirement_lines(REQUIREMENTS)


def this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def torch_requirement() -> str:
    """Such as "torch==2.13.0"."""
    return next(line for line in requirement_lines(REQUIREMENTS) if line.startswith("torch=="))


def environment_folder(root: Path) -> Path:
    """Where this Blender's environment belongs: named by Python and torch."""
    return root / f"py{this_python()}-{torch_requirement().replace('==', '')}"


def made_environments(root: Path) -> list[Environment]:
    """Whole ones, the fitting one first."""
    found = [made for sentinel in root.glob(f"*/{SENTINEL}") if not sentinel.parent.name.startswith(".") if (made := _read(sentinel))]
    return sorted(found, key=lambda made: (not made.fits, made.folder.name))


def is_half_made(root: Path) -> bool:
    """A set-up was begun and not ended."""
    folder = environment_folder(root)
    return folder.is_dir() and not (folder / SENTINEL).is_file()


def remove_environments(root: Path) -> int:
    """Deletes all that the set-up made; gives the bytes. What the system holds on to stays, without its sentinel."""
    folders = [child for child in root.iterdir() if child.is_dir()] if root.is_dir() else []
    for sentinel in root.glob(f"*/{SENTINEL}"):
        sentinel.unlink(missing_ok=True)
    size = sum(path.lstat().st_size for folder in folders for path in folder.rglob("*") if not path.is_dir())
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for name in (LOG, LOCK):
        (root / name).unlink(missing_ok=True)
    return size


def _read(sentinel: Path) -> Environment | None:
    try:
        told = json.loads(sentinel.read_text(encoding="utf-8"))
        lines = tuple(str(line) for line in told["requirements"])
        return Environment(sentinel.parent, str(told["python"]), str(told["torch"]), str(told["device"]), lines)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _home(folder: Path) -> Path:
    """Folder of the Python that an environment was made with."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return folder / "missing"
    return Path(next((line.partition("=")[2].strip() for line in lines if line.startswith("home")), folder / "missing"))
