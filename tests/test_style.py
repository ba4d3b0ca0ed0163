"""The style that is kept by tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


def test_ruff_finds_nothing() -> None:
    found = subprocess.run([sys.executable, "-m", "ruff", "check", REPO], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs a symbolic link")
def test_mypy_finds_nothing(tmp_path: Path) -> None:
    """Over the tree of the zip, so that relative imports read as in Blender."""
    (tmp_path / "understudy").symlink_to(REPO)
    command = [sys.executable, "-m", "mypy", "--config-file", str(REPO / "pyproject.toml")]
    command += ["--cache-dir", str(REPO / ".mypy_cache"), "-p", "understudy.core", "-p", "understudy.blender_addon"]
    found = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "MYPYPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_no_file_is_too_large_for_the_history() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    sizes = {name: (REPO / name).stat().st_size for name in listed.stdout.split("\0") if name and (REPO / name).is_file()}
    assert [name for name, size in sizes.items() if size > 40e6] == []
