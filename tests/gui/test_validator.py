"""This Blender's own validator accepts the zip without a warning."""

from __future__ import annotations

from pathlib import Path

from bench import told_by_blender


def test_blender_s_validator_has_nothing_to_say(blender: Path, package: Path, tmp_path: Path) -> None:
    told = told_by_blender(blender, ["--command", "extension", "validate", str(package)], tmp_path, [package.parent])
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Success parsing TOML" in told.stdout
    warnings = [line for line in (told.stdout + told.stderr).splitlines() if "warning" in line.lower()]
    assert [line for line in warnings if "mounted file-systems" not in line] == []  # a chroot has no list of those


def test_it_says_so_where_something_is_wrong(blender: Path, tmp_path: Path) -> None:
    (tmp_path / "blender_manifest.toml").write_text('schema_version = "1.0.0"\nid = "wrong id"\n')
    told = told_by_blender(blender, ["--command", "extension", "validate", str(tmp_path)], tmp_path, [])
    assert told.returncode != 0
