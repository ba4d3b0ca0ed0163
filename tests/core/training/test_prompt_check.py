"""`train check`: every prompt has a share, for a model by its name or by its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.contract import WeightsError
from understudy.core.training.prompt_check import CHECKS, check_prompts


def quiet(_stage: str, _step: int, _total: int) -> None: ...


def test_every_check_has_a_share_of_the_seeds(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_bundle.parent)
    shares = check_prompts(f"./{tiny_bundle.name}", 3, 1.0, quiet)
    assert list(shares) == list(CHECKS)
    assert all(share in (0, 1 / 3, 2 / 3, 1) for share in shares.values())
    assert check_prompts(str(tiny_bundle), 3, 1.0, quiet) == shares


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model"):
        check_prompts(str(tmp_path / "none"), 1, 1.0, quiet)
