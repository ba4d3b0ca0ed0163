"""The evaluation as text, as JSON, and as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...card_fields import dataclass_to_json
from ..pictures import new_figure
from .obedience import Obedience
from .statistics import Figure

Row = dict[str, Figure]
# Column: title, digits
COLUMNS = {
    "r1": ("R-precision 1", 3), "r3": ("R-precision 3", 3), "fid": ("FID", 2), "content": ("content", 3), "style": ("style", 3),
    "diversity": ("diversity", 2), "multimodality": ("multimodality", 2), "jerk": ("jerk m/s3", 1), "foot_slide": ("foot slide cm/s", 2),
    "penetration": ("below floor", 4), "mpjpe": ("MPJPE mm", 1), "sjpe": ("sJPE", 3), "reconstruction_fid": ("FID of reconstruction", 3),
    "reconstruction_jerk": ("jerk of reconstruction", 1),
}  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """rows by title; obedience of the model; real_directions: share of recordings that meet the rule of their direction word."""

    model: str
    seeds: int
    clips: int
    rows: dict[str, Row]
    obedience: Obedience
    real_directions: dict[str, float]

    def save(self, path: Path) -> None:
        dataclass_to_json(path, self)


def markdown(evaluation: Evaluation) -> str:
    """The table of all rows, then what is obeyed."""
    titles = [title for title, _ in COLUMNS.values()]
    lines = [f"| {evaluation.model}, {evaluation.clips} held-out clips, {evaluation.seeds} seeds | " + " | ".join(titles) + " |"]
    lines.append("|---" * (len(titles) + 1) + "|")
    for name, row in evaluation.rows.items():
        cells = [row[column].text(digits) if column in row else "" for column, (_, digits) in COLUMNS.items()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join((*lines, "", *_obeyed(evaluation)))


def _obeyed(evaluation: Evaluation) -> list[str]:
    found = evaluation.obedience
    lines = ["| asked for in unseen words | obeyed |", "|---|---|"]
    for what, shares in (("content", found.contents), ("style", found.styles), ("direction", found.directions), ("two steps", found.steps)):
        if shares:
            lines.append(f"| **{what}, mean of {len(shares)}** | **{sum(shares.values()) / len(shares):.0%}** |")
            lines += [f"| {name} | {share:.0%} |" for name, share in sorted(shares.items(), key=lambda item: -item[1])]
    real = evaluation.real_directions
    lines += [
        "",
        "Recordings that meet the rule of their direction word: " + ", ".join(f"{name} {share:.0%}" for name, share in real.items()),
    ]
    return lines


def draw(evaluation: Evaluation, path: Path) -> None:
    """One bar chart a column, one bar a row."""
    shown = [column for column in COLUMNS if any(column in row for row in evaluation.rows.values())]
    columns = -(-len(shown) // 2)
    figure = new_figure(2.6 * columns, 7)
    axes = figure.subplots(2, columns, squeeze=False)
    colours = {name: f"C{index}" for index, name in enumerate(evaluation.rows)}
    for axis in axes.flat[len(shown) :]:
        axis.axis("off")
    for axis, column in zip(axes.flat, shown, strict=False):
        rows = [(name, row[column]) for name, row in evaluation.rows.items() if column in row]
        errors = [0.0 if figure.interval != figure.interval else figure.interval for _, figure in rows]
        axis.bar(range(len(rows)), [figure.mean for _, figure in rows], yerr=errors, color=[colours[name] for name, _ in rows])
        axis.set_title(COLUMNS[column][0], fontsize=9)
        axis.set_xticks([])
    handles = [axes.flat[0].bar([0], [0], color=colour) for colour in colours.values()]
    figure.legend(handles, list(colours), loc="lower center", ncol=len(colours), fontsize=9)
    figure.suptitle(f"{evaluation.model}: {evaluation.clips} held-out clips, {evaluation.seeds} seeds, 95 % intervals")
    figure.tight_layout(rect=(0, 0.05, 1, 0.97))
    figure.savefig(path, dpi=100)
