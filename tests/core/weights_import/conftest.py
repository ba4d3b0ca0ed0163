"""The published sets at a thousandth of their size, and an import into an empty folder of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.core.body.humanml3d import HUMANML3D, KIT_ML
from understudy.core.weights_import.importing import Imported, Order, import_weights
from understudy.tests.core.weights_import.published_files import TINY, TINY_TEXT, Published, State, random_states


@pytest.fixture(scope="session")
def tiny_states() -> dict[str, tuple[dict[str, State], State]]:
    return {each.name: random_states(each.networks, TINY_TEXT) for each in TINY.sets}


@pytest.fixture
def make_published(tmp_path: Path, tiny_states: dict[str, tuple[dict[str, State], State]]) -> Callable[[str], Published]:
    def make(name: str) -> Published:
        parts, clip = tiny_states[name]
        folder = tmp_path / "downloads" / name
        folder.mkdir(parents=True)
        return Published(
            folder,
            {"humanml3d": HUMANML3D, "kit": KIT_ML}[name],
            {part: dict(state) for part, state in parts.items()},
            dict(clip),
            TINY_TEXT,
        )

    return make


@pytest.fixture
def published(make_published: Callable[[str], Published]) -> Published:
    """The HumanML3D set; nothing is written yet."""
    return make_published("humanml3d")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The user's folder of models, which does not exist before the first import."""
    return tmp_path / "models"


@pytest.fixture
def run_import(models: Path, clip_merges: Path) -> Callable[..., Imported]:
    """import_weights at the tiny sizes."""

    def run(*paths: Path, name: str = "", replaces: bool = False) -> Imported:
        return import_weights(Order(paths, models, name, replaces), lambda *_: None, TINY)

    return run
