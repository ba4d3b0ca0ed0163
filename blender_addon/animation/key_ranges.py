"""Ranges of frames in the curves of an Action: what they say there, and other keys in their place.

Keys are changed in the Action that plays, as they would be by hand; either all curves are, or none is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from . import curves
from .slices import in_one_go

_BESIDE = 1e-2  # frames: keys nearer than this are one
_SAME_VALUE = 1e-6


@dataclass(frozen=True)
class RangeKeys:
    """Keys at `frames` (T,) for one property; values: (T, N). beside: (2, N) what a curve that is not there yet holds before and after.

    holds_last: from the last of them to the next key the value stays, instead of going over to it.
    """

    data_path: str
    group: str
    frames: np.ndarray
    values: np.ndarray
    beside: np.ndarray
    holds_last: bool = False


@dataclass(frozen=True)
class Moved:
    """Values of a property after a frame: matrix (N, N) and offset (N,) that make new ones of old ones."""

    data_path: str
    matrix: np.ndarray
    offset: np.ndarray


def sampled(slot: curves.ActionSlot, data_path: str, index: int, frames: np.ndarray) -> np.ndarray | None:
    """What a curve says at `frames` (T,), modifiers included; None if there is no such curve, or no key in it."""
    curve = curves.channel_bag(slot).fcurves.find(data_path, index=index)
    if curve is None or not len(curve.keyframe_points):
        return None
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])


def extent(slot: curves.ActionSlot, paths: Iterable[str], selected_only: bool = False) -> tuple[float, float] | None:
    """First and last frame of the keys of these data paths, or of those that are selected; None if there are none."""
    wanted, found = set(paths), []
    for curve in curves.channel_bag(slot).fcurves:
        if curve.data_path not in wanted or not len(curve.keyframe_points):
            continue
        frames = curves.key_property(curve.keyframe_points, "co")[:, 0]
        if selected_only:
            chosen = np.empty(len(frames), bool)
            curve.keyframe_points.foreach_get("select_control_point", chosen)
            frames = frames[chosen]
        found += [frames.min(), frames.max()] if len(frames) else []
    return (float(min(found)), float(max(found))) if found else None


def misaligned(slot: curves.ActionSlot, moved: Moved, after: float) -> bool:
    """Whether the property cannot be `moved` as a whole: a value of one curve is to go into another, which has keys at other frames."""
    size = len(moved.matrix)
    if np.allclose(moved.matrix, np.eye(size), atol=_SAME_VALUE):
        return False
    fcurves = [curves.channel_bag(slot).fcurves.find(moved.data_path, index=index) for index in range(size)]
    if any(curve is None for curve in fcurves):
        return True
    keys = [curves.key_property(curve.keyframe_points, "co")[:, 0] for curve in fcurves]
    keys = [each[each > after + _BESIDE] for each in keys]
    return any(each.shape != keys[0].shape or not np.allclose(each, keys[0], atol=_BESIDE) for each in keys)


def replace(slot: curves.ActionSlot, written: Sequence[RangeKeys], moved: Sequence[Moved] = ()) -> None:
    """Puts the keys in the place of all from their first to their last frame, and then moves what comes after.

    All other keys stay bit for bit, handles included. Whatever is raised, the curves are as before.
    """
    undo: list[Callable[[], None]] = []
    try:
        for each in written:
            for index in range(each.values.shape[1]):
                undo.append(_undoing(slot, each.data_path, index))
                _write(slot, each, index)
        for each in moved:
            undo += [_undoing(slot, each.data_path, index) for index in range(len(each.matrix))]
        after = float(written[0].frames[-1]) if written else 0.0
        for each in moved:
            _move(slot, each, after)
    except BaseException:
        for restore in reversed(undo):
            restore()
        raise


def _undoing(slot: curves.ActionSlot, data_path: str, index: int) -> Callable[[], None]:
    """Restores a curve as it is now."""
    fcurves = curves.channel_bag(slot).fcurves
    curve = fcurves.find(data_path, index=index)
    if curve is None:
        return lambda: _remove(slot, data_path, index)
    before = {name: curves.key_property(curve.keyframe_points, name) for name in curves.KEY_PROPERTIES}
    return lambda: _restore(slot, data_path, index, before)


def _remove(slot: curves.ActionSlot, data_path: str, index: int) -> None:
    fcurves = curves.channel_bag(slot).fcurves
    if (curve := fcurves.find(data_path, index=index)) is not None:
        fcurves.remove(curve)


def _restore(slot: curves.ActionSlot, data_path: str, index: int, before: dict[str, np.ndarray]) -> None:
    points = curves.channel_bag(slot).fcurves.find(data_path, index=index).keyframe_points
    points.clear()
    points.add(len(before["co"]))
    for name, values in before.items():
        points.foreach_set(name, values.ravel())


def _write(slot: curves.ActionSlot, written: RangeKeys, index: int) -> None:
    curve = curves.channel_bag(slot).fcurves.find(written.data_path, index=index)
    keys = np.column_stack((written.frames, written.values[:, index]))
    if curve is None or not len(curve.keyframe_points):
        if curve is None:
            curve = curves.added_curve(slot, written.data_path, index, written.group)
        ends = np.column_stack(((written.frames[0] - 1, written.frames[-1] + 1), written.beside[:, index]))
        keys = np.concatenate((ends[:1], keys, ends[1:]))
    keys = keys.astype(np.float32)
    in_one_go(curves.replace_keys(lambda: curve, keys, curves.kinds_of_new_keys()))
    if written.holds_last:
        frames = curves.key_property(curve.keyframe_points, "co")[:, 0]
        curve.keyframe_points[int(np.abs(frames - written.frames[-1]).argmin())].interpolation = "CONSTANT"


def _move(slot: curves.ActionSlot, moved: Moved, after: float) -> None:
    found = [curves.channel_bag(slot).fcurves.find(moved.data_path, index=index) for index in range(len(moved.matrix))]
    rows = [curve and curves.key_property(curve.keyframe_points, "co")[:, 0] > after + _BESIDE for curve in found]
    for name in ("co", "handle_left", "handle_right"):
        places = [curve and curves.key_property(curve.keyframe_points, name) for curve in found]
        old = [place[row, 1].astype(np.float64) if place is not None else None for place, row in zip(places, rows, strict=True)]
        for index, (curve, place, row) in enumerate(zip(found, places, rows, strict=True)):
            if curve is None:
                continue
            parts = (moved.matrix[index, other] * value for other, value in enumerate(old) if _counts(moved, index, other, value))
            place[row, 1] = sum(parts, np.full(int(row.sum()), moved.offset[index]))
            curve.keyframe_points.foreach_set(name, place.ravel())


def _counts(moved: Moved, index: int, other: int, value: np.ndarray | None) -> bool:
    return value is not None and (index == other or abs(moved.matrix[index, other]) > _SAME_VALUE)
