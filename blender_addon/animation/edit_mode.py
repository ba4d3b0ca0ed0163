"""Edit Mode, which bones can only be made in, without the user noticing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy


@contextmanager
def edit_mode(armature: bpy.types.Object) -> Iterator[None]:
    """Edit Mode in a scene of its own, so that the user's modes, active object and selection are not touched."""
    workshop = bpy.data.scenes.new("Understudy workshop")
    try:
        workshop.collection.objects.link(armature)
        layer = workshop.view_layers[0]
        layer.objects.active = armature
        context: dict[str, Any] = {"scene": workshop, "view_layer": layer, "active_object": armature, "object": armature}
        with bpy.context.temp_override(**context, edit_object=None):
            bpy.ops.object.mode_set(mode="EDIT")
            yield
            bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        bpy.data.scenes.remove(workshop)
