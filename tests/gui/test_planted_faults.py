"""The journeys notice what an animator would: the same extension with one fault planted turns them red."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import Played
from judges import judge_first_keys

TASK_OPERATOR, PANELS, CURVES = (f"blender_addon/{name}.py" for name in ("operators/task_operator", "panels", "animation/curves"))
FAULTS = {
    "an operator that blocks": (TASK_OPERATOR, "if bpy.app.background:", "if True:", "the bar said nothing"),
    "a button outside the panel": (PANELS, '    row.operator("understudy.generate", ', '    row.operator("understudy.cancel", ', "nowhere in the sidebar"),
    "a slot that is not bound": (CURVES, "animation.action_slot = _layered_slot(action, slot)", "animation.action_slot = None", "stands still"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_turns_it_red(fault: str, package: Path, play_zip: Callable[[str, Path, str], Played], tmp_path: Path) -> None:
    file, right, wrong, told = FAULTS[fault]
    faulty = tmp_path / package.name
    plant(package, faulty, file, right, wrong)
    story = play_zip("first_keys", faulty, fault.replace(" ", "-"))
    if "slot" in fault and story.seen["blender"] < "4.4":
        pytest.skip("Blender 4.3 and older know no slots")
    with pytest.raises(AssertionError, match=told):
        judge_first_keys(story.seen)


def plant(package: Path, faulty: Path, file: str, right: str, wrong: str) -> None:
    """A copy of the zip with one line changed."""
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(faulty, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == file:
                assert data.count(right.encode()) == 1, f"{file} has changed: plant the fault anew"
                data = data.replace(right.encode(), wrong.encode())
            target.writestr(name, data)
