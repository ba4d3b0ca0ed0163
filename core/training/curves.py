"""The curves of a run as one picture: every figure of every network's log over its steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..contract import BadRequest
from .pictures import new_figure
from .run import LOG

SMOOTHED = 20  # reports that a training curve is averaged over


def read_curves(run: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """By network and figure: (step, value). Raises BadRequest for a folder without a log."""
    logs = sorted(run.glob(f"*/{LOG}"))
    if not logs:
        raise BadRequest(f"There is no training log in {run}: name the folder that was given to `train` as --run.")
    return {log.parent.name: _figures(log) for log in logs}


def _figures(log: Path) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        step = int(row.pop("step"))
        for name, value in row.items():
            curves.setdefault(name, []).append((step, float(value)))
    return curves


def draw_curves(run: Path, path: Path) -> None:
    """One row of charts a network; where a figure is validated too, both in one chart."""
    curves = read_curves(run)
    titles = {network: list(dict.fromkeys(name.removeprefix("validation ") for name in figures)) for network, figures in curves.items()}
    columns = max(map(len, titles.values()))
    figure = new_figure(2.8 * columns, 2.3 * len(curves))
    axes = figure.subplots(len(curves), columns, squeeze=False)
    for row, (network, names) in zip(axes, titles.items(), strict=True):
        for axis in row[len(names) :]:
            axis.axis("off")
        for axis, name in zip(row, names, strict=False):
            _draw_one(axis, curves[network], name)
            axis.set_title(f"{network}: {name}", fontsize=8)
            axis.tick_params(labelsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def _draw_one(axis: Any, figures: dict[str, list[tuple[int, float]]], name: str) -> None:
    for each, style in ((name, "-"), (f"validation {name}", "o-")):
        if points := figures.get(each):
            steps, values = zip(*(points if "o" in style else _smooth(points)), strict=True)
            axis.plot(steps, values, style, markersize=2, linewidth=1)


def _smooth(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Each value as the mean of itself and those just before it."""
    values = [value for _, value in points]
    means = [sum(values[max(0, at - SMOOTHED + 1) : at + 1]) / min(at + 1, SMOOTHED) for at in range(len(values))]
    return [(step, mean) for (step, _), mean in zip(points, means, strict=True)]
