"""The panels in both themes, large and narrow. The pictures in out/gui are for eyes; what needs none is asserted."""

from __future__ import annotations

from collections.abc import Callable

from bench import Played
from panel_states import STATES


def test_no_sentence_is_cut_in_any_look(played: Callable[[str], Played]) -> None:
    story = played("looks")
    seen = story.seen
    assert seen["widths"]["narrow"] < 200 < seen["widths"]["dark"] < seen["widths"]["large"], "the sidebar was not dragged"
    assert len(list(story.folder.glob("*.png"))) >= len(STATES) + 16
    assert seen["cut"] == []
