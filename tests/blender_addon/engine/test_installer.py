"""Does a set-up end with a Python that has torch, or with a sentence that says why not? Real environments, real pip, small wheels."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.blender_addon.engine import environments, installer, setup
from understudy.blender_addon.engine.environments import REQUIREMENTS, environment_folder, made_environments, remove_environments
from understudy.blender_addon.engine.installer import Plan, SetUpError, environment_python
from understudy.blender_addon.engine.setup import ENVIRONMENT_VARIABLE, EngineState, find_engine_python
from understudy.tests.blender_addon.engine.set_ups import begin, only, served, set_up, write_index
from understudy.tests.blender_addon.engine.small_wheels import write_wheel, write_wheels

NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheels(tmp_path_factory.mktemp("wheels") / "the wheels")


@pytest.fixture(autouse=True)
def no_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(setup, "_torch_is_beside_us", lambda: False)


@pytest.fixture(scope="module")
def made(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "engine"
    assert set_up(root, "--wheels", wheels).status == 0
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Where an environment was made before; a copy that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "engine", symlinks=True))


def works(root: Path) -> bool:
    found = find_engine_python("", root)
    command = [found.path, "-s", "-c", "import torch, numpy, safetensors, ftfy; print(torch.__version__)"]
    return found.state.is_usable and subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == "2.13.0+cpu"


def test_a_folder_of_wheels_is_enough(wheels: Path, tmp_path: Path) -> None:
    root = tmp_path / "user files ä" / "engine"
    assert find_engine_python("", root).state is EngineState.NOT_SET_UP
    ended = set_up(root, "--wheels", wheels, **only(NOWHERE))
    assert (ended.status, ended.ready["torch"], ended.ready["device"]) == (0, "2.13.0+cpu", "")
    found = find_engine_python("", root)
    assert found.state is EngineState.READY and found.path == str(environment_python(environment_folder(root)))
    assert found.environment is not None and found.environment.torch == "2.13.0+cpu"
    assert works(root)
    assert f"pip install --no-index --find-links {wheels}" in (root / installer.LOG).read_text(encoding="utf-8")
    again = set_up(root, "--wheels", tmp_path / "no wheels are needed for what is whole")
    assert again.status == 0 and "Unpacking" not in again.steps
    kept = next(environment_folder(root).rglob("torch/__init__.py"))
    kept.write_text("half a file (")
    assert set_up(root, "--wheels", wheels).status == 0 and works(root)
    assert remove_environments(root) > 10_000
    assert find_engine_python("", root).state is EngineState.NOT_SET_UP and list(root.iterdir()) == []


def test_an_index_is_enough_and_another_build_is_taken_where_one_cannot_be_had(wheels: Path, tmp_path: Path) -> None:
    with served(write_index(tmp_path / "index", wheels)) as address:
        builds = [f"torch==2.13.0+cu990 --extra-index-url {address}/none", "torch==2.13.0+cpu"]
        arguments = [argument for build in builds for argument in ("--build", 10, 1, build)]
        ended = set_up(tmp_path / "engine", *arguments, **only(address))
    assert ended.status == 0 and works(tmp_path / "engine")
    assert "That build cannot be had here: trying the next" in ended.steps
    assert "4 of about 10 MB" in [told.get("detail") for told in ended.told]
    factors = [told["factor"] for told in ended.told if "factor" in told]
    assert factors[0] == 0.0 and 0.9 < factors[-1] < 1.0
    assert not (tmp_path / "engine" / installer.CACHE).exists()


def test_without_a_network_a_sentence_says_so_and_what_was_made_is_begun_again(wheels: Path, tmp_path: Path) -> None:
    root = tmp_path / "engine"
    ended = set_up(root, "--build", 0, 0, "torch==2.13.0", **only(NOWHERE))
    assert ended.status == 1 and ended.sentence.startswith("The network does not answer: look at it")
    assert find_engine_python("", root).state is EngineState.HALF_SET_UP
    assert set_up(root, "--wheels", wheels).status == 0 and works(root)


@pytest.fixture
def cut_off(tmp_path: Path) -> str:
    """This Python in a system without any network; skips where such a one cannot be made."""
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs Linux's unshare, and the right to use it")
    program = tmp_path / "cut off"
    program.write_text(f'#!/bin/sh\nexec {" ".join(alone)} "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_with_the_network_cut_off_wheels_are_enough_and_without_them_a_sentence_says_so(
    cut_off: str, wheels: Path, tmp_path: Path
) -> None:
    pypi = {**only("https://pypi.org/simple"), "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0"}
    ended = set_up(tmp_path / "engine", "--build", 0, 0, "torch==2.13.0", python=cut_off, **pypi)
    assert ended.status == 1 and ended.sentence.startswith("The network does not answer: look at it")
    assert set_up(tmp_path / "engine", "--wheels", wheels, python=cut_off).status == 0 and works(tmp_path / "engine")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk of .* is too full: .* GB are free. Free some"),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied: 'C:'", "may not be written to: check"),
        ("ERROR: Exception: something else", r"pip could not install \(Exception: something else\): see the log"),
    ],
)
def test_when_pip_fails_its_reason_is_told(said: str, sentence: str, wheels: Path, tmp_path: Path) -> None:
    with served(write_index(tmp_path / "index", wheels, trouble=f"print({said!r}); sys.exit(1)")) as address:
        ended = set_up(tmp_path / "engine", "--build", 0, 0, "torch==2.13.0", **only(address))
    assert ended.status == 1 and re.search(sentence, ended.sentence), ended.sentence
    assert said in (tmp_path / "engine" / installer.LOG).read_text(encoding="utf-8")


def test_what_is_not_among_the_wheels_is_named(tmp_path: Path) -> None:
    for missing, wheels in (
        ("ftfy==6.3.1", write_wheels(tmp_path / "one missing", ftfy="")),
        ("torch==2.13.0", write_wheels(tmp_path / "another torch", torch="2.12.0")),
    ):
        ended = set_up(tmp_path / "engine", "--wheels", wheels)
        assert ended.status == 1 and f"has no wheel of {missing} for Python 3." in ended.sentence
    assert "is no folder" in set_up(tmp_path / "engine", "--wheels", tmp_path / "nowhere").sentence


def test_a_torch_that_cannot_be_imported_is_not_called_ready(tmp_path: Path) -> None:
    wheels = write_wheels(tmp_path / "wheels")
    (wheels / "torch-2.13.0+cpu-py3-none-any.whl").unlink()
    write_wheel(wheels, "torch", "2.13.0+cpu", "raise OSError('libcudart.so.13: cannot open shared object file')\n")
    ended = set_up(tmp_path / "engine", "--wheels", wheels)
    assert ended.status == 1 and "does not work (OSError: libcudart.so.13: cannot open" in ended.sentence
    assert find_engine_python("", tmp_path / "engine").state is EngineState.HALF_SET_UP


def test_a_disk_that_is_too_small_is_seen_before_anything_is_fetched(tmp_path: Path) -> None:
    ended = set_up(tmp_path / "engine", "--build", 1e9, 1e9, "torch==2.13.0", **only(NOWHERE))
    assert "2000000.0 GB are needed. Free some" in ended.sentence


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / "a file").touch()
    ended = set_up(tmp_path / "a file" / "engine", "--wheels", wheels)
    assert ended.status == 1 and "a file" in ended.sentence and "cannot be written" in ended.sentence


def test_two_blenders_do_not_set_up_at_once(wheels: Path, tmp_path: Path) -> None:
    first = begin(tmp_path / "engine", "--wheels", wheels)
    assert first.stdout is not None
    first.stdout.readline()
    assert set_up(tmp_path / "engine", "--wheels", wheels).sentence == "Another Blender is setting the engine up: wait for it."
    first.stdout.read()
    assert first.wait(timeout=120) == 0
    assert works(tmp_path / "engine")


def test_a_moved_blender_is_noticed_and_nothing_is_unpacked_again(wheels: Path, root: Path) -> None:
    folder = environment_folder(root)
    config = folder / "pyvenv.cfg"
    config.write_text(config.read_text(encoding="utf-8").replace("home = ", "home = /gone"), encoding="utf-8")
    for link in (folder / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/gone/bin/python")
    marker = next(folder.rglob("torch/part_1.py")).with_name("kept.py")
    marker.touch()
    assert find_engine_python("", root).state is EngineState.MOVED
    ended = set_up(root, "--wheels", wheels)
    assert ended.status == 0 and "Unpacking" not in ended.steps and marker.exists() and works(root)


def test_a_moved_environment_still_works(wheels: Path, root: Path, tmp_path: Path) -> None:
    moved = root.rename(tmp_path / "another profile")
    assert works(moved) and set_up(moved, "--wheels", wheels).status == 0


def test_what_a_newer_version_needs_is_added_and_the_rest_kept(wheels: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = tmp_path / "requirements.txt"
    marker = next(environment_folder(root).rglob("torch/part_1.py")).with_name("kept.py")
    marker.touch()
    more.write_text(REQUIREMENTS.read_text(encoding="utf-8") + "some-sound==1.0  # new\n", encoding="utf-8")
    monkeypatch.setattr(environments, "REQUIREMENTS", more)
    assert find_engine_python("", root).state is EngineState.OLDER
    both = write_wheels(tmp_path / "more wheels")
    write_wheel(both, "some_sound", "1.0")
    assert set_up(root, "--requirements", more, "--wheels", both).status == 0
    assert find_engine_python("", root).state is EngineState.READY and marker.exists()


def test_an_older_blenders_engine_works_until_the_new_one_is_there_and_then_goes(
    wheels: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "this_python", lambda: "3.99")
    old = find_engine_python("", root)
    assert old.state is EngineState.OLDER and Path(old.path).is_file()
    monkeypatch.undo()
    older = environment_folder(root).rename(root / "py3.10-torch2.13.0")
    sentinel = older / installer.SENTINEL
    sentinel.write_text(sentinel.read_text(encoding="utf-8").replace(f'"{environments.this_python()}"', '"3.10"'), encoding="utf-8")
    assert find_engine_python("", root).state is EngineState.OLDER
    assert set_up(root, "--wheels", wheels).status == 0
    assert find_engine_python("", root).state is EngineState.READY and not older.exists()


def test_repair_makes_it_anew(wheels: Path, root: Path) -> None:
    next(environment_folder(root).rglob("torch/part_1.py")).unlink()
    assert set_up(root, "--wheels", wheels, "--afresh").status == 0
    assert list(environment_folder(root).rglob("torch/part_1.py")) and len(made_environments(root)) == 1


def test_a_python_without_pip_is_named_unless_the_wheels_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer.os, "__file__", str(tmp_path / "lib" / "os.py"))
    monkeypatch.setattr(installer.sysconfig, "get_config_var", lambda _name: None)
    plan = Plan(tmp_path / "engine" / "py", REQUIREMENTS, wheels=tmp_path)
    with pytest.raises(SetUpError, match=r"comes without pip \(ensurepip; Debian's package for it is python3-venv\)"):
        installer._bundled_pip(plan)
    write_wheel(tmp_path, "pip", "25.1")
    assert Path(installer._bundled_pip(plan)).parent == tmp_path


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"python": 3}'])
def test_a_damaged_sentinel_is_no_sentinel(damage: str, tmp_path: Path) -> None:
    folder = environment_folder(tmp_path)
    folder.mkdir()
    (folder / installer.SENTINEL).write_text(damage)
    assert made_environments(tmp_path) == []
    assert not find_engine_python("", tmp_path).state.is_usable
