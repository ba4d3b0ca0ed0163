"""The installer as a process, and an index of packages on this machine that a test can break."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from understudy.blender_addon.engine import installer
from understudy.blender_addon.engine.environments import REQUIREMENTS, environment_folder
from understudy.tests.blender_addon.engine.small_wheels import write_wheel

# Stands for the pip that the set-up fetches: it tells its progress in numbers as that one does, and lets the bundled one do the work
SHIM = """
import os, pathlib, subprocess, sys, sysconfig
arguments = [each for each in sys.argv[1:] if each not in ("--progress-bar", "raw")]
{trouble}
print("Progress 1000000 of 4000000")
print("Progress 4000000 of 4000000", flush=True)
code = "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
folders = pathlib.Path(os.__file__).parent / "ensurepip" / "_bundled", sysconfig.get_config_var("WHEEL_PKG_DIR")
bundled = [str(wheel) for folder in folders if folder for wheel in pathlib.Path(folder).glob("pip-*.whl")]
sys.exit(subprocess.call([sys.executable, "-s", "-P", "-c", code, *arguments], env={{**os.environ, "PYTHONPATH": bundled[0]}}))
"""


@dataclass
class Ended:
    """How a set-up went: its exit code, and all that it told."""

    status: int
    told: list[dict] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        return str(self.told[-1].get("failed", ""))

    @property
    def ready(self) -> dict:
        return dict(self.told[-1].get("ready", {}))

    @property
    def steps(self) -> list[str]:
        return [str(each["step"]) for each in self.told if "step" in each]


def begin(root: Path, *arguments: object, python: str = sys.executable, **environment: str) -> subprocess.Popen[bytes]:
    """Starts the installer for this Python."""
    command = [python, "-E", "-s", "-P", "-u", installer.__file__, environment_folder(root), "--requirements", REQUIREMENTS, *arguments]
    return subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
    )  # fmt: skip


def set_up(root: Path, *arguments: object, **environment: str) -> Ended:
    """Does it to the end."""
    process = begin(root, *arguments, **environment)
    assert process.stdout is not None
    lines = process.stdout.read().decode("utf-8").splitlines()
    return Ended(process.wait(timeout=120), [json.loads(line) for line in lines])


def only(index: str) -> dict[str, str]:
    """The environment of a pip that knows this index and nothing else."""
    return {"PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_CERT": ""}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of an index of packages: one folder a name, with its wheels."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_index(folder: Path, wheels: Path, trouble: str = "") -> Path:
    """These wheels and a pip, which runs `trouble` before it works. Pages stand for the lists of a server where there is none."""
    for wheel in wheels.glob("*.whl"):
        home = folder / wheel.name.partition("-")[0]
        home.mkdir(parents=True)
        (home / wheel.name).write_bytes(wheel.read_bytes())
    (folder / "pip").mkdir()
    pip = write_wheel(folder / "pip", "pip", "99.0")
    with zipfile.ZipFile(pip, "a") as archive:
        archive.writestr("pip/__main__.py", SHIM.format(trouble=trouble))
    for wheel in folder.glob("*/*.whl"):
        (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>\n')
    return folder
