"""Where something that was added stands, and whether the animator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d, region_2d_to_location_3d

GAP_METRES = 0.1  # between it and what stands beside it
# What is larger in any direction is a room or a landscape to stand in, not a thing that stands there
BULKY_METRES = 3.0
_TOUCH_METRES = 0.01  # what lies deeper in each other is in the way
_SOLID = ("MESH", "CURVE", "CURVES", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD")
_SMALLEST_SHARE = 0.2  # of the view's height; what is smaller moves too little to be judged
_DISTANCE = 2.5  # of the view, in diagonals of what it shows


def put(context: bpy.types.Context, added: bpy.types.Object) -> None:
    """Stands an object and its children at the 3D cursor, or to the right (+X) of what stands there already, where it is seen.

    In Object Mode all of it becomes the selection, and the object the active one; a pose that is being worked on stays at hand.
    """
    added.location = context.scene.cursor.location
    context.view_layer.update()
    family = [added, *added.children_recursive]
    low, high = _box(family)
    added.location.x += _shift_beside(low, high, list(_obstacles(context, family)))
    context.view_layer.update()
    if context.mode == "OBJECT":
        for each in context.selected_objects:
            each.select_set(False)
        for each in family:  # so that X deletes the skin with its armature
            each.select_set(True)
        context.view_layer.objects.active = added
    if context.area is not None and context.area.type == "VIEW_3D":
        _show(context.area, family)


def _shift_beside(low: np.ndarray, high: np.ndarray, obstacles: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Metres along X after which a box (3,) to (3,) overlaps with none of the others."""
    shift, blocked = 0.0, True
    while blocked:
        at = np.array([shift, 0.0, 0.0])
        inside = [(a, b) for a, b in obstacles if (np.minimum(high + at, b) - np.maximum(low + at, a) > _TOUCH_METRES).all()]
        blocked = bool(inside)
        if blocked:
            shift = float(max(b[0] for _, b in inside) - low[0]) + GAP_METRES
    return shift


def _obstacles(context: bpy.types.Context, family: list[bpy.types.Object]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for each in context.view_layer.objects:
        if each.type in _SOLID and each not in family and each.display_type not in ("BOUNDS", "WIRE") and each.visible_get():
            low, high = _box([each])
            if (high - low).max() <= BULKY_METRES:
                yield low, high


def _box(objects: list[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) in world space of what is solid."""
    corners = []
    for each in objects:
        if each.type in _SOLID:
            matrix = np.array(each.matrix_world)
            corners.append(np.array(each.bound_box) @ matrix[:3, :3].T + matrix[:3, 3])
    points = np.concatenate(corners)
    return points.min(0), points.max(0)


def _show(area: bpy.types.Area, family: list[bpy.types.Object]) -> None:
    """Turns to the objects if they are out of view or tiny there; a view through a camera stays as it is."""
    space = area.spaces.active
    view, low_high = space.region_3d, _box(family)
    if space.local_view is not None:
        for each in family:
            each.local_view_set(space, True)
    if view.view_perspective != "CAMERA" and not _is_well_seen(area, low_high):
        _frame(area, low_high)


def _is_well_seen(area: bpy.types.Area, box: tuple[np.ndarray, np.ndarray]) -> bool:
    region, view = _window(area), area.spaces.active.region_3d
    left, right = _free_width(area, region)
    corners = [location_3d_to_region_2d(region, view, corner) for corner in product(*zip(*box, strict=True))]
    if any(corner is None for corner in corners):
        return False
    places = np.array(corners)
    is_inside = (places >= (left, 0)).all() and (places <= (right, region.height)).all()
    return bool(is_inside and np.ptp(places[:, 1]) >= _SMALLEST_SHARE * region.height)


def _frame(area: bpy.types.Area, box: tuple[np.ndarray, np.ndarray]) -> None:
    """Seen from where the animator looks already, in the middle of what the sidebar leaves of the view."""
    region, view = _window(area), area.spaces.active.region_3d
    middle = (box[0] + box[1]) / 2
    view.view_location = middle
    view.view_distance = _DISTANCE * float(np.linalg.norm(box[1] - box[0]))
    view.update()
    left, right = _free_width(area, region)
    aside = region_2d_to_location_3d(region, view, ((left + right) / 2, region.height / 2), middle)
    centre = region_2d_to_location_3d(region, view, (region.width / 2, region.height / 2), middle)
    view.view_location -= aside - centre


def _window(area: bpy.types.Area) -> bpy.types.Region:
    return next(region for region in area.regions if region.type == "WINDOW")


def _free_width(area: bpy.types.Area, region: bpy.types.Region) -> tuple[float, float]:
    """Left and right end of what toolbar and sidebar leave of the view, in its own pixels."""
    left, right = float(region.x), float(region.x + region.width)
    for other in area.regions:
        if other.type in ("TOOLS", "UI") and other.width > 1 and other.height > 1:
            if other.x + other.width / 2 < region.x + region.width / 2:
                left = max(left, other.x + other.width)
            else:
                right = min(right, other.x)
    return left - region.x, right - region.x
