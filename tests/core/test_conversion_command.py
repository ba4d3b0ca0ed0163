"""`python -m core convert-face`, from one head's file to another's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.contract import ARKIT, FLAME_2020, FaceMotion
from understudy.core.contract.head import DEFAULT_HEAD, read_head
from understudy.tests.core.contract.head.other_heads import other_head, written

FRAMES = 9


@pytest.fixture(scope="module")
def flame_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head of other triangles and directions, laid out as FLAME's."""
    return written(other_head(read_head(DEFAULT_HEAD)).model, tmp_path_factory.mktemp("flame") / "flame.npz")


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """The mouth opens while the lids close."""
    course = np.linspace(0, 1, FRAMES, dtype=np.float32)
    still = np.zeros((FRAMES, 3), np.float32)
    FaceMotion(course[:, None], still, ("jawOpen",), ARKIT, 25.0, blinks=course).save(tmp_path / "spoken.npz")
    return tmp_path / "spoken.npz"


def test_a_motion_goes_to_flame_and_back(flame_file: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there, back = tmp_path / "flame.npz", tmp_path / "back.npz"
    assert main(["convert-face", str(spoken), "--to", str(flame_file), "--out", str(there)]) == 0
    assert main(["convert-face", str(there), "--from", str(flame_file), "--out", str(back)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{there}: 0.32 s, from arkit to flame-2020, off by ")
    for line in lines:
        off, moved, lips = map(float, re.findall(r"([\d.]+) (?:of|mm)", line.split("off by")[1]))
        assert off < 0.15 * moved and lips < 0.3
    official, again = FaceMotion.load(there), FaceMotion.load(back)
    assert official.space == FLAME_2020 and official.blinks is None
    np.testing.assert_allclose(np.degrees(official.jaw[:, 0]), 24.4 * np.linspace(0, 1, FRAMES), atol=3)
    for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"):
        found = again.expression[:, again.expression_names.index(name)]
        np.testing.assert_allclose(found, np.linspace(0, 1, FRAMES), atol=0.15)


def test_bad_input_ends_with_one_sentence(flame_file: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out.npz")]
    for arguments, sentence in (
        ([str(spoken), *out], "is of the face space arkit already: name another model with --to"),
        ([str(spoken), "--from", str(flame_file), *out], "the head to read it by of flame-2020: name no model with --from"),
        ([str(tmp_path / "none.npz"), "--to", str(flame_file), *out], "none.npz cannot be opened"),
        ([str(spoken), "--to", str(tmp_path / "none.pkl"), *out], "none.pkl cannot be opened"),
        ([str(spoken), "--to", str(spoken), *out], "is not a FLAME model"),
        ([str(spoken), "--to", str(flame_file), "--out", str(tmp_path / "out.fbx")], "written as .npz files"),
    ):
        assert main(["convert-face", *arguments]) == 1
        said = capsys.readouterr().err
        assert sentence in said and "Traceback" not in said
        assert not (tmp_path / "out.npz").exists()
