"""What a panel draws, without a window."""

from __future__ import annotations

from types import SimpleNamespace


class Drawn:
    """A layout that remembers labels, buttons, and what stands in empty fields."""

    def __init__(self, seen: list[str] | None = None) -> None:
        self.seen: list[str] = [] if seen is None else seen
        self.model_name = ""

    def __getattr__(self, _what: str) -> object:
        return lambda *_arguments, **_options: Drawn(self.seen)

    def label(self, text: str = "", **_options: object) -> None:
        self.seen.append(text)

    def progress(self, text: str = "", **_options: object) -> None:
        self.seen.append(text)

    def prop(self, _owner: object, name: str, placeholder: str = "", **_options: object) -> None:
        self.seen += [name, placeholder]

    def operator(self, name: str, **_options: object) -> Drawn:
        self.seen.append(name)
        return self


class Room:
    """As much of a context as drawing asks for."""

    region = SimpleNamespace(width=4000)
    preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))  # Blender's is 0 without a window
