"""Face motion from one face space into another, fitted from the geometry of two faces.

What a motion does to the source's skin is carried to the target's, point by point. The target's coefficients and the turn of its jaw are
those that move its skin most nearly so, by weighted least squares: ridge where coefficients are free, as FLAME's are, and within 0 and 1
where they are ARKit's. What that leaves is the conversion's error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import BadRequest
from ..face_motion import FaceMotion
from ..face_spaces import ARKIT
from .face_geometry import FaceGeometry, eye_distance, face_region
from .lip_line import LipLine, lip_line
from .motion_fitting import MotionFit
from .skin_points import SkinPoints, points_at
from .surface_matching import match_surfaces
from .triangle_points import vertex_areas

_MILLIMETRES = 1000.0
# In distances between the eyes:
_REGION, _WIDER_REGION = 1.7, 2.0  # of the target, and of the source that its points are looked for on
_AROUND_LIPS = 0.35
_FAR = 0.15  # points of the target that far from the source's skin have no counterpart
_LEAST_NEAR = 0.5  # of the face, else the heads are none
_LIPS_SHARE = 5.0  # how much more the skin of the lips counts
_POINTS, _FEWEST_POINTS = 1200, 100
_LEFT_OUT = ("eyeLook", "tongue")  # they turn eyeballs, which motions have turns of their own for, and the tongue is no skin
_FRAMES_AT_ONCE = 512


@dataclass(frozen=True)
class ConversionError:
    """What a conversion leaves of a motion, in millimetres on the target's skin.

    rms_mm: root of the mean square over frames and over the skin of the face. lips_mm: mean difference in how far the lips' middle is open.
    moved_mm: the root of the mean square of the movement itself, which is what rms_mm would be for a face that does not move.
    """

    rms_mm: float
    lips_mm: float
    moved_mm: float


@dataclass(frozen=True)
class SpaceConversion:
    """From the source's face space to the target's, by fit_conversion.

    surface_mm: mean distance of the two faces at rest after one was drawn onto the other, on the target.
    """

    source_space: str
    source_names: tuple[str, ...]
    target_space: str
    target_names: tuple[str, ...]
    surface_mm: float
    _source: SkinPoints
    _carry: np.ndarray  # (3, 3) makes the target's offsets of the source's
    _fit: MotionFit
    _areas: np.ndarray  # (N,) of the points, sums to one
    _lips: tuple[int, int, np.ndarray] | None  # points of upper and lower lip, and the way (3,) from this to that at rest

    def convert(self, motion: FaceMotion) -> FaceMotion:
        """The motion in the target's space; head, eyes, rate and recipe stay. Raises BadRequest for one of another space."""
        return self.convert_measured(motion)[0]

    def convert_measured(self, motion: FaceMotion) -> tuple[FaceMotion, ConversionError]:
        """The converted motion, and what was lost."""
        parts, squares, lips = [], np.zeros(2), 0.0
        for wanted in self._moved(motion):
            expression, jaw = self._fit.fitted(wanted)
            parts.append((expression, jaw))
            shown = self._fit.moved(expression, jaw)
            squares += [self._squares(wanted - shown), self._squares(wanted)]
            lips += float(np.abs(self._openings(wanted) - self._openings(shown)).sum())
        frames = len(motion.expression)
        rms, moved = _MILLIMETRES * np.sqrt(squares / frames)
        converted = replace(
            motion,
            expression=np.concatenate([expression for expression, _ in parts]).astype(np.float32),
            jaw=np.concatenate([jaw for _, jaw in parts]).astype(np.float32),
            expression_names=self.target_names,
            space=self.target_space,
        )
        return converted, ConversionError(float(rms), _MILLIMETRES * lips / frames, float(moved))

    def _moved(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Offsets (T, N, 3) that the target's points should have, some frames at a time."""
        expression = self._ordered(motion)
        for start in range(0, len(expression), _FRAMES_AT_ONCE):
            span = slice(start, start + _FRAMES_AT_ONCE)
            yield self._source.moved(expression[span], motion.jaw[span]) @ self._carry.T

    def _ordered(self, motion: FaceMotion) -> np.ndarray:
        unknown = [name for name in motion.expression_names if name not in self.source_names]
        if motion.space != self.source_space or unknown:
            lacks = f", which has no {unknown[0]}" if unknown else ""
            raise BadRequest(f"The face motion is of the face space {motion.space}, and this converts from {self.source_space}{lacks}.")
        expression = np.zeros((len(motion.expression), len(self.source_names)), np.float32)
        expression[:, [self.source_names.index(name) for name in motion.expression_names]] = motion.expression
        return expression

    def _squares(self, offsets: np.ndarray) -> float:
        return float(((offsets**2).sum(2) @ self._areas).sum())

    def _openings(self, offsets: np.ndarray) -> np.ndarray:
        if self._lips is None:
            return np.zeros(len(offsets))
        upper, lower, rest = self._lips
        return np.asarray(np.linalg.norm(rest + offsets[:, upper] - offsets[:, lower], axis=1))


def fit_conversion(source: FaceGeometry, target: FaceGeometry) -> SpaceConversion:
    """The conversion of motions in the source's space to the target's; some two seconds for heads of 5,000 vertices.

    Raises BadRequest, with the second half of a sentence, where the one's skin does not look like the other's.
    """
    face, other = face_region(target, _REGION), face_region(source, _WIDER_REGION)
    _refuse_bare(face, "it")
    _refuse_bare(other, f"the head of {source.space}")
    lips = lip_line(face)
    match = match_surfaces(face, other)
    near = match.distances < _FAR * eye_distance(face)
    if near.mean() < _LEAST_NEAR:
        raise BadRequest(f"only {100 * near.mean():.0f} % of its face come to lie on that of {source.space}")
    chosen = _chosen(near, lips)
    used = [number for number, name in enumerate(target.expression_names) if target.space != ARKIT or not name.startswith(_LEFT_OUT)]
    points = points_at(face, chosen[:, None], np.ones((len(chosen), 1)))
    areas = vertex_areas(face.neutral, face.triangles)[chosen] * near[chosen]
    weights = areas * _importance(face.neutral[chosen], lips, eye_distance(face))
    upper, lower = _numbers(chosen, lips)
    return SpaceConversion(
        source_space=source.space,
        source_names=source.expression_names,
        target_space=target.space,
        target_names=tuple(target.expression_names[number] for number in used),
        surface_mm=_MILLIMETRES * float(match.distances[near].mean()),
        _source=points_at(other, match.corners[chosen], match.weights[chosen]),
        _carry=match.scale * match.turn,
        _fit=MotionFit(
            replace(points, expressions=points.expressions[..., used]),
            weights / weights.sum(),
            upper,
            lower,
            unit=eye_distance(face),
            bounded=target.space == ARKIT,
            jaw_turns=target.jaw_turns,
        ),
        _areas=areas / areas.sum(),
        _lips=_middle_of(face, lips, upper, lower),
    )


def _refuse_bare(face: FaceGeometry, name: str) -> None:
    if len(face.neutral) < _FEWEST_POINTS:
        raise BadRequest(f"{name} has only {len(face.neutral)} vertices around nose and mouth, and {_FEWEST_POINTS} are needed")


def _chosen(near: np.ndarray, lips: LipLine | None) -> np.ndarray:
    """Vertices to compare the faces at: those of the lip line, and of the others no more than are enough."""
    line = np.zeros(0, int) if lips is None else np.concatenate([lips.upper, lips.lower])
    others = np.setdiff1d(np.flatnonzero(near), line)
    some = np.random.default_rng(0).permutation(others)[:_POINTS]
    return np.concatenate([np.unique(line), np.sort(some)])


def _importance(points: np.ndarray, lips: LipLine | None, unit: float) -> np.ndarray:
    if lips is None:
        return np.ones(len(points))
    away = np.linalg.norm(points[:, None] - lips.points, axis=2).min(1) / (_AROUND_LIPS * unit)
    return np.asarray(1 + _LIPS_SHARE * np.exp(-(away**2)))


def _numbers(chosen: np.ndarray, lips: LipLine | None) -> tuple[np.ndarray, np.ndarray]:
    """Where the vertices of the lip line are among the chosen ones."""
    if lips is None:
        return np.zeros(0, int), np.zeros(0, int)
    places = {int(vertex): place for place, vertex in enumerate(chosen)}
    return np.array([places[int(v)] for v in lips.upper]), np.array([places[int(v)] for v in lips.lower])


def _middle_of(face: FaceGeometry, lips: LipLine | None, upper: np.ndarray, lower: np.ndarray) -> tuple[int, int, np.ndarray] | None:
    if lips is None:
        return None
    middle = lips.middle
    return int(upper[middle]), int(lower[middle]), face.neutral[lips.upper[middle]] - face.neutral[lips.lower[middle]]
