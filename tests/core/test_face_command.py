"""Does `python -m core face` write faces with every control, and end every bad input with one sentence, exit code 1 and no file?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.contract import EmotionChange, FaceAmounts, FaceMotion, flame_expression_names, with_amounts
from understudy.core.contract.head import DEFAULT_HEAD, face_geometry, lower_face, read_head
from understudy.tests.core.contract.head.other_heads import other_head, written
from understudy.tests.tiny_face_model import write_tiny_face

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


@pytest.fixture(scope="module")
def flame_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose coefficients are FLAME's."""
    folder = tmp_path_factory.mktemp("models") / "like_published"
    write_tiny_face(folder, like_published=True)
    return folder


def test_lips_and_upper_face_of_flame_are_told_apart_by_the_users_own_head(
    speak: list[str], flame_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speak[speak.index("--model") + 1] = str(flame_model)
    fewer = other_head(read_head(DEFAULT_HEAD)).model
    wide = np.concatenate((fewer.expressions, 0.3 * fewer.expressions[..., ::-1][..., : 50 - len(fewer.expression_names)]), axis=2)
    head = written(replace(fewer, expressions=wide, expression_names=flame_expression_names(50)), tmp_path / "flame.npz")
    assert main([*speak, "--lips", "0", "--flame", str(written(fewer, tmp_path / "fewer.npz")), "--out", str(tmp_path / "raw.npz")]) == 1
    assert "fewer.npz has 42 expressions and the model speaks in 50" in capsys.readouterr().err
    assert main([*speak, "--out", str(tmp_path / "raw.npz")]) == 0
    capsys.readouterr()
    amounts = ["--lips", "1.5", "--upper-face", "0.5"]
    assert main([*speak, *amounts, "--out", str(tmp_path / "mean.npz")]) == 0
    assert "flame-2020 move the whole face at once" in (told := capsys.readouterr().err) and "scaled by 1, the mean" in told
    assert main([*speak, *amounts, "--flame", str(head), "--out", str(tmp_path / "apart.npz")]) == 0
    assert "the mean" not in capsys.readouterr().err
    raw, mean, apart = (FaceMotion.load(tmp_path / f"{name}.npz") for name in ("raw", "mean", "apart"))
    mouth = lower_face(face_geometry(read_head(head)), raw.expression_names)
    np.testing.assert_array_equal(mean.expression, raw.expression)
    np.testing.assert_allclose(apart.expression, 0.5 * raw.expression + raw.expression @ mouth.T, atol=1e-4)
    assert np.abs(apart.expression - raw.expression).max() > 0.01
    # Both the same is no matter of the head
    assert main([*speak, "--lips", "0.5", "--upper-face", "0.5", "--out", str(tmp_path / "half.npz")]) == 0
    assert "the mean" not in capsys.readouterr().err


def test_a_head_of_another_release_does_not_tell_lips_from_brows(
    speak: list[str], flame_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speak[speak.index("--model") + 1] = str(flame_model)
    for head, shown in ((DEFAULT_HEAD, "a head of arkit and the model speaks in flame-2020"), (tmp_path / "none.pkl", "cannot be opened")):
        assert main([*speak, "--lips", "0.5", "--flame", str(head), "--out", str(tmp_path / "face.npz")]) == 1
        assert shown in capsys.readouterr().err and not (tmp_path / "face.npz").exists()


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
