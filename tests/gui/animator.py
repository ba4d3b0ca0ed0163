"""Somebody at the mouse and the keyboard of a Blender with a GUI: what is pressed goes through the window's event queue. Runs inside Blender.

Blender tells no coordinates of buttons. They are found as an eye would: the cursor goes over the region, and Blender is asked what
lies under it. Every step is a generator that yields the seconds until it goes on, because Blender handles events in between.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy

ADDON = "bl_ext.user_default.understudy.blender_addon"
TAB = "Understudy"
Steps = Generator[float, None, None]
# Blender's names of the keys that a sentence or a path is typed with; letters are called as they are
_KEYS = dict(zip("0123456789", ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"], strict=True))
_KEYS |= {" ": "SPACE", ",": "COMMA", ".": "PERIOD", "/": "SLASH", "-": "MINUS", "_": "MINUS"}
_NAMES = {("VIEW_3D", "UI"): "the sidebar", ("PREFERENCES", "WINDOW"): "the preferences"}
_TICK = 0.02
_SIGNS_A_TICK = 6  # the window is drawn after each tick, which takes a software renderer a third of a second
_SETTLED = 0.5  # a software renderer has drawn by then
_PATIENCE_S = 150.0


class NotThere(AssertionError):
    """What an animator would look for in vain."""


class Animator:
    """log: what was done and seen, in order. seen: what the test looks at. place: the editor, and the region of it, that the eye goes over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = ("VIEW_3D", "UI")
        self.log: list[dict[str, Any]] = []
        self.seen: dict[str, Any] = {}
        self._began = time.monotonic()
        self._at = (0, 0)

    # What the add-on and Blender say

    def module(self, name: str) -> Any:
        return sys.modules[f"{ADDON}.{name}"]

    @property
    def window(self) -> bpy.types.Window:
        return bpy.context.window_manager.windows[0]

    def region(self, kind: str, editor: str = "VIEW_3D") -> tuple[bpy.types.Area, bpy.types.Region]:
        """A region of an editor; of the 3D viewport UI is the sidebar, WINDOW the view."""
        area = next(area for area in self.window.screen.areas if area.type == editor)
        return area, next(region for region in area.regions if region.type == kind)

    def looked_at(self) -> tuple[bpy.types.Area, bpy.types.Region]:
        editor, kind = self.place
        return self.region(kind, editor)

    # The record

    def note(self, what: str, **more: object) -> None:
        self.log.append({"at": round(time.monotonic() - self._began, 2), "what": what, **more})
        (self.folder / "log.json").write_text(json.dumps({"log": self.log, "seen": self.seen}, indent=1, default=str), encoding="utf-8")

    def picture(self, name: str, region: bpy.types.Region | None = None) -> Steps:
        """Of the whole screen or of a region, by the X server: Blender's own is black where software draws."""
        yield _SETTLED
        file = f"{sum(entry['what'] == 'picture' for entry in self.log) + 1:02d}-{name}.png"
        part: list[str] = []
        if region is not None:
            top = self.window.height - region.y - region.height
            part = ["-crop", f"{region.width}x{region.height}+{region.x}+{top}", "+repage"]
        subprocess.run(["import", "-window", "root", *part, self.folder / file], check=True, timeout=60)
        self.note("picture", file=file)

    # The hand

    def event(self, kind: str, value: str, **more: Any) -> None:
        self.window.event_simulate(type=kind, value=value, x=self._at[0], y=self._at[1], **more)

    def move(self, x: float, y: float) -> Steps:
        self._at = (int(x), int(y))
        self.event("MOUSEMOVE", "NOTHING")
        yield _TICK

    def click(self, what: str, x: float, y: float) -> Steps:
        yield from self.move(x, y)
        yield 0.1
        self.event("LEFTMOUSE", "PRESS")
        yield 0.1
        self.event("LEFTMOUSE", "RELEASE")
        self.note("click", on=what, x=int(x), y=int(y))
        yield 0.2

    def key(self, kind: str, **more: Any) -> Steps:
        self.event(kind, "PRESS", **more)
        yield _TICK
        self.event(kind, "RELEASE", **{name: held for name, held in more.items() if name != "unicode"})
        self.note("key", key=kind, **more)
        yield 0.2

    def write(self, text: str) -> Steps:
        """Into the field that is open; Enter closes it."""
        yield from self.key("A", ctrl=True)
        for number, sign in enumerate(text, start=1):
            kind = _KEYS.get(sign, sign.upper())
            self.event(kind, "PRESS", unicode=sign, shift=sign.isupper() or sign == "_")
            self.event(kind, "RELEASE", shift=sign.isupper() or sign == "_")
            if number % _SIGNS_A_TICK == 0:
                yield _TICK
        yield _SETTLED
        self.note("typed", text=text)
        yield from self.key("RET")

    # The eye

    def under_cursor(self) -> str:
        """`understudy.generate` for the operator of a button, `prompt` for the setting of a field; empty for neither."""
        area, region = self.looked_at()
        with bpy.context.temp_override(window=self.window, area=area, region=region):
            if (shown := bpy.context.property) is not None:
                return str(shown[1]).rpartition(".")[2]  # some Blenders give the whole path
            windows = bpy.context.window_manager
            windows.clipboard = ""
            try:
                bpy.ops.ui.copy_python_command_button()
            except RuntimeError:
                return ""
            found = re.match(r"bpy\.ops\.([\w.]+)\(", windows.clipboard)
            return found.group(1) if found else ""

    def find(self, name: str, across: float = 0.5) -> Generator[float, None, tuple[int, int]]:
        """Where a button or a field is; across: how far to the right of the region the eye goes down."""
        _, region = self.looked_at()
        line = 12 * bpy.context.preferences.system.ui_scale  # more than half a button
        x = region.x + across * (region.width - 2 * line)
        passed: list[str] = []
        for step in range(1, int(region.height / line)):
            y = region.y + region.height - step * line
            yield from self.move(x, y)
            if (there := self.under_cursor()) == name and (yield from self._is_still(name, x + 1, y)):
                return int(x), int(y - line / 3)
            if there and there not in passed:
                passed.append(there)
        raise NotThere(f"{name} is nowhere in {_NAMES[self.place]}; there are {', '.join(passed) or 'no buttons at all'}")

    def _is_still(self, name: str, x: float, y: float) -> Generator[float, None, bool]:
        """A button that was lit before a window closed above it stays lit until the cursor has moved and some time has gone by."""
        yield 0.15
        yield from self.move(x, y)
        yield 0.1
        return self.under_cursor() == name

    def press(self, name: str, across: float = 0.5) -> Steps:
        """Finds a button and clicks it."""
        x, y = yield from self.find(name, across)
        yield from self.click(name, x, y)

    def unfold(self, name: str, below: str, across: float = 0.5) -> Steps:
        """Opens the closed panel that holds a button: one of those whose headers come after the button or field `below`.

        Headers have no name that Blender would tell: the eye tries which it is, and the animator opens that one.
        """
        x, y = yield from self.find(below)
        line = int(20 * bpy.context.preferences.system.ui_scale)
        for row in range(y - line, y - 8 * line, -line):
            yield from self.move(x, row)
            yield 0.1
            if self.under_cursor():
                continue
            yield from self._toggle(x, row)
            yield _SETTLED
            try:
                yield from self.find(name, across)
            except NotThere:
                yield from self._toggle(x, row)
                continue
            yield from self._toggle(x, row)
            yield _SETTLED
            yield from self.click(f"the panel of {name}", x, row)
            yield _SETTLED
            return
        raise NotThere(f"no panel below {below} holds {name}")

    def _toggle(self, x: float, y: float) -> Steps:
        yield from self.move(x, y)
        for value in ("PRESS", "RELEASE"):
            self.event("LEFTMOUSE", value)
            yield 0.1

    def choose_folder(self, folder: Path) -> Steps:
        """In the file browser that has opened in the window; Enter accepts."""
        yield _SETTLED
        area = next((area for area in self.window.screen.areas if area.type == "FILE_BROWSER"), None)
        if area is None:
            raise NotThere("no file browser has opened")
        area.spaces.active.params.directory = str(folder).encode()
        yield 1.0
        region = next(region for region in area.regions if region.type == "WINDOW")
        yield from self.move(region.x + region.width / 2, region.y + region.height / 2)
        yield from self.picture("folder")
        yield from self.key("RET")
        self.note("folder", folder=folder.name)

    def wait(
        self, what: str, done: Callable[[], object], watch: Callable[[], object] = lambda: None, patience_s: float = _PATIENCE_S
    ) -> Steps:
        """Until it is so; `watch` is called meanwhile. The longest time that Blender took between two looks is noted."""
        began = last = time.monotonic()
        longest = 0.0
        while not done():
            watch()
            if last - began > patience_s:
                raise NotThere(f"waited {patience_s:.0f} s in vain: {what}")
            yield 0.05
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        self.note("waited", until=what, longest_hold=round(longest, 2))

    # Habits

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> Steps:
        yield from self.move(*start)
        yield _SETTLED
        self.event("LEFTMOUSE", "PRESS")
        yield 0.1
        for part in (0.1, 0.5, 1.0):
            yield from self.move(*(a + part * (b - a) for a, b in zip(start, end, strict=True)))
            yield 0.2
        self.event("LEFTMOUSE", "RELEASE")
        yield _SETTLED

    def into_the_view(self) -> Steps:
        """Keys go where the cursor is."""
        _, region = self.region("WINDOW")
        yield from self.move(region.x + region.width * 0.35, region.y + region.height * 0.3)
        yield 0.1

    def open_the_tab(self) -> Steps:
        """N, and one click on the tab. The eye tries where it is first, which is no click of the animator's."""
        area, region = self.region("UI")
        if not area.spaces.active.show_region_ui:
            yield from self.into_the_view()
            yield from self.key("N")
            yield _SETTLED
        scale = bpy.context.preferences.system.ui_scale
        x = region.x + region.width - 8 * scale
        for y in range(int(region.y + region.height - 30 * scale), region.y, -int(20 * scale)):
            yield from self._toggle(x, y)
            if region.active_panel_category == TAB:
                region.active_panel_category = "Item"
                yield _SETTLED
                yield from self.click(f"tab {TAB}", x, y)
                yield _SETTLED
                return
        raise NotThere(f"there is no tab {TAB} in the sidebar")
