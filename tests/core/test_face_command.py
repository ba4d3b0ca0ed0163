"""Does `python -m core face` write faces with every control, and end every bad input with one sentence, exit code 1 and no file?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.contract import EmotionChange, FaceAmounts, FaceMotion, with_amounts

REPO = Path(__file__).resolve().parents[2]
WriteVoice = Callable[..., Path]
TRACKS = ("expression", "jaw", "head", "eyes", "blinks")
STAGES = ("Loading the model ", "Reading the sound ", "Speaking ", "Adding blinks ")


@pytest.fixture
def speak(tiny_face_bundle: Path, write_voice: WriteVoice) -> list[str]:
    return ["face", "--audio", str(write_voice()), "--seed", "7", "--model", str(tiny_face_bundle), "--device", "cpu"]


def same(one: FaceMotion, other: FaceMotion) -> bool:
    return all(np.array_equal(getattr(one, track), getattr(other, track)) for track in TRACKS)


def test_a_face_is_written_in_a_process_of_its_own_as_in_this_one(speak: list[str], tmp_path: Path) -> None:
    wishes = ["--emotion", "happy", "--intensity", "0.8", "--diversity", "0.5", "--temperature", "0.5"]
    environment = os.environ | {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "core", *speak, *wishes, "--out", str(tmp_path / "face.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=environment, timeout=120, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout == f"{tmp_path / 'face.npz'}: 2.00 s, 50 frames, seed 7\n"
    assert "blinks, head and gaze" in done.stderr.splitlines()[-1]
    motion = FaceMotion.load(tmp_path / "face.npz")
    assert (motion.recipe.audio, motion.recipe.emotion, motion.recipe.intensity, motion.recipe.seed) == ("voice.wav", "happy", 0.8, 7)
    assert main([*speak, *wishes, "--out", str(tmp_path / "again.npz")]) == 0
    assert same(FaceMotion.load(tmp_path / "again.npz"), motion)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.npz", "face.npz", "voice.wav"]


def test_every_control_reaches_the_recipe(speak: list[str], write_voice: WriteVoice, tmp_path: Path) -> None:
    other = write_voice(1.0, "other.wav", seed=1)
    wishes = [
        "--start", "0.5", "--seconds", "1.2", "--emotion-audio", str(other), "--intensity", "1.5", "--change", "0.4:sad:0.7", "--change", "0.9:",
        "--diversity", "0.25", "--temperature", "0.125", "--actor", "2",
    ]  # fmt: skip
    assert main([*speak, *wishes, "--out", str(tmp_path / "face.npz")]) == 0
    recipe = FaceMotion.load(tmp_path / "face.npz").recipe
    assert (recipe.start_s, recipe.seconds, recipe.emotion_audio, recipe.intensity) == (0.5, 1.2, "other.wav", 1.5)
    assert recipe.changes == (EmotionChange(0.4, "sad", 0.7), EmotionChange(0.9, "", 1.0))
    assert (recipe.diversity, recipe.temperature, recipe.actor) == (0.25, 0.125, 2)


def test_amounts_scale_what_the_model_made(speak: list[str], tmp_path: Path) -> None:
    assert main([*speak, "--out", str(tmp_path / "raw.npz")]) == 0
    amounts = ["--lips", "0.5", "--jaw", "1.5", "--upper-face", "0", "--blinks", "0.25", "--head", "2", "--gaze", "0.75"]
    assert main([*speak, *amounts, "--out", str(tmp_path / "weighed.npz")]) == 0
    raw, weighed = (FaceMotion.load(tmp_path / f"{name}.npz") for name in ("raw", "weighed"))
    expected = with_amounts(raw, FaceAmounts(0.5, 1.5, 0.0, 0.25, 2.0, 0.75))
    assert raw.blinks is not None and weighed.blinks is None
    for track in ("expression", "jaw", "head", "eyes"):
        np.testing.assert_array_equal(getattr(weighed, track), getattr(expected, track))


def test_variations_get_numbers(speak: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*speak, "--variations", "2", "--out", str(tmp_path / "face.npz")]) == 0
    assert [FaceMotion.load(tmp_path / f"face_{k}.npz").recipe.seed for k in (1, 2)] == [7, 8]
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_seed_left_out_is_drawn_and_told(speak: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = [argument for argument in speak if argument not in ("--seed", "7")]
    for name in ("a", "b"):
        assert main([*without, "--out", str(tmp_path / f"{name}.npz")]) == 0
    seeds = [FaceMotion.load(tmp_path / f"{name}.npz").recipe.seed for name in ("a", "b")]
    assert seeds[0] != seeds[1]
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == list(map(str, seeds))


def test_sound_and_model_may_be_paths_from_here(
    speak: list[str], tiny_face_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    speak[speak.index("--audio") + 1] = "voice.wav"
    speak[speak.index("--model") + 1] = os.path.relpath(tiny_face_bundle)
    assert main([*speak, "--out", "face.npz"]) == 0


BAD = {
    "no file": (["--audio", "none.wav"], "none.wav does not exist"),
    "a folder": (["--audio", "."], "is a folder"),
    "a text file named wav": (["--audio", "text.wav"], "text.wav holds text"),
    "a video": (["--audio", "clip.mp4"], "is an MP4 or MOV video"),
    "a start behind the end": (["--start", "5"], "2.00 s long"),
    "a negative start": (["--start", "-1"], "-1 s"),
    "nan seconds": (["--seconds", "nan"], "nan"),
    "a part too short": (["--seconds", "0.01"], "0.010 s"),
    "an unknown emotion": (["--emotion", "glad"], "choose neutral, happy"),
    "two emotions": (["--emotion", "sad", "--emotion-audio", "voice.wav"], "choose one of them"),
    "no emotion clip": (["--emotion-audio", "none.wav"], "none.wav does not exist"),
    "an intensity too strong": (["--intensity", "3"], "between 0 and 2"),
    "a change of words": (["--change", "soon:sad"], '"soon:sad"'),
    "a change of an unknown emotion": (["--change", "1:glad"], "glad"),
    "changes out of order": (["--change", "1:sad", "--change", "0.5:happy"], "order"),
    "nan diversity": (["--diversity", "nan"], "nan"),
    "a temperature too hot": (["--temperature", "5"], "5"),
    "a style that is not there": (["--actor", "3"], "no speaker 3"),
    "a negative style": (["--actor", "-1"], "-1"),
    "a seed too large": (["--seed", "2147483648"], "2,147,483,647"),
    "too many variations": (["--variations", "17"], "16"),
    "an unknown model": (["--model", "missing"], 'no face model "missing"'),
    "a body model": (["--model", "starter"], 'no face model "starter"'),
    "an amount too much": (["--upper-face", "2.5"], "amount of upper face"),
    "another ending": (["--out", "face.bvh"], ".npz"),
    "a folder that is not there": (["--out", "missing/face.npz"], "does not exist"),
    "a folder in the file's place": (["--out", "folder.npz"], "cannot be written"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_sentence(
    case: str, speak: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, expected = BAD[case]
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "text.wav").write_text("Not a sound.\n" * 9)
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(99))
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    assert main([*speak, "--out", "face.npz", *changes]) == 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith(STAGES)]
    assert len(lines) == 1 and lines[0].startswith("understudy: ") and lines[0].endswith("."), err
    assert expected in lines[0] and len(lines[0]) < 400 and out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before and not any((tmp_path / "folder.npz").iterdir())


@pytest.mark.parametrize(
    "arguments", [["face"], ["face", "--audio", "a.wav"], ["face", "--audio", "a.wav", "--out", "a.npz", "--seed", "1.5"]]
)
def test_wrong_arguments_end_with_usage_and_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m core face")
