"""An hour of hard use, or seconds of the same: UNDERSTUDY_ENDURANCE chooses, and `build_addon.py test --endurance` sets it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import pytest

from understudy.blender_addon import preferences, settings
from understudy.core.contract import Quality
from understudy.tests.blender_addon.conftest import write_voice

_REPO = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Scale:
    """How hard the use is. model, face_model: what generates; seconds: of each body; rounds: of the mix of generations.

    pairs: of looks at playback, without a generation and with one.
    """

    rounds: int
    kills: int
    registrations: int
    model: str
    face_model: str
    seconds: float
    pairs: int
    seed: int


@pytest.fixture(scope="session")
def scale() -> Scale:
    """Another seed each time for the hour, printed where a test uses it; the same for the seconds."""
    if "UNDERSTUDY_ENDURANCE" not in os.environ:
        return Scale(rounds=3, kills=3, registrations=3, model="tiny", face_model="tiny_face", seconds=6.0, pairs=1, seed=7)
    seed = int(os.environ.get("UNDERSTUDY_SEED", random.SystemRandom().randrange(10**6)))
    return Scale(rounds=17, kills=50, registrations=20, model="starter", face_model="starter_face", seconds=6.0, pairs=8, seed=seed)


@pytest.fixture
def dice(scale: Scale) -> random.Random:
    print(f"UNDERSTUDY_SEED={scale.seed}")
    return random.Random(scale.seed)


@pytest.fixture
def stage(addon: settings.UnderstudySettings, face_models: Path, scale: Scale, tmp_path: Path) -> settings.UnderstudySettings:
    """A character, a head and a voice in a saved file; the engine is the real one."""
    chosen = preferences.current()
    assert chosen is not None
    chosen.model, chosen.face_model = scale.model, scale.face_model
    bpy.ops.understudy.add_character()
    bpy.ops.understudy.add_head()
    addon.quality, addon.seconds, addon.use_new_seed, addon.seed = Quality.DRAFT.name, scale.seconds, False, 1
    addon.speech.sound_file, addon.speech.use_new_seed, addon.speech.seed = str(write_voice(tmp_path / "hello.wav", 3.0)), False, 1
    addon.speech.add_sound_strip = False
    bpy.ops.ed.undo_push(message="Stage")
    return addon


@pytest.fixture
def settings_now() -> Callable[[], settings.UnderstudySettings]:
    """Those of the scene as it is: an undo makes every reference stale."""
    return lambda: settings.of(bpy.context.scene)
