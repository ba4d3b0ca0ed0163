"""`build_addon.py test --gui BLENDER_OR_CHROOT --pictures` makes the README's pictures of Blender anew."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import REPO, Played

PICTURES = Path(__file__).with_name("pictures")
NAMES = {"set_up.jpg", "body.jpg", "face.jpg"}
MOST_BYTES = 150_000


def test_the_readme_shows_the_pictures_that_there_are() -> None:
    shown = set(re.findall(r"\(tests/gui/pictures/([\w.]+)\)", (REPO / "README.md").read_text(encoding="utf-8")))
    assert shown == NAMES == {path.name for path in PICTURES.iterdir()}
    assert all(path.stat().st_size < MOST_BYTES for path in PICTURES.iterdir())


@pytest.mark.skipif("UNDERSTUDY_PICTURES" not in os.environ, reason="makes pictures that are committed: --pictures asks for them")
def test_the_pictures_are_made(played: Callable[[str], Played]) -> None:
    story = played("pictures")
    PICTURES.mkdir(exist_ok=True)
    for name in NAMES:
        shutil.copy(story.folder / name, PICTURES)
