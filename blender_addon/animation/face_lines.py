"""The lines that a face speaks, kept in its Action as the model made them, so that their amounts can be changed without the model.

They lie in one custom property, each motion as the bytes of an npz: there they go wherever the Action goes, through undo, save and
append, into copies and other files, and no path can break. A second of 52 shapes takes 6.5 kB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ...core.contract import FaceAmounts, FaceMotion, with_amounts
from .datablocks import Reference

LINES_PROPERTY = "understudy_face_lines"
_ROUNDING = 1e-3  # frames


@dataclass(frozen=True)
class FaceLine:
    """One stretch of speech. motions: one a variation, of which `shown` is the one that is keyed, with these amounts.

    start_frame, fps: where the keys begin, and at which rate they are. number: which of the Action's lines it is, 0 for a new one;
    later ones lie over earlier ones.
    """

    motions: tuple[FaceMotion, ...]
    start_frame: float
    fps: float
    amounts: FaceAmounts = field(default_factory=FaceAmounts)
    shown: int = 0
    number: int = 0

    def motion(self, lower_face: np.ndarray | None = None) -> FaceMotion:
        """What is keyed; lower_face as `with_amounts` takes it."""
        return with_amounts(self.motions[self.shown], self.amounts, lower_face)

    def packed(self) -> list[bytes]:
        """Its motions as they are kept."""
        return [motion.to_bytes() for motion in self.motions]

    @property
    def last_frame(self) -> float:
        return self.start_frame + self.motions[self.shown].seconds * self.fps


@dataclass(frozen=True)
class KeptLine:
    """What can be told of a line without unpacking its motions. variations: how many there are; checksum: of its keys as written."""

    number: int
    name: str
    start_frame: float
    last_frame: float
    variations: int
    shown: int
    amounts: FaceAmounts
    checksum: str = ""


def keep(action: Reference, line: FaceLine, name: str, packed: Sequence[bytes], checksum: str) -> None:
    """Adds a line called `name`, or puts it into the place of the one with its number. A new one replaces those that it covers.

    packed: what `line.packed` gave. checksum: of its keys.
    """
    found = action.resolve()
    if found.get(LINES_PROPERTY) is None:
        found[LINES_PROPERTY] = {}
    lines = found[LINES_PROPERTY]
    number = line.number or 1 + max(map(int, lines.keys()), default=0)
    for other in kept_lines(action) if not line.number else ():
        if other.start_frame >= line.start_frame - _ROUNDING and other.last_frame <= line.last_frame + _ROUNDING:
            del lines[str(other.number)]
    lines[str(number)] = {
        "name": name,
        "start_frame": line.start_frame,
        "last_frame": line.last_frame,
        "fps": line.fps,
        "shown": line.shown,
        "checksum": checksum,
        "amounts": asdict(line.amounts),
        "motions": {str(place): data for place, data in enumerate(packed)},
    }


def kept_lines(action: Reference) -> list[KeptLine]:
    """The Action's lines, the earliest made first; what cannot be read is left out. Cheap enough for panels."""
    stored = action.resolve().get(LINES_PROPERTY)
    lines = [_told(number, stored[number]) for number in sorted(_numbers(stored), key=int)]
    return [line for line in lines if line is not None]


def kept_line(action: Reference, number: int) -> FaceLine:
    """A line that `kept_lines` tells of. Raises BadRequest where its motions cannot be read."""
    stored = action.resolve()[LINES_PROPERTY][str(number)]
    motions = stored["motions"]
    return FaceLine(
        motions=tuple(FaceMotion.from_bytes(motions[place], str(stored["name"])) for place in sorted(motions.keys(), key=int)),
        start_frame=float(stored["start_frame"]),
        fps=float(stored["fps"]),
        amounts=_amounts(stored["amounts"]),
        shown=int(stored["shown"]),
        number=number,
    )


def _numbers(stored: Any) -> list[str]:
    return [number for number in stored.keys() if number.isdigit()] if hasattr(stored, "keys") else []  # noqa: SIM118


def _told(number: str, stored: Any) -> KeptLine | None:
    try:
        frames = float(stored["start_frame"]), float(stored["last_frame"])
        count, shown = len(stored["motions"]), int(stored["shown"])
        return KeptLine(int(number), str(stored["name"]), *frames, count, shown, _amounts(stored["amounts"]), str(stored["checksum"]))
    except (KeyError, TypeError, ValueError):
        return None


def _amounts(stored: Mapping[str, float]) -> FaceAmounts:
    """Those of other versions that this one does not know are left out."""
    return FaceAmounts(**{each.name: float(stored[each.name]) for each in fields(FaceAmounts) if each.name in stored})
