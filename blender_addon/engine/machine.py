"""What machine is this: system, processor, and a graphics card that torch may use. Never to be asked while drawing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 20.0
_QUERY = ("name", "driver_version", "memory.total", "compute_cap")  # the last is unknown to drivers before 2022
# Blender that was started from a desktop has a short PATH
_USUAL_FOLDERS = ("/usr/bin", "/usr/local/bin", "/usr/lib/wsl/lib", r"C:\Windows\System32", r"C:\Program Files\NVIDIA Corporation\NVSMI")


@dataclass(frozen=True)
class NvidiaCard:
    """driver: its version, such as (580, 65, 6). capability: CUDA's number of the chip, 0 if unknown. memory in MB."""

    name: str
    driver: tuple[int, ...]
    memory_mb: int = 0
    capability: float = 0.0


@dataclass(frozen=True)
class Machine:
    """system: as sys.platform. processor: x86_64 or arm64. python: minor version of the Python that the engine gets."""

    system: str
    processor: str
    python: str
    card: NvidiaCard | None = None

    @property
    def title(self) -> str:
        """In words, for the panel."""
        if self.card is not None:
            return f"{self.card.name}, driver {'.'.join(map(str, self.card.driver))}"
        return "Apple silicon" if (self.system, self.processor) == ("darwin", "arm64") else "processor only"


def look_at_machine() -> Machine:
    """Starts nvidia-smi, which can take seconds."""
    processor = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    card = None if sys.platform == "darwin" else _nvidia_card()
    return Machine(sys.platform, processor, f"{sys.version_info.major}.{sys.version_info.minor}", card)


def _nvidia_card() -> NvidiaCard | None:
    tool = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path=os.pathsep.join(_USUAL_FOLDERS))
    if tool is None:
        return None
    return best_card(_ask(tool, _QUERY) or _ask(tool, _QUERY[:3]))


def _ask(tool: str, what: tuple[str, ...]) -> str:
    """nvidia-smi's table, "" where it fails: it stays behind where a driver was removed."""
    command = [tool, f"--query-gpu={','.join(what)}", "--format=csv,noheader,nounits"]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False, creationflags=flags)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", errors="replace")


def best_card(table: str) -> NvidiaCard | None:
    """The card with the most memory of nvidia-smi's table; None where it has none that can be read."""
    cards = [card for line in table.splitlines() if (card := _card([cell.strip() for cell in line.split(",")]))]
    return max(cards, key=lambda card: card.memory_mb, default=None)


def _card(cells: list[str]) -> NvidiaCard | None:
    if len(cells) < len(_QUERY) - 1:
        return None
    name, driver, memory, capability = (*cells, "")[:4]
    numbers = tuple(int(part) for part in driver.split(".") if part.isdigit())
    if not numbers:
        return None
    return NvidiaCard(name, numbers, int(memory) if memory.isdigit() else 0, _number(capability))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def blenders_python() -> str:
    """The interpreter of this Blender; "" where it carries none. `sys.executable` can be Blender itself, or empty."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    names = (f"python{version}", "python3", "python", "python.exe")
    inside = [Path(sys.base_prefix, folder, name) for folder in ("bin", ".") for name in names]
    own = [Path(found) for found in (getattr(sys, "_base_executable", ""), sys.executable) if found]
    usable = (path for path in (*own, *inside) if path.name.lower().startswith("python") and path.is_file())
    return str(next(usable, ""))
