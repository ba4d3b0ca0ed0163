"""The bench of faces: a row a stage, and a worker that holds no more of a long sound than of a minute."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import pytest
import torch

from understudy.core import bench as bench_module
from understudy.core.__main__ import main
from understudy.core.contract import BadRequest
from understudy.core.face_bench import bench_faces, face_rows, measure_face_worker, write_syllables
from understudy.tests.tiny_face_model import tiny_face_configs

TINY = tiny_face_configs(52, 3, has_anchors=True)


def test_every_stage_has_a_row() -> None:
    rows = face_rows(TINY, 1.0, 1, torch.device("cpu"))
    assert [row.stage for row in rows] == ["speech encoder", "emotion of the voice", "talker and decoder"]
    assert all(row.seconds > 0 and row.parameters > 0 for row in rows)


def test_the_table_has_the_share_of_real_time(capsys: pytest.CaptureFixture[str]) -> None:
    bench_faces({"tiny": TINY}, 2.0, 1, "cpu", None)
    lines = capsys.readouterr().out.splitlines()
    whole = next(line for line in lines if "as it sounds" in line).removeprefix("  all, as it sounds").split()
    by_name = next(line for line in lines if "emotion by name" in line).removeprefix("  all, emotion by name").split()
    assert float(whole[1]) == pytest.approx(float(whole[0]) / 2000, rel=0.01, abs=1e-4) and float(by_name[0]) < float(whole[0])


@pytest.mark.parametrize("seconds", [0.0, 20.0])
def test_a_length_that_is_no_window_is_told(seconds: float) -> None:
    with pytest.raises(BadRequest, match="one window"):
        bench_faces({"tiny": TINY}, seconds, 1, "cpu", None)


def test_the_sound_of_a_bench_is_as_long_as_it_should_be(tmp_path: Path) -> None:
    write_syllables(tmp_path / "voice.wav", 90.5)
    with wave.open(str(tmp_path / "voice.wav")) as file:
        assert file.getnframes() == 90.5 * 16_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' process table")
def test_a_longer_sound_takes_no_more_memory() -> None:
    memory = measure_face_worker(TINY, 180.0, 1)
    print(memory)
    assert memory.waiting < memory.unloaded < memory.after_a_minute + 40
    assert memory.highest_later < memory.after_a_minute + 20


def test_memory_needs_more_than_a_minute(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "finished_sizes", lambda _: TINY)
    assert main(["bench", "--face", "--memory", "--seconds", "60"]) == 1
    assert "60 s of sound are too short" in capsys.readouterr().err
