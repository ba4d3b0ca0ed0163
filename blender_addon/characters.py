"""Which character is meant: the one that the sidebar names, else the one that is selected, else the scene's only one."""

from __future__ import annotations

import bpy

from . import settings
from .animation.face_target import armature_of
from .animation.listed_names import listed
from .animation.rig import has_joints, refusal


def chosen_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """An armature that may have reasons against it, see `character_refused`; None where it is not plain which."""
    if (named := settings.of(context.scene).character) is not None:
        return named
    active = _armature(context.object)
    if active is not None and has_joints(active):
        return active
    found = _characters(context.scene)
    return found[0] if len(found) == 1 else None


def character_refused(context: bpy.types.Context) -> str:
    """Why no body can be keyed now, in words for the tooltip; empty if one can."""
    if (chosen := chosen_character(context)) is not None:
        return refusal(chosen)
    found = [each.name for each in _characters(context.scene)]
    if found:
        return f"There are {len(found)} characters ({listed(found)}): choose one above, or select it."
    return refusal(_armature(context.object))


def lacks_character(context: bpy.types.Context) -> bool:
    """Whether there is none that could be chosen, so that adding one helps."""
    chosen = settings.of(context.scene).character
    return not chosen.users_scene if chosen is not None else chosen_character(context) is None and not _characters(context.scene)


def _armature(active: bpy.types.Object | None) -> bpy.types.Object | None:
    """Itself, or the one that deforms it."""
    return active if active is None or active.type == "ARMATURE" else armature_of(active)


def _characters(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    if not bpy.data.armatures:  # ten thousand objects take milliseconds, and panels ask at every redraw
        return []
    return [each for each in scene.objects if each.type == "ARMATURE" and has_joints(each)]
