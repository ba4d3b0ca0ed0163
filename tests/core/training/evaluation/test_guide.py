"""The prompt guide says everything that was measured, the worst included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy.core.__main__ import main

OBEDIENCE = {
    "contents": {"walk": 1.0, "kick": 0.2, "dance-short": 0.7, "bow": 0.95},
    "styles": {"sad": 0.5, "chimpira": 0.9},
    "directions": {"turn-left": 0.88},
    "steps": {"walks, then bows": 0.5, "runs, then jumps": 1.0},
}


def printed(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    code = main(["evaluate", "guide", str(path)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_every_share_is_named_best_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(json.dumps({"obedience": OBEDIENCE}), tmp_path, capsys)
    assert code == 0
    first, *others = [line for line in out.splitlines() if "%" in line]
    assert "walk 100%, bow 95%" in first and "nearly always" in first
    assert [share in out for share in ("dance to pop music 70%", "kick 20%", "like a thug 90%", "sad 50%", "turn-left 88%")] == [True] * 5
    assert "hardly ever (0% and more) | kick 20% |" in out and "75% | both seen, in order, mean of 2 prompts" in others[-1]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"obedience": {"contents": 3}}'])
def test_another_file_is_refused_in_a_sentence(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = printed(content, tmp_path, capsys)
    assert code == 1 and not out and "is no evaluation" in err and "Traceback" not in err
