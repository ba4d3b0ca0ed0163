"""Does every button and every field say what it is for, and every number how large it may be?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from understudy.blender_addon.preferences_panel import UnderstudyPreferences
from understudy.blender_addon.settings import UnderstudySettings
from understudy.blender_addon.speech_settings import UnderstudySpeech

_INHERITED = {"rna_type", "name", "bl_idname", "layout"}
_UNDOCUMENTED = "(undocumented operator)"
_UNBOUNDED = 2**31 - 1


def operators() -> list[Any]:
    return [getattr(bpy.ops.understudy, name).get_rna_type() for name in dir(bpy.ops.understudy)]


def fields() -> Iterator[tuple[str, Any]]:
    """All that an animator can set, but what file browsers and buttons fill in."""
    owners = [*operators(), *(each.bl_rna for each in (UnderstudySettings, UnderstudySpeech, UnderstudyPreferences))]
    for owner in owners:
        for field in owner.properties:
            is_group = field.type == "POINTER" and field.fixed_type.base is not None and field.fixed_type.base.identifier == "PropertyGroup"
            if field.identifier not in _INHERITED and not field.is_hidden and not is_group:
                yield f"{owner.identifier}.{field.identifier}", field


def test_every_button_has_a_tooltip(addon: UnderstudySettings) -> None:
    assert len(operators()) > 25
    assert [each.identifier for each in operators() if each.description in ("", _UNDOCUMENTED, each.name)] == []


def test_every_field_has_a_tooltip(addon: UnderstudySettings) -> None:
    told = dict(fields())
    assert len(told) > 35
    assert [name for name, field in told.items() if field.description in ("", field.name)] == []
    assert [name for name, field in told.items() if field.description.endswith(".")] == [], "Blender adds the stop"


def test_every_number_tells_its_largest_value(addon: UnderstudySettings) -> None:
    numbers = {name: field for name, field in fields() if field.type in ("INT", "FLOAT") and field.hard_max < _UNBOUNDED}
    assert len(numbers) > 12
    assert [name for name, field in numbers.items() if f"{field.hard_max:g}" not in field.description] == []
