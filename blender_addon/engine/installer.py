"""Makes the engine's environment: a program of its own, so that Blender never waits, and a test needs no Blender.

    python installer.py FOLDER --requirements core/requirements.txt --build 222 900 "torch==2.13.0+cpu --extra-index-url URL"
    python installer.py FOLDER --requirements core/requirements.txt --wheels FOLDER_OF_WHEELS

Run by the Python that the environment is for. What happens is told on standard output, a JSON object a line: `step`, `factor` and `detail`
on the way, at the end `ready` or `failed`. It ends when its standard input does: Blender has cancelled, or is gone.

A sentinel is written last. Without it FOLDER counts for nothing and is made anew, out of pip's cache of what was fetched before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SENTINEL = "understudy.json"
CACHE, LOG, LOCK, DISCARDED = "cache", "setup.log", "setup.lock", ".discarded-"
READY, FAILED, DROPPED = 0, 1, 3
_FETCHED, _UNPACKED = 0.75, 0.97  # shares of the bar
_NEW_PIP = "pip>=25.1"  # tells its progress in numbers, and goes on within a file after the network failed
_PATIENCE = ("--retries", "2", "--timeout", "30")
_FOREIGN_PIP = ("PIP_TARGET", "PIP_USER", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_DEPS", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON")
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_LOOK = """
import importlib.metadata as m, json, re, sys
import numpy, safetensors, torch
cuda = getattr(torch, "cuda", None)
have = {re.sub("[-_.]+", "-", each.name or "").lower(): each.version for each in m.distributions()}
versions = {name: have.get(re.sub("[-_.]+", "-", name).lower(), "") for name in sys.argv[1:]}
device = cuda.get_device_name() if cuda and cuda.is_available() else ""
print(json.dumps({"torch": torch.__version__, "device": device, "versions": versions}))
"""


class SetUpError(Exception):
    """A sentence for the animator: what is wrong, and what to do."""


@dataclass(frozen=True)
class Build:
    """Of torch: what pip is told, what is fetched and what it takes on the disk, in MB; 0 if unknown."""

    fetch_mb: float = 0.0
    disk_mb: float = 0.0
    pip: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """folder: of the environment. builds: the first that works is taken; wheels, a folder, stand for them and for the network."""

    folder: Path
    requirements: Path
    builds: tuple[Build, ...] = (Build(),)
    wheels: Path | None = None
    is_afresh: bool = False

    @property
    def root(self) -> Path:
        return self.folder.parent

    @property
    def python(self) -> Path:
        return environment_python(self.folder)

    @property
    def wanted(self) -> list[str]:
        return requirement_lines(self.requirements)


def environment_python(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirement_lines(file: Path) -> list[str]:
    """What a requirements file lists, without its comments."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["pip"]:
        return _as_pip(arguments)
    plan = _parsed(arguments)
    _end_with_input()
    try:
        plan.root.mkdir(parents=True, exist_ok=True)
        with _only_one(plan.root / LOCK):
            _tell(ready=set_up(plan))
    except SetUpError as error:
        _tell(failed=str(error))
        return FAILED
    except OSError as error:
        _tell(failed=_of_the_system(error, plan))
        return FAILED
    except Exception as error:
        _keep(plan, traceback.format_exc())
        _tell(failed=f"The set-up met an error of its own ({type(error).__name__}: {error}): see the log, and try Repair.")
        return FAILED
    return READY


def _parsed(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--requirements", type=Path, required=True)
    parser.add_argument("--build", nargs=3, action="append", default=[], metavar=("FETCH_MB", "DISK_MB", "PIP"), help="tried in this order")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels, instead of the network")
    parser.add_argument("--afresh", action="store_true", help="even if the environment is whole")
    told = parser.parse_args(arguments)
    builds = tuple(Build(float(fetch), float(disk), tuple(shlex.split(pip))) for fetch, disk, pip in told.build) or (Build(),)
    return Plan(told.folder.absolute(), told.requirements, builds, told.wheels, told.afresh)


def set_up(plan: Plan) -> dict[str, object]:
    """The environment, whole; what it holds. Raises SetUpError and OSError; then the next run goes on."""
    _tell("Looking at what is there", 0.0)
    _remove_discarded(plan.root)
    kept = None if plan.is_afresh else _kept(plan)
    if kept is None:
        _discard(plan.folder)
        _tell("Making the environment", 0.01)
        _make_environment(plan.folder)
    if kept is None or _lacks(plan, kept):
        (plan.folder / SENTINEL).unlink(missing_ok=True)
        _install(plan)
        _tell("Trying it", _UNPACKED)
        kept = _look(plan)
        if lacking := _lacks(plan, kept):
            raise SetUpError(f"The environment has no fitting {', '.join(lacking)}: press Repair, and see the log if that does not help.")
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "requirements": plan.wanted, **kept}
    _write_sentinel(plan.folder, found)
    _remove_others(plan)
    return found


