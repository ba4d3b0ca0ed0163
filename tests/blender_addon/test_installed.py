"""The built zip as an animator gets it: valid, installed into a clean profile, generating from the installed copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import bpy
import pytest

REPO = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("installed_session.py")


@pytest.fixture(scope="module")
def package() -> Path:
    built = sorted((REPO / "dist").glob("understudy-*.zip"))
    assert built, "there is no zip: `python3 build_addon.py build` makes it, and `build_addon.py test` does so first"
    return built[-1]


def test_blenders_own_validator_accepts_the_zip_without_a_warning(package: Path) -> None:
    validator = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    told = subprocess.run([sys.executable, validator, "validate", package], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "warning" not in (told.stdout + told.stderr).lower()


def test_the_zip_holds_the_rooms_and_the_weights_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"__init__.py", "blender_manifest.toml", "LICENSE", "blender_addon", "core", "weights"}
    assert {f"weights/{model}/model.safetensors" for model in ("starter", "commercial")} <= set(names)
    assert {"weights/minilm/minilm.safetensors", "weights/manifest.toml"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".part"))]


def test_the_zip_is_of_this_checkout(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        rooms = [name for name in archive.namelist() if name.endswith(".py") and "/" in name]
        stale = [name for name in rooms if archive.read(name) != (REPO / name).read_bytes()]
    assert stale == []


def test_blender_installs_from_the_repository(package: Path, tmp_path: Path) -> None:
    """With Blender's own client, which checks the sum of what it fetches."""
    client = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    index = package.parent / "repository" / "index.json"
    where = ["--remote-url", index.as_uri(), "--local-dir", tmp_path, "--online-user-agent", "tests", "--access-token", "", "--timeout", "10"]
    known = subprocess.run([sys.executable, client, "install", "--help"], capture_output=True, text=True, check=True).stdout
    this = {"--blender-version": bpy.app.version, "--python-version": sys.version_info[:3]}  # the second from 4.3 on
    versions = [text for name, version in this.items() if name in known for text in (name, ".".join(map(str, version)))]
    for command in (["sync", "--remote-name", "studio", *where], ["install", "understudy", "--local-cache", "0", *versions, *where]):
        done = subprocess.run([sys.executable, client, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "understudy" / "core" / "requirements.txt").is_file()


def test_it_installs_into_a_clean_profile_and_generates(package: Path, engine_python: str, tmp_path: Path) -> None:
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "profile"), "UNDERSTUDY_PYTHON": engine_python}
    (tmp_path / "profile").mkdir()
    session = subprocess.run(
        [sys.executable, SESSION, package], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    lines = [line for line in session.stdout.splitlines() if line.startswith("SEEN ")]
    assert lines, session.stdout[-2000:] + session.stderr[-2000:]
    seen = json.loads(lines[0][5:])
    assert session.returncode == 0
    assert Path(seen["contract"]).is_relative_to(tmp_path / "profile")
    assert seen["finished"] == ["FINISHED"]
    assert seen["action"] == "a person waves with the right hand (seed 7)"
    assert seen["range"] == [1.0, 49.0]
    assert seen["moved"] > 0.05
    assert seen["leaked"] == [] and seen["left_behind"] == []
