"""Pictures of figures: the one place that knows how matplotlib is brought in."""

from __future__ import annotations

from typing import Any, Literal

from ..contract import BadRequest


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Any:
    """An empty matplotlib Figure of so many inches. Raises BadRequest where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise BadRequest("The picture is drawn with matplotlib, which is missing: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout=layout)
