"""Motions of another face space than the face's own: converted by a fit of the two heads' geometry, and told how well.

Coefficients of `arkit` mean the same on every mesh, so our own head stands for all of these. What FLAME's mean is read from a face of that
space in the file: the one that is to be keyed, or, for a motion that comes from there, any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import bpy
import numpy as np

from ...core.contract import ARKIT, BadRequest, FaceMotion
from ...core.contract.head import DEFAULT_HEAD, ConversionError, FaceGeometry, SpaceConversion, face_geometry, fit_conversion, read_head
from .face_geometry import geometry_of
from .face_target import FaceError, FaceTarget, face_space, find_face, refusal

_MOST_FITS = 4  # kept; a fit takes seconds and some 10 MB
_fits: dict[tuple[str, str], SpaceConversion] = {}


def in_space_of(target: FaceTarget, motion: FaceMotion) -> tuple[FaceMotion, tuple[str, ...]]:
    """The motion in the face's own space, and sentences on what that cost. Raises FaceError where it cannot be converted."""
    if motion.space == target.space:
        return motion, ()
    try:
        conversion = _conversion(_source_of(motion.space), _geometry(target))
        converted, error = conversion.convert_measured(motion)
    except BadRequest as reason:
        raise FaceError(
            f"The motion is of the face space {motion.space} and “{target.mesh.name}” of {target.space}, where the same numbers make"
            f" another face, and it cannot be converted: {str(reason).removesuffix('.')}."
        ) from reason
    return converted, (told(motion.space, target.space, error),)


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