def _kept(plan: Plan) -> dict[str, object] | None:
    """What a whole environment holds, after its links to this Python were made anew, since Blender may have moved."""
    if not (plan.folder / SENTINEL).is_file():
        return None
    for link in (plan.folder / "bin").glob("python*"):
        if link.is_symlink():
            link.unlink()
    _make_environment(plan.folder)
    try:
        return _look(plan)
    except SetUpError:
        return None


def _make_environment(folder: Path) -> None:
    try:
        import venv
    except ImportError as error:
        raise SetUpError("This Blender's Python has no venv: name another Python in the preferences.") from error
    venv.EnvBuilder(symlinks=os.name != "nt", with_pip=False).create(folder)


def _install(plan: Plan) -> None:
    """Raises SetUpError with the last of the reasons where no build works."""
    pip_wheel = _bundled_pip(plan)
    if plan.wheels is not None:
        if not plan.wheels.is_dir():
            raise SetUpError(f"{plan.wheels} is no folder: choose the one with the wheels.")
        arguments = ["--no-index", "--find-links", str(plan.wheels.absolute()), "-r", str(plan.requirements)]
        _Pip(plan, Build(), pip_wheel).install(arguments)
        return
    _check_space(plan, plan.builds[0])
    _tell("Fetching pip", 0.02)
    _Pip(plan, Build(), pip_wheel, is_quiet=True).install([*_PATIENCE, _NEW_PIP])
    for number, build in enumerate(plan.builds, start=1):
        _check_space(plan, build)
        try:
            _Pip(plan, build).install(["--progress-bar", "raw", *_PATIENCE, *build.pip, "-r", str(plan.requirements)])
            return
        except _OtherBuildMayDo:
            if number == len(plan.builds):
                raise
            _tell("That build cannot be had here: trying the next", 0.03)


def _bundled_pip(plan: Plan) -> str:
    """The wheel of pip that comes with Python, or lies among the user's wheels."""
    folders = [Path(os.__file__).parent / "ensurepip" / "_bundled", sysconfig.get_config_var("WHEEL_PKG_DIR"), plan.wheels]
    found = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    if not found:
        raise SetUpError(
            f"{sys.executable} comes without pip (ensurepip; Debian's package for it is python3-venv):"
            " put pip's wheel into a folder of wheels, or name another Python in the preferences."
        )
    return str(found[0])


class _OtherBuildMayDo(SetUpError):
    """pip could not have this build; another one may be had."""


