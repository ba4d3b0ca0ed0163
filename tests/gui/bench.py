"""A Blender with a GUI, in a screen of its own that nobody sees: an executable, or a folder that holds a whole system with one (a chroot).

Linux only. In a chroot nothing is changed but empty folders: what the journey needs is bound into it at the same paths, and it has
no network. xvfb-run and ImageMagick's `import` are needed where Blender is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("session.py")
TIME_LIMIT_S = 600
SCREEN, SCREENS = (1600, 1000), {"looks": (900, 3300), "weights_imported": (1600, 1500)}  # pixels; by journey, if another
_SCREEN = "-screen 0 {}x{}x24 +extension GLX -nolisten tcp"
_BLENDER = ("--factory-startup", "--gpu-backend", "opengl", "--enable-event-simulate")
# A chroot is without a network; outside of one a set-up must not reach pip's indexes either
_ONLY_THIS_MACHINE = {"PIP_CONFIG_FILE": os.devnull, "https_proxy": "http://127.0.0.1:9"}
_ENTER = """
set -e
mount -t proc proc "$root/proc"; mount -t sysfs sysfs "$root/sys"; mount --rbind /dev "$root/dev"; mount -t tmpfs tmpfs "$root/tmp"
for place in $places; do mkdir -p "$root$place"; mount --bind "$place" "$root$place"; done
exec chroot "$root" env -i "$@"
"""


@dataclass(frozen=True)
class Played:
    """What a journey left: its log, what it saw, its pictures, Blender's output, and how Blender ended."""

    log: list[dict[str, Any]]
    seen: dict[str, Any]
    folder: Path
    output: str
    status: int
    seconds: float


def play(target: Path, journey: str, folder: Path, things: Mapping[str, Path], time_limit_s: int = TIME_LIMIT_S) -> Played:
    """Runs one journey by its name. target: Blender's executable or a chroot. folder: for the log and the pictures.

    things: what the journey finds by UNDERSTUDY_GUI_ and their names, each where it lies.
    """
    shutil.rmtree(folder, ignore_errors=True)
    profile = folder / "profile"
    profile.mkdir(parents=True)
    began = time.monotonic()
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(profile), "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": str(profile),
        "OMP_NUM_THREADS": "1", "LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "llvmpipe", "BLENDER_USER_RESOURCES": str(profile),
        "UNDERSTUDY_MODELS": str(folder / "models"), "UNDERSTUDY_GUI_JOURNEY": journey, "UNDERSTUDY_GUI_FOLDER": str(folder),
        **_ONLY_THIS_MACHINE, **{f"UNDERSTUDY_GUI_{name.upper()}": str(thing) for name, thing in things.items()},
    }  # fmt: skip
    kept = [thing if thing.is_dir() else thing.parent for thing in things.values()]
    places = [REPO, folder, Path(sys.prefix), Path(sys.base_prefix), *kept]
    output = folder / "blender.log"
    command = _command(target, environment, places, SCREENS.get(journey, SCREEN), time_limit_s)
    with output.open("w", encoding="utf-8") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=_environment_of_tools(), check=False).returncode
    shutil.rmtree(profile, ignore_errors=True)
    said = output.read_text(encoding="utf-8", errors="replace")
    if not (folder / "log.json").is_file():
        raise AssertionError(f"Blender did not begin the journey (status {status}):\n{said[-2000:]}")
    kept = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    return Played(kept["log"], kept["seen"], folder, said, status, time.monotonic() - began)


def _environment_of_tools() -> dict[str, str]:
    """What finds `unshare` and `env`, and nothing of this Python."""
    return {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def _command(target: Path, environment: dict[str, str], places: list[Path], screen: tuple[int, int], time_limit_s: int) -> list[str]:
    inside = [f"{name}={value}" for name, value in environment.items()]
    blender = "blender" if target.is_dir() else str(target)
    inside += ["timeout", "-k", "10", str(time_limit_s), "xvfb-run", "-a", "-s", _SCREEN.format(*screen), blender]
    inside += [*_BLENDER, "--window-geometry", "0", "0", *map(str, screen), "--python", str(SESSION)]
    return _there(target, inside, places)


def told_by_blender(target: Path, arguments: list[str], profile: Path, places: list[Path]) -> subprocess.CompletedProcess[str]:
    """What a Blender without a window says: `blender -b ...` or `blender --command ...`. profile: an empty folder for its settings."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(profile), "LC_ALL": "C.UTF-8", "BLENDER_USER_RESOURCES": str(profile)}
    inside = [*(f"{name}={value}" for name, value in environment.items()), "blender" if target.is_dir() else str(target), *arguments]
    command = _there(target, inside, [*places, profile])
    return subprocess.run(command, capture_output=True, text=True, env=_environment_of_tools(), check=False, timeout=TIME_LIMIT_S)


def _there(target: Path, inside: list[str], places: list[Path]) -> list[str]:
    """With nothing but the variables and the program of `inside`, in the chroot if it is one."""
    if not target.is_dir():
        return ["env", "-i", *inside]
    bound = " ".join(dict.fromkeys(str(place) for place in places))
    enter = ["env", f"root={target}", f"places={bound}", "unshare", "--mount", "--net", "--propagation", "private"]
    return [*enter, "bash", "-c", _ENTER, "enter", *inside]
