"""Where the journeys are played: UNDERSTUDY_GUI names a Blender or a chroot with one, and `build_addon.py test --gui` sets it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench import REPO, Played, play

VOICE = REPO / "weights" / "emotion_voices" / "angry_03b01Wa.flac"


@pytest.fixture(scope="session")
def played() -> Callable[[str], Played]:
    """Plays a journey by its name; pictures and log are left in out/gui. Skips where no Blender is named."""
    target = os.environ.get("UNDERSTUDY_GUI")
    if not target:
        pytest.skip("needs a Blender with a GUI: python3 build_addon.py test --gui BLENDER_OR_CHROOT")
    built = sorted((REPO / "dist").glob("understudy-*.zip"))
    assert built, "there is no zip: `python3 build_addon.py build` makes it, and `build_addon.py test` does so first"
    python = os.environ.get("UNDERSTUDY_PYTHON", sys.executable)
    place = Path(target).resolve()

    def run(journey: str) -> Played:
        story = play(place, journey, REPO / "out" / "gui" / place.name / journey, built[-1], python, VOICE)
        assert "error" not in story.seen, f"{story.seen['error']}\nPictures: {story.folder}\n{story.output[-1500:]}"
        assert "Traceback" not in story.output, story.output[-3000:]
        return story

    return run
