"""Writes keyed characters to .blend, .fbx, .bvh, .glb, or their motions to .npz; whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import addon_utils
import bpy

from ..core.contract import BodyMotion, FaceMotion, UnderstudyError
from .animation.face_target import armature_of
from .shots import FACE_NPZ

_EXPORTERS = {".fbx": "io_scene_fbx", ".bvh": "io_anim_bvh", ".glb": "io_scene_gltf2"}


@dataclass(frozen=True)
class Made:
    """What was keyed: an armature with its motion, the mesh of a face with its own, or both."""

    armature: bpy.types.Object | None = None
    body: BodyMotion | None = None
    face: bpy.types.Object | None = None
    face_motion: FaceMotion | None = None

    @property
    def roots(self) -> list[bpy.types.Object]:
        """What all that was keyed hangs from."""
        face = (armature_of(self.face) or self.face) if self.face is not None else None
        return list(dict.fromkeys(each for each in (self.armature, face) if each is not None))


def check_writable(path: Path) -> None:
    """Makes the folder. Raises UnderstudyError where the file could not be written, before any work is done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "it is read-only")
        probe = _partial(path)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UnderstudyError(f"{path} cannot be written ({error.strerror}): choose another place, or change its permissions.") from error


def export(path: Path, made: Made) -> None:
    """Raises UnderstudyError where the file cannot be written."""
    writers: dict[str, Callable[[Path], None]] = {
        ".blend": _write_blend,
        ".npz": lambda partial: _write_motion(partial, made, path.name.lower().endswith(FACE_NPZ)),
        ".fbx": lambda partial: _write_fbx(partial, made.roots),
        ".bvh": lambda partial: _write_bvh(partial, made.armature),
        ".glb": lambda partial: _write_glb(partial, made),
    }
    partial = _partial(path)
    try:
        writers[path.suffix.lower()](partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        raise UnderstudyError(f"{path} cannot be written ({error}): is the disk full, or the folder read-only?") from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """Beside the file, with its ending, because exporters add a missing one."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def _write_blend(path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False, compress=True)


def _write_motion(path: Path, made: Made, of_face: bool) -> None:
    """The body's, or the face's where that is asked for or there is no other."""
    motion = made.face_motion if of_face or made.body is None else made.body
    assert motion is not None
    motion.save(path)


def _write_fbx(path: Path, roots: list[bpy.types.Object]) -> None:
    with _only_selected(roots), _exporter(".fbx"):
        bpy.ops.export_scene.fbx(
            filepath=str(path), use_selection=True, object_types={"ARMATURE", "MESH"}, add_leaf_bones=False, bake_anim=True,
            bake_anim_use_all_bones=True, bake_anim_use_nla_strips=False, bake_anim_use_all_actions=False,
        )  # fmt: skip


def _write_bvh(path: Path, armature: bpy.types.Object | None) -> None:
    assert armature is not None
    first, last = _frames(armature)
    with _only_selected([armature]), _exporter(".bvh"):
        bpy.ops.export_anim.bvh(filepath=str(path), frame_start=first, frame_end=last, root_transform_only=True)


def _write_glb(path: Path, made: Made) -> None:
    with _only_selected(made.roots), _exporter(".glb"):
        bpy.ops.export_scene.gltf(
            filepath=str(path), use_selection=True, export_format="GLB", export_animations=True, export_animation_mode="ACTIVE_ACTIONS",
            export_morph=made.face is not None,
        )  # fmt: skip


def _frames(armature: bpy.types.Object) -> tuple[int, int]:
    action = armature.animation_data.action
    return int(action.frame_range[0]), int(action.frame_range[1])


@contextlib.contextmanager
def _only_selected(roots: list[bpy.types.Object]) -> Iterator[None]:
    """Armatures and what they deform are the selection, the first is active; afterwards all is as before."""
    layer = bpy.context.view_layer
    before = [candidate for candidate in layer.objects if candidate.select_get()]
    active, layer.objects.active = layer.objects.active, roots[0]
    chosen = {*roots, *(child for root in roots for child in root.children_recursive if child.type == "MESH")}
    for candidate in layer.objects:
        candidate.select_set(candidate in chosen)
    try:
        yield
    finally:
        layer.objects.active = active
        for candidate in layer.objects:
            candidate.select_set(candidate in before)


@contextlib.contextmanager
def _exporter(ending: str) -> Iterator[None]:
    """Blender's own exporter, switched on for the moment if it was off."""
    module = _EXPORTERS[ending]
    was_on = addon_utils.check(module)[1]
    if not was_on and addon_utils.enable(module) is None:
        raise UnderstudyError(f"This Blender has no {ending} exporter ({module}): enable it in the preferences, or save as .blend.")
    try:
        yield
    finally:
        if not was_on:
            addon_utils.disable(module)