class _Pip:
    """One run of pip in the environment; its words go to the log, how far it is to whoever watches."""

    def __init__(self, plan: Plan, build: Build, wheel: str = "", is_quiet: bool = False) -> None:
        self._plan, self._build, self._wheel, self._is_quiet = plan, build, wheel, is_quiet
        self._fetched = 0.0  # MB of whole files
        self._now = self._told = self._factor = 0.0
        self._name = ""
        self._is_unpacking = threading.Event()
        self._last: list[str] = []

    def install(self, arguments: list[str]) -> None:
        """Raises SetUpError in words."""
        command = [
            str(self._plan.python), "-s", "-P", "-u", "-X", "utf8", str(Path(__file__).resolve()), "pip", "install",
            "--no-compile", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--no-color",
            "--cache-dir", str(self._plan.root / CACHE), *arguments,
        ]  # fmt: skip
        with (self._plan.root / LOG).open("a", encoding="utf-8", errors="replace") as log:
            log.write(f"\n{time.strftime('%Y-%m-%d %H:%M:%S')} pip install {' '.join(arguments)}\n")
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self._environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.decode("utf-8", errors="replace").rstrip()
                if not self._heard_progress(line):
                    log.write(line + "\n")
                    log.flush()
                    self._heard(line)
            self._is_unpacking.clear()
            status = process.wait()
            log.write(f"pip ended with {status}\n")
        if status:
            raise _reason(status, self._last, self._plan, self._build)

    def _environment(self) -> dict[str, str]:
        """Mirrors and proxies of this machine's pip count; where there are wheels, nothing but their folder does."""
        ours = {"PYTHONPATH": self._wheel} if self._wheel else {}
        foreign: tuple[str, ...] = ("PYTHON",)
        if self._plan.wheels is not None:
            foreign, ours = ("PYTHON", "PIP_"), {**ours, "PIP_CONFIG_FILE": os.devnull}
        return {name: value for name, value in os.environ.items() if name not in _FOREIGN_PIP and not name.startswith(foreign)} | ours

    def _heard_progress(self, line: str) -> bool:
        found = _PROGRESS.fullmatch(line.strip())
        if found is None:
            return False
        self._now = int(found[1]) / 1e6
        if found[1] == found[2]:
            self._fetched, self._now = self._fetched + self._now, 0.0
        if time.monotonic() - self._told > 0.1 or not self._now:
            self._told = time.monotonic()
            self._tell_fetching()
        return True

    def _heard(self, line: str) -> None:
        if line.strip():
            self._last = [*self._last[-40:], line.strip()]
        if self._is_quiet:
            return
        if line.strip().startswith(("Collecting ", "Downloading ", "Using cached ")):
            self._name = re.split(r"[-=<>! ]", line.strip().split(" ", 1)[1].removeprefix("cached "))[0]
            self._tell_fetching()
        if line.startswith("Installing collected packages"):
            self._is_unpacking.set()
            threading.Thread(target=self._tell_unpacking, daemon=True).start()

    def _tell_fetching(self) -> None:
        have = self._fetched + self._now
        whole = max(self._build.fetch_mb, have, 1.0)
        self._factor = max(self._factor, 0.03 + (_FETCHED - 0.03) * have / whole)
        detail = f"{have:,.0f} of about {whole:,.0f} MB" if self._plan.wheels is None and have else ""
        _tell(f"Fetching {self._name}", self._factor, detail)

    def _tell_unpacking(self) -> None:
        """pip says nothing meanwhile: the disk tells how far it is."""
        before, most = shutil.disk_usage(self._plan.root).free, max(self._build.disk_mb, 1.0)
        while self._is_unpacking.is_set():
            written = max(0.0, (before - shutil.disk_usage(self._plan.root).free) / 1e6)
            _tell("Unpacking", _FETCHED + (_UNPACKED - _FETCHED) * min(1.0, written / most))
            time.sleep(0.5)


