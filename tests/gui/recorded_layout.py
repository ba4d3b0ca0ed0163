"""Stands where Blender's layout is expected and remembers what is drawn. Runs with any bpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import bpy

_KNOWN = bpy.types.UILayout.bl_rna
_UNDESCRIBED = "(undocumented operator)"
_NARROWER = ("row", "split", "grid_flow", "column_flow")


@dataclass
class Drawn:
    """wide: labels that have the whole width to themselves. texts: of all labels and bars. bars: how many of these. operators: by name. fields: a property each."""

    wide: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    bars: int = 0
    operators: list[str] = field(default_factory=list)
    fields: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.texts or self.operators or self.fields)

    @property
    def undescribed(self) -> list[str]:
        """Buttons and fields without a tooltip of their own."""
        operators = [name for name in self.operators if operator_type(name).description.strip() in ("", _UNDESCRIBED)]
        return operators + [f"{data.bl_rna.identifier}.{name}" for data, name in self.fields if not _described(data, name)]


class RecordedLayout:
    """A UILayout; what this Blender's would refuse, it refuses too: unknown methods, keywords, attributes, operators and properties."""

    def __init__(self, drawn: Drawn | None = None, is_wide: bool = True) -> None:
        self.__dict__.update(drawn=drawn or Drawn(), _is_wide=is_wide)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _KNOWN.properties:
            raise AttributeError(f"UILayout has no {name}")

    def __getattr__(self, name: str) -> Any:
        if name not in _KNOWN.functions:
            raise AttributeError(f"UILayout has no {name}")
        return lambda *_given, **more: self._child(name, more)

    def _child(self, name: str, more: dict[str, object]) -> RecordedLayout:
        _check(name, more)
        return RecordedLayout(self.drawn, self._is_wide and name not in _NARROWER)

    def label(self, text: str = "", icon: str = "NONE", **more: object) -> None:
        _check("label", more)
        self.drawn.texts.append(text)
        if self._is_wide:
            self.drawn.wide.append(text)

    def progress(self, text: str = "", **more: object) -> None:
        _check("progress", more)
        self.drawn.texts.append(text)
        self.drawn.bars += 1

    def operator(self, name: str, **more: object) -> SimpleNamespace:
        _check("operator", more)
        operator_type(name)
        self.drawn.operators.append(name)
        return SimpleNamespace()

    def prop(self, data: Any, name: str, **more: object) -> None:
        _check("prop", more)
        self.drawn.fields.append((data, name))
        assert name in data.bl_rna.properties, f"{data.bl_rna.identifier} has no {name}"

    def prop_search(self, data: Any, name: str, where: Any, names: str, **more: object) -> None:
        _check("prop_search", more)
        assert names in where.bl_rna.properties, f"{where.bl_rna.identifier} has no {names}"
        self.prop(data, name)


def _check(method: str, more: dict[str, object]) -> None:
    if unknown := set(more) - set(_KNOWN.functions[method].parameters.keys()):
        raise TypeError(f"UILayout.{method} knows no {', '.join(sorted(unknown))}")


def operator_type(name: str) -> Any:
    """Raises where there is no such operator."""
    room, _, operator = name.partition(".")
    return getattr(getattr(bpy.ops, room), operator).get_rna_type()


def _described(data: Any, name: str) -> bool:
    return bool(data.bl_rna.properties[name].description.strip())


class Sidebar:
    """Blender's context, with a sidebar of this width, which there is none of without a window."""

    def __init__(self, width: int) -> None:
        self.region = SimpleNamespace(width=width, height=1000, type="UI")
        self.preferences = SimpleNamespace(
            system=SimpleNamespace(ui_scale=1.0), ui_styles=bpy.context.preferences.ui_styles
        )  # the scale is 0 without a window

    def __getattr__(self, name: str) -> Any:
        return getattr(bpy.context, name)
