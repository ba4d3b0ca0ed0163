"""Where the journeys are played: UNDERSTUDY_GUI names a Blender or a chroot with one, and `build_addon.py test --gui` sets it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench import REPO, TIME_LIMIT_S, Played, play

from understudy.tests.blender_addon.engine.set_ups import write_index
from understudy.tests.blender_addon.engine.small_wheels import write_wheels
from understudy.tests.blender_addon.tiny_engine import write_tiny_downloads, write_tiny_engine

pytest.register_assert_rewrite("judges")
VOICE = REPO / "weights" / "emotion_voices" / "angry_03b01Wa.flac"


@pytest.fixture(scope="session")
def blender() -> Path:
    """Skips where none is named."""
    if "UNDERSTUDY_GUI" not in os.environ:
        pytest.skip("needs a Blender with a GUI: python3 build_addon.py test --gui BLENDER_OR_CHROOT")
    return Path(os.environ["UNDERSTUDY_GUI"]).resolve()


@pytest.fixture(scope="session")
def package(blender: Path) -> Path:
    built = sorted((REPO / "dist").glob("understudy-*.zip"))
    assert built, "there is no zip: `python3 build_addon.py build` makes it, and `build_addon.py test` does so first"
    return built[-1]


@pytest.fixture(scope="session")
def play_zip(blender: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Played]:
    """Plays a journey with a zip; its pictures and its log are left in a folder of that name in out/gui."""
    folder = tmp_path_factory.mktemp("gui")
    python = Path(os.environ.get("UNDERSTUDY_PYTHON", sys.executable))
    wheels = write_wheels(folder / "wheels")
    things = {"python": python, "voice": VOICE, "wheels": wheels, "index": write_index(folder / "index", wheels)}
    things["tiny_engine"] = write_tiny_engine(folder / "engine", str(python))
    things["downloads"] = write_tiny_downloads(folder / "downloads", str(python))

    def run(journey: str, package: Path, name: str, time_limit_s: int = TIME_LIMIT_S) -> Played:
        return play(blender, journey, REPO / "out" / "gui" / blender.name / name, {"zip": package, **things}, time_limit_s)

    return run


@pytest.fixture(scope="session")
def played(blender: Path, package: Path, play_zip: Callable[..., Played]) -> Callable[..., Played]:
    """Plays a journey by its name, to its end."""

    def run(journey: str, time_limit_s: int = TIME_LIMIT_S) -> Played:
        story = play_zip(journey, package, journey, time_limit_s)
        assert "error" not in story.seen, f"{story.seen['error']}\nPictures: {story.folder}\n{story.output[-1500:]}"
        assert "Traceback" not in story.output, story.output[-3000:]
        return story

    return run