def _reason(status: int, said: list[str], plan: Plan, build: Build) -> SetUpError:
    """pip's failure in a sentence."""
    text = "\n".join(said)
    if "No space left" in text or "Errno 28" in text or "not enough space on the disk" in text:
        return _no_space(plan, build)
    if "Errno 13" in text or "Permission denied" in text or "Access is denied" in text:
        return SetUpError(f"{plan.root} may not be written to: check the folder's permissions, then go on.")
    missing = re.search(r"No matching distribution found for ([^\s(]+)", text)
    if missing and plan.wheels is not None:
        return SetUpError(f"{plan.wheels} has no wheel of {missing[1]} for Python {_version()} on this machine: put it there, then go on.")
    if any(sign in text for sign in ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ReadTimeout", "Max retries exceeded")):
        return _OtherBuildMayDo("The network does not answer: look at it, then go on. What was fetched is kept.")
    if missing:
        return _OtherBuildMayDo(f"No index has {missing[1]} for Python {_version()} on this machine: use wheels or another Python.")
    if status < 0:
        return SetUpError(f"pip was stopped (signal {-status}): go on. What was fetched is kept.")
    errors = [line for line in said if line.startswith("ERROR:")] or said[-1:] or [f"exit code {status}"]
    return _OtherBuildMayDo(f"pip could not install ({errors[-1].removeprefix('ERROR: ')[:200]}): see the log, then go on.")


def _of_the_system(error: OSError, plan: Plan) -> str:
    if error.errno == 28:
        return str(_no_space(plan, plan.builds[0]))
    where = error.filename or plan.root
    return f"{where} cannot be written ({error.strerror}): check the folder's permissions and its disk, then go on."


def _no_space(plan: Plan, build: Build) -> SetUpError:
    free = shutil.disk_usage(plan.root).free / 1e9
    needed = f", about {(build.fetch_mb + build.disk_mb) / 1e3:.1f} GB are needed" if build.disk_mb else ""
    return SetUpError(f"The disk of {plan.root} is too full: {free:.1f} GB are free{needed}. Free some, then go on.")


def _check_space(plan: Plan, build: Build) -> None:
    if shutil.disk_usage(plan.root).free / 1e6 < build.fetch_mb + build.disk_mb:
        raise _no_space(plan, build)


def _look(plan: Plan) -> dict[str, object]:
    """Starts the environment's Python, which imports torch. Raises SetUpError where it cannot."""
    command = [str(plan.python), "-E", "-s", "-c", _LOOK, *(_name(line) for line in plan.wanted)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=300)
    if done.returncode:
        said = done.stderr.decode("utf-8", errors="replace").strip()
        _keep(plan, said)
        last = said.splitlines()[-1][:200] if said else f"exit code {done.returncode}"
        raise SetUpError(f"The environment was made, but does not work ({last}): press Repair, and see the log if that does not help.")
    return dict(json.loads(done.stdout.decode("utf-8", errors="replace").splitlines()[-1]))


def _keep(plan: Plan, said: str) -> None:
    with contextlib.suppress(OSError), (plan.root / LOG).open("a", encoding="utf-8", errors="replace") as log:
        log.write(f"\n{said}\n")


def _lacks(plan: Plan, found: dict[str, object]) -> list[str]:
    """Requirements that the environment does not have, or in another version; a build's own mark (+cpu) is no difference."""
    versions = dict(found["versions"])  # type: ignore[call-overload]
    return [line for line in plan.wanted if not _has(versions.get(_name(line), ""), line)]


def _has(version: str, line: str) -> bool:
    return bool(version) and ("==" not in line or version.partition("+")[0] == line.partition("==")[2].strip())


def _name(line: str) -> str:
    return re.split(r"[=<>!~ \[;]", line)[0]


def _write_sentinel(folder: Path, found: dict[str, object]) -> None:
    partial = folder / f"{SENTINEL}.part"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / SENTINEL)


def _discard(folder: Path) -> None:
    """Out of the way at once, and off the disk as far as this system lets go of it."""
    if folder.exists():
        discarded = folder.with_name(f"{DISCARDED}{time.time_ns()}")
        folder.rename(discarded)
        shutil.rmtree(discarded, ignore_errors=True)


def _remove_discarded(root: Path) -> None:
    for left in root.glob(f"{DISCARDED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _remove_others(plan: Plan) -> None:
    """The cache, and environments of an older Blender: gigabytes that nothing needs any longer."""
    shutil.rmtree(plan.root / CACHE, ignore_errors=True)
    for other in plan.root.iterdir():
        if other.is_dir() and other != plan.folder and (other / "pyvenv.cfg").is_file():
            with contextlib.suppress(OSError):
                _discard(other)


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """The system gives the lock back when this program ends, however it ends."""
    with lock.open("a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetUpError("Another Blender is setting the engine up: wait for it.") from error
        yield


def _end_with_input() -> None:
    """A copy of the input is watched, because on Windows a pipe that one thread waits for stops all others that touch it."""
    watched, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(watched, 64):
                pass
        os._exit(DROPPED)

    threading.Thread(target=watch, daemon=True).start()


def _as_pip(arguments: list[str]) -> int:
    """pip in this process, so that nothing of it goes on when the set-up has ended."""
    _end_with_input()
    sys.argv = arguments
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _tell(step: str = "", factor: float = 0.0, detail: str = "", **end: object) -> None:
    print(json.dumps(end or {"step": step, "factor": round(factor, 4), "detail": detail}), flush=True)


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a thread still waits for the end of the input
