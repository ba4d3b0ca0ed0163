"""Motions of another face space than the face's own: converted by a fit of the two heads' geometry, and told how well.

Coefficients of `arkit` mean the same on every mesh, so our own head stands for all of these. What FLAME's mean is read from a face of that
space in the file: the one that is to be keyed, or, for a motion that comes from there, any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import lru_cache

import bpy
import numpy as np

from ...core.contract import ARKIT, BadRequest, FaceAmounts, FaceMotion, with_amounts
from ...core.contract.face_amounts import BLINK_SHAPES
from ...core.contract.head import (
    DEFAULT_HEAD,
    ConversionError,
    FaceGeometry,
    SpaceConversion,
    face_geometry,
    fit_conversion,
    lower_face,
    read_head,
)
from .face_geometry import geometry_of
from .face_target import FaceError, FaceTarget, face_space, find_face, refusal
from .slices import in_thread

_MOST_FITS = 4  # kept; a fit takes seconds and some 10 MB
_fits: dict[tuple[str, str], SpaceConversion] = {}


def in_space_of(target: FaceTarget, motion: FaceMotion) -> Generator[None, None, tuple[FaceMotion, tuple[str, ...]]]:
    """The motion in the face's own space, its blinks as part of the expression, and sentences on what that cost.

    Yields while it is fitted, which may take seconds. Raises FaceError where it cannot be converted.
    """
    if motion.space == target.space:
        return (yield from _with_lids(target, motion)), ()
    try:
        source, wanted = _source_of(motion.space), _geometry(target)
        converted, error = yield from in_thread(lambda: _conversion(source, wanted).convert_measured(motion))
    except BadRequest as reason:
        raise FaceError(
            f"The motion is of the face space {motion.space} and “{target.mesh.name}” of {target.space}, where the same numbers make"
            f" another face, and it cannot be converted: {str(reason).removesuffix('.')}."
        ) from reason
    return (yield from _with_lids(target, converted)), (told(motion.space, target.space, error),)


def _with_lids(target: FaceTarget, motion: FaceMotion) -> Generator[None, None, FaceMotion]:
    """FLAME has no shape for the lids: what its directions can do of ours is added to the expression. As it was where nothing tells."""
    blinks = motion.blinks
    if blinks is None or not blinks.any():
        return replace(motion, blinks=None)
    if target.space == ARKIT:
        return with_amounts(motion, FaceAmounts())
    try:
        face = geometry_of(target)
        closed = yield from in_thread(lambda: _conversion(_our_head(), face).convert(_only_blinks(blinks, motion.fps)))
    except BadRequest:
        return motion
    names = tuple(dict.fromkeys((*motion.expression_names, *closed.expression_names)))
    expression = np.zeros((len(motion.expression), len(names)), np.float32)
    for part in (motion, closed):
        expression[:, [names.index(name) for name in part.expression_names]] += part.expression
    return replace(motion, expression=expression, expression_names=names, blinks=None)


def _only_blinks(blinks: np.ndarray, fps: float) -> FaceMotion:
    """Our head's shapes that close the lids as far as `blinks` (T,) say."""
    lids = np.repeat(blinks[:, None], len(BLINK_SHAPES), axis=1)
    return FaceMotion(lids, np.zeros((len(blinks), 3), np.float32), BLINK_SHAPES, ARKIT, fps)


def mouth_of(target: FaceTarget, motion: FaceMotion) -> Generator[None, None, np.ndarray | None]:
    """What `with_amounts` takes as lower_face; None where the names tell it, or no head does. Yields while it is computed."""
    if motion.space == ARKIT:
        return None
    try:
        face = geometry_of(target) if target.space == motion.space else _source_of(motion.space)
        return (yield from in_thread(lambda: lower_face(face, motion.expression_names)))
    except (BadRequest, ValueError, np.linalg.LinAlgError):  # a head that shows less than the motion has
        return None


def told(source: str, target: str, error: ConversionError) -> str:
    """The conversion's error as the animator reads it."""
    return (
        f"Converted from {source} to {target} by the shape of the two heads: off by {error.rms_mm:.1f} mm where the face moves by"
        f" {error.moved_mm:.1f} mm (root mean square), and the lips' opening by {error.lips_mm:.1f} mm."
    )


def _source_of(space: str) -> FaceGeometry:
    """A face of that space to learn from."""
    if space == ARKIT:
        return _our_head()
    for mesh in _meshes_of(space):
        return geometry_of(find_face(mesh))
    raise FaceError(f"no head of {space} is in this file to learn from: add yours with Add FLAME Head, hidden if you like, and try again")


def _meshes_of(space: str) -> Iterator[bpy.types.Object]:
    """Faces of a space, those with most expressions first."""
    faces = [each for each in bpy.data.objects if each.type == "MESH" and each.data.shape_keys and face_space(each) == space]
    faces.sort(key=lambda mesh: -len(mesh.data.shape_keys.key_blocks))
    return (mesh for mesh in faces if not refusal(mesh))


def _geometry(target: FaceTarget) -> FaceGeometry:
    return _our_head() if target.space == ARKIT else geometry_of(target)


@lru_cache(maxsize=1)
def _our_head() -> FaceGeometry:
    return face_geometry(read_head(DEFAULT_HEAD))


def _conversion(source: FaceGeometry, target: FaceGeometry) -> SpaceConversion:
    """Fitted once for each pair of geometries: what the animator sculpts since is fitted anew."""
    key = (_digest(source), _digest(target))
    if key not in _fits:
        while len(_fits) >= _MOST_FITS:
            del _fits[next(iter(_fits))]
        _fits[key] = fit_conversion(source, target)
    return _fits[key]


def _digest(face: FaceGeometry) -> str:
    digest = hashlib.blake2b(f"{face.space} {face.expression_names}".encode(), digest_size=16)
    for array in (face.neutral, face.triangles, face.expressions, face.jaw_keys, face.jaw_weights, face.eyes):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
