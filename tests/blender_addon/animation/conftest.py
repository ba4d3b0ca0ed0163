from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
import pytest

from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.smpl_armature import add_character


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """Every test starts in a new file without objects, with an undo step to go back to."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.ed.undo_push(message="Start")


@pytest.fixture
def character() -> bpy.types.Object:
    return add_character()


@pytest.fixture
def read() -> Callable[[bpy.types.Object], dict[tuple[str, int], np.ndarray]]:
    """Reads the keys of the Action that an object plays, by data path and array index."""

    def of(owner: bpy.types.Object) -> dict[tuple[str, int], np.ndarray]:
        action = curves.bound_action(owner)
        assert action is not None
        slot = curves.first_slot(action)
        assert slot is not None
        return curves.read_curves(slot)

    return of
