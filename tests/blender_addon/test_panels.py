"""Every panel in every state: it draws, it says something, and each of its buttons and fields has a tooltip."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import blf
import bpy
import pytest

from understudy import blender_addon
from understudy.blender_addon import feedback, models, panels, preferences
from understudy.tests.gui.panel_states import STATES, clear
from understudy.tests.gui.recorded_layout import Drawn, RecordedLayout, Sidebar

WIDTHS = (150, 280, 560)
MARGINS = 83  # pixels of the tabs, the panel's edges, and the icon before a sentence; counted in a picture


def module(name: str) -> Any:
    return importlib.import_module(f"understudy.{name}" if name.startswith("core") else f"understudy.blender_addon.{name}")


def drawn(panel: type[bpy.types.Panel], width: int = 280) -> Drawn:
    layout, context = RecordedLayout(), Sidebar(width)
    panel.draw(SimpleNamespace(layout=layout), context)  # type: ignore[arg-type]
    return layout.drawn


def shown_panels() -> list[type[bpy.types.Panel]]:
    return [panel for panel in panels._PANELS if not hasattr(panel, "poll") or panel.poll(Sidebar(280))]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def furnished() -> Iterator[None]:
    """The add-on with a character and a head, which bring all parts of the panels."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    entry = bpy.context.preferences.addons.new()
    entry.module = preferences.EXTENSION
    blender_addon.register()
    models.refresh("")
    bpy.ops.understudy.add_character()
    bpy.ops.understudy.add_head()
    yield
    blender_addon.unregister()
    bpy.context.preferences.addons.remove(entry)


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, furnished: None) -> Iterator[str]:
    clear(module)
    STATES[request.param](module)
    yield request.param
    clear(module)


def test_every_panel_draws_and_is_not_empty(state: str) -> None:
    for width in WIDTHS:
        empty = [panel.bl_idname for panel in shown_panels() if drawn(panel, width).is_empty]
        assert empty == [], f"{state}, {width} pixels wide"


def test_every_button_and_field_has_a_tooltip(state: str) -> None:
    assert {panel.bl_idname: bare for panel in shown_panels() if (bare := drawn(panel).undescribed)} == {}


def test_no_sentence_is_wider_than_the_sidebar(state: str) -> None:
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
    for width in WIDTHS:
        sentences = [text for panel in shown_panels() for text in drawn(panel, width).wide]
        assert [text for text in sentences if blf.dimensions(0, text)[0] > width - MARGINS] == [], f"{state}, {width} pixels wide"


@pytest.mark.parametrize("room", [20.0, 60.0, 200.0])
def test_nothing_of_a_wrapped_sentence_is_lost(room: float) -> None:
    sentence = "Kathleen (CC0 1.0), github.com/rhasspy/dataset-voice-kathleen, is read by nobody"
    lines = feedback.wrapped(sentence, room, 11.0)
    assert "".join(lines).replace(" ", "") == sentence.replace(" ", "")
    blf.size(0, 11.0)
    assert all(blf.dimensions(0, line)[0] <= room for line in lines)
    assert feedback.wrapped("", room, 11.0) == ()


def test_the_preferences_draw_and_explain_themselves(state: str) -> None:
    layout, chosen = RecordedLayout(), preferences.current()
    type(chosen).draw(_Drawing(chosen, layout), Sidebar(900))  # type: ignore[arg-type]
    assert len(layout.drawn.fields) >= 8 and "understudy.import_weights" in layout.drawn.operators
    assert layout.drawn.undescribed == []


def test_work_under_way_has_one_bar_and_its_end_is_told_once(state: str) -> None:
    sidebar = [drawn(panel, width=4000) for panel in shown_panels()]
    assert sum(each.bars for each in sidebar) == (state in ("setting_up", "generating", "recording"))
    message = module("jobs").state.message
    assert bool(message) == (state in ("set_up_failed", "failed", "finished"))
    assert not message or sum(text == message for each in sidebar for text in each.texts) == 1
    assert sum("understudy.dismiss_message" in each.operators for each in sidebar) == bool(message)
    assert sum("understudy.extend_scene" in each.operators for each in sidebar) == (state == "finished")


def test_a_scene_that_lasts_long_enough_is_not_made_longer(furnished: None) -> None:
    module("jobs").tell("Keyed.", frames=(1.0, bpy.context.scene.frame_end))
    operators = drawn(panels.UNDERSTUDY_PT_text_to_motion).operators
    clear(module)
    assert "understudy.play" in operators and "understudy.extend_scene" not in operators


class _Drawing:
    """The preferences with a layout, which they have only while Blender draws them."""

    def __init__(self, chosen: Any, layout: RecordedLayout) -> None:
        self.layout, self._chosen = layout, chosen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chosen, name)


def test_what_is_not_described_is_found() -> None:
    class UNDERSTUDY_OT_bare(bpy.types.Operator):
        bl_idname, bl_label = "understudy.bare", "Bare"

    bpy.utils.register_class(UNDERSTUDY_OT_bare)
    layout = RecordedLayout()
    layout.column().operator("understudy.bare")
    layout.row().prop(bpy.context.scene, "frame_current")
    undescribed = layout.drawn.undescribed
    bpy.utils.unregister_class(UNDERSTUDY_OT_bare)
    assert undescribed == ["understudy.bare"]


@pytest.mark.parametrize("wrong", ["layout.lable(text='x')", "layout.scale_z = 2", "layout.prop(scene, 'fram')", "layout.operator('no.such')", "layout.row(aling=True)"])
def test_what_blenders_layout_refuses_is_refused(wrong: str) -> None:
    with pytest.raises((AttributeError, AssertionError, KeyError, TypeError)):
        exec(wrong, {"layout": RecordedLayout(), "scene": bpy.context.scene})
