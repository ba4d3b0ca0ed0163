"""Which shape key shows which of ARKit's shapes, as the animator has it: kept on the mesh object, saved with the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy

from .animation.face_keys import ARKIT_NAMES, arkit_keys


class UnderstudyFaceKey(bpy.types.PropertyGroup):
    """One line of Object.understudy_face_map; `name` is ARKit's"""

    key: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Shape Key", description="The shape key of this mesh that shows this shape; empty where it has none"
    )


def of(mesh: bpy.types.Object) -> dict[str, str]:
    """ARKit's name to the shape key's. Empty if there is no map: then the names of the keys decide."""
    return {line.name: line.key for line in mesh.understudy_face_map if line.key}


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Maps can be read although the add-on is not registered: through pip's bpy."""
    if hasattr(bpy.types.Object, "understudy_face_map"):
        yield
        return
    register()
    try:
        yield
    finally:
        unregister()


def fill(mesh: bpy.types.Object) -> int:
    """Makes the map anew by the names of the shape keys; how many of the 52 were found."""
    found = arkit_keys(mesh.data.shape_keys.key_blocks.keys())
    mesh.understudy_face_map.clear()
    for name in ARKIT_NAMES:
        line = mesh.understudy_face_map.add()
        line.name, line.key = name, found.get(name, "")
    return len(found)


def clear(mesh: bpy.types.Object) -> None:
    """Leaves it to the names of the shape keys again."""
    mesh.understudy_face_map.clear()


def register() -> None:
    bpy.utils.register_class(UnderstudyFaceKey)
    bpy.types.Object.understudy_face_map = bpy.props.CollectionProperty(type=UnderstudyFaceKey)  # type: ignore[attr-defined]


def unregister() -> None:
    del bpy.types.Object.understudy_face_map  # type: ignore[attr-defined]
    bpy.utils.unregister_class(UnderstudyFaceKey)
