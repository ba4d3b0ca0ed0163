"""Every panel in every state, in both themes, large and narrow: pictures for eyes, and labels that are cut. Runs inside Blender."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import blf
import bpy
from animator import Animator, Steps
from habits import EXTENSION, install, open_preferences
from panel_states import STATES, clear
from recorded_layout import RecordedLayout

_MARGINS = 83  # pixels at scale 1, counted in a picture: of the tabs, the panel's edges, and the icon before a sentence


@dataclass(frozen=True)
class Look:
    name: str
    is_light: bool = False
    scale: float = 1.0
    width: int = 280  # of the sidebar, at scale 1
    states: tuple[str, ...] = ("no_engine", "generating", "failed", "finished")


LOOKS = (Look("dark", states=tuple(STATES)), Look("light", is_light=True), Look("large", scale=2.0), Look("narrow", width=170), Look("all", True, 2.0, 170))


def looks(animator: Animator) -> Steps:
    yield from install(animator, "")
    _open_all_panels(animator)
    bpy.ops.understudy.add_character()
    bpy.ops.understudy.add_head()
    area, region = animator.region("WINDOW")
    with bpy.context.temp_override(window=animator.window, area=area, region=region):
        bpy.ops.screen.screen_full_area()  # what is not drawn takes no time
    yield 1.0
    yield from animator.open_the_tab()
    animator.seen["cut"], animator.seen["widths"] = [], {}
    for look in LOOKS:
        yield from _put_on(animator, look)
        for state in look.states:
            clear(_module)
            STATES[state](_module)
            _, region = animator.region("UI")
            region.tag_redraw()
            yield 0.2
            region.tag_redraw()  # Blender places panels by what they were high when they were drawn last
            yield from animator.picture(f"{look.name}-{state}", region)
            animator.seen["cut"] += [f"{look.name}, {state}: {text}" for text in cut_sentences(animator)]
        animator.seen["widths"][look.name] = animator.region("UI")[1].width
    yield from _preferences(animator)
    clear(_module)


def _preferences(animator: Animator) -> Steps:
    yield from open_preferences(animator, "ADDONS")
    bpy.ops.preferences.addon_expand(module=EXTENSION)
    for look in (LOOKS[2], LOOKS[0]):
        bpy.context.preferences.view.ui_scale = look.scale
        for state in ("no_engine", "finished"):
            clear(_module)
            STATES[state](_module)
            yield 1.0
            yield from animator.picture(f"preferences-{look.name}-{state}", animator.looked_at()[1])


def cut_sentences(animator: Animator) -> list[str]:
    """Labels on lines of their own that are wider than what Blender has drawn them in."""
    area, region = animator.region("UI")
    scale = bpy.context.preferences.system.ui_scale
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points * scale)
    with bpy.context.temp_override(window=animator.window, area=area, region=region):
        texts = [text for panel in _panels(animator) for text in _wide_texts(panel)]
    return [text for text in texts if blf.dimensions(0, text)[0] > region.width - _MARGINS * scale]


def _wide_texts(panel: Any) -> list[str]:
    if hasattr(panel, "poll") and not panel.poll(bpy.context):
        return []
    layout = RecordedLayout()
    panel.draw(SimpleNamespace(layout=layout), bpy.context)
    return list(layout.drawn.wide)


def _put_on(animator: Animator, look: Look) -> Steps:
    if look.is_light:
        folders = (Path(folder) for folder in bpy.utils.preset_paths("interface_theme"))
        theme = next(path for folder in folders for path in folder.glob("*ight.xml"))
        bpy.ops.script.execute_preset(filepath=str(theme), menu_idname="USERPREF_MT_interface_theme_presets")
    else:
        bpy.ops.preferences.reset_default_theme()
    bpy.context.preferences.view.ui_scale = look.scale
    yield 1.5
    _, region = animator.region("UI")
    before, y = region.width, region.y + region.height / 2
    for edge in (1, -3, -6, 4):  # where it is held differs from version to version
        if look.width < 280 and region.width == before:
            yield from animator.drag((region.x + edge, y), (region.x + region.width - look.width * look.scale, y))
    yield from animator.into_the_view()


def _open_all_panels(animator: Animator) -> None:
    """But the long list of shape keys."""
    for panel in _panels(animator):
        if "DEFAULT_CLOSED" in getattr(panel, "bl_options", ()) and "map" not in panel.bl_idname:
            bpy.utils.unregister_class(panel)
            panel.bl_options = set()
            bpy.utils.register_class(panel)


def _panels(animator: Animator) -> list[Any]:
    return list(animator.module("panels")._PANELS)


def _module(name: str) -> Any:
    return sys.modules[f"{EXTENSION}.{name}" if name.startswith("core") else f"{EXTENSION}.blender_addon.{name}"]
