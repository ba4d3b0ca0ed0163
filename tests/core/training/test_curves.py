"""The logs of a run become curves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy.core.__main__ import main
from understudy.core.contract import BadRequest
from understudy.core.training.curves import _smooth, read_curves


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for network in ("flow", "tokens"):
        rows: list[dict[str, float]] = [{"step": step, "loss": 1 / step, "gradient": 0.5} for step in range(50, 500, 50)]
        rows += [{"step": 250, "validation loss": 0.4}, {"step": 500, "validation loss": 0.3, "validation jitter": 1.1}]
        (tmp_path / network).mkdir()
        (tmp_path / network / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_every_figure_is_a_curve(run: Path) -> None:
    curves = read_curves(run)
    assert set(curves) == {"flow", "tokens"}
    assert set(curves["flow"]) == {"loss", "gradient", "validation loss", "validation jitter"}
    assert curves["flow"]["validation loss"] == [(250, 0.4), (500, 0.3)] and curves["tokens"]["loss"][0] == (50, 0.02)


def test_the_picture_is_drawn(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["train", "curves", "--run", str(run), "--out", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_a_folder_without_logs_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no training log"):
        read_curves(tmp_path)


def test_a_smooth_curve_is_a_running_mean() -> None:
    points = [(step, float(step)) for step in range(40)]
    assert _smooth(points)[:3] == [(0, 0.0), (1, 0.5), (2, 1.0)] and _smooth(points)[39] == (39, sum(range(20, 40)) / 20)
