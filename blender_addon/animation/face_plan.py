"""What a face motion says in curves: values of shape keys and turns of bones, at the scene's rate, and what a face cannot show."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...core.contract import ARKIT, FaceMotion, gaze_as_shapes
from ...core.contract.head import CORRECTIVE_NAMES, FLAME_JOINTS, LINEAR_JAW_NAMES, corrective_values, joint_rotations, linear_jaw_values
from . import curves, quaternions
from .face_conversion import in_space_of
from .face_lines import FaceLine
from .face_target import HEAD_JOINTS, FaceError, FaceTarget, value_path
from .flame_mesh import JOINT_MOVES_PROPERTY
from .listed_names import listed
from .slices import in_thread

SLIDER_LIMIT = 10.0  # Blender's own, on either side
CLOSED_RADIANS = 0.01  # a jaw that never turns further stays shut
_KEYS_FOLDER = "Face"
_EYES = {"left_eye", "right_eye"}


@dataclass(frozen=True)
class FacePlan:
    """frames: (T,). keys: of the mesh's shape keys. turns: of the armature's bones. sliders: shape key to its lowest and highest value."""

    frames: np.ndarray
    keys: tuple[curves.PropertyCurves, ...]
    turns: tuple[curves.PropertyCurves, ...]
    sliders: Mapping[str, tuple[float, float]]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _AtRest:
    """What is read from Blender before a thread does the rest.

    driven: data paths that drivers decide. bones: joint to bone and its axes (3, 3) as columns. moves: see JOINT_MOVES_PROPERTY.
    """

    driven: set[str]
    bones: Mapping[str, tuple[str, np.ndarray]]
    moves: Mapping[str, np.ndarray] | None


def planned(
    target: FaceTarget, line: FaceLine, lower_face: np.ndarray | None, turns_head: bool = True
) -> Generator[None, None, FacePlan]:
    """Yields while a thread computes, which takes a second for an hour. Raises FaceError where the face cannot show the line.

    lower_face: as `with_amounts` takes it. turns_head: whether the head's turns are the face's business.
    """
    at_rest = _at_rest(target)
    motion = yield from in_thread(lambda: line.motion(lower_face))
    if not turns_head:
        motion = replace(motion, head=None)
    motion, converted = yield from in_space_of(target, motion)
    plan = yield from in_thread(lambda: _plan(target, at_rest, motion, line.start_frame, line.fps))
    return replace(plan, notices=(*converted, *plan.notices))


def _at_rest(target: FaceTarget) -> _AtRest:
    mesh = target.mesh.resolve()
    moves = mesh.get(JOINT_MOVES_PROPERTY)
    bones = target.armature.resolve().data.bones if target.armature else {}
    return _AtRest(
        driven=curves.driven_paths(mesh.data.shape_keys),
        bones={joint: (name, np.array(bones[name].matrix_local.to_3x3())) for joint, name in target.bones.items()},
        moves=None if moves is None else {name: np.array(move, np.float32).reshape(-1, 3) for name, move in moves.items()},
    )


def _plan(target: FaceTarget, at_rest: _AtRest, motion: FaceMotion, start_frame: float, fps: float) -> FacePlan:
    if motion.space == ARKIT and not set(target.bones) >= _EYES:
        motion = gaze_as_shapes(motion)
    shown = [name for name in motion.expression_names if name in target.keys]
    _refuse_unshown(target, motion, shown)
    moved = [name for name in shown if value_path(target.keys[name]) not in at_rest.driven]
    sampled = motion.resampled(fps)
    rotations = joint_rotations(sampled)
    columns = [motion.expression_names.index(name) for name in moved]
    values = dict(zip((target.keys[name] for name in moved), sampled.expression[:, columns].T, strict=True))
    clipped = sum(bool((np.abs(curve) > SLIDER_LIMIT).any()) for curve in values.values())
    joints = [joint for joint in HEAD_JOINTS if _is_moved(motion, joint)]
    values |= _jaw_shapes(target, rotations, joints)
    values = {key: np.clip(curve, -SLIDER_LIMIT, SLIDER_LIMIT) for key, curve in values.items()}
    return FacePlan(
        frames=start_frame + np.arange(len(rotations)),
        keys=tuple(curves.PropertyCurves(value_path(key), curve[:, None], _KEYS_FOLDER) for key, curve in values.items()),
        turns=tuple(_turns(target, at_rest, sampled, rotations, joints)),
        sliders={key: (float(curve.min()), float(curve.max())) for key, curve in values.items()},
        notices=tuple(_notices(target, motion, len(shown) - len(moved), clipped)),
    )


def _refuse_unshown(target: FaceTarget, motion: FaceMotion, shown: list[str]) -> None:
    if not shown:
        raise FaceError(
            f"“{target.mesh.name}” has none of the motion's {len(motion.expression_names)} shapes ({listed(motion.expression_names)}):"
            " choose another face, or complete its map."
        )
    if not target.bones.get("jaw") and not target.linear_jaw and np.abs(motion.jaw).max() > CLOSED_RADIANS:
        raise FaceError(
            f"“{target.mesh.name}” has neither a jaw bone nor FLAME's jaw keys, so its mouth would stay shut while the motion opens it by"
            f" {np.degrees(np.linalg.norm(motion.jaw, axis=1).max()):.0f} degrees: add a head from your FLAME file with Add Head."
        )


def _is_moved(motion: FaceMotion, joint: str) -> bool:
    """A jaw that rests in a space that opens the mouth by shapes is left alone."""
    if joint == "jaw":
        return bool(motion.jaw.any()) or motion.expression_names[0].startswith("Exp")
    return (motion.head if joint == "neck" else motion.eyes) is not None


def _jaw_shapes(target: FaceTarget, rotations: np.ndarray, joints: list[str]) -> dict[str, np.ndarray]:
    """Shape key to values (T,): correctives that no driver decides, and the jaw's own keys where it has no bone."""
    turned = [joint for joint in joints if joint in target.bones]
    values = corrective_values(rotations).reshape(len(rotations), len(HEAD_JOINTS), -1)
    wanted = {
        name: values[:, number // 9, number % 9]
        for number, name in enumerate(CORRECTIVE_NAMES)
        if HEAD_JOINTS[number // 9] in turned and name in target.correctives
    }
    shapes = {target.correctives[name]: curve for name, curve in wanted.items()}
    if "jaw" in joints and "jaw" not in target.bones:
        linear = linear_jaw_values(rotations[:, FLAME_JOINTS.index("jaw")])
        shapes |= {target.linear_jaw[name]: linear[:, number] for number, name in enumerate(LINEAR_JAW_NAMES) if target.linear_jaw}
    return shapes


def _turns(
    target: FaceTarget, at_rest: _AtRest, motion: FaceMotion, rotations: np.ndarray, joints: list[str]
) -> Iterator[curves.PropertyCurves]:
    """Quaternions of the bones, and locations where expressions move the joints beside them."""
    beside = _moved_joints(at_rest, motion)
    for joint in joints:
        if joint not in at_rest.bones:
            continue
        (name, axes), number = at_rest.bones[joint], FLAME_JOINTS.index(joint)
        path = f'pose.bones["{bpy.utils.escape_identifier(name)}"]'
        turned = rotations[:, number] @ target.axes.T @ axes
        yield curves.PropertyCurves(f"{path}.rotation_quaternion", quaternions.sign_continuous(quaternions.from_axis_angle(turned)), name)
        if beside is not None:
            changes = corrective_values(rotations).reshape(len(rotations), len(HEAD_JOINTS), 3, 3)[:, HEAD_JOINTS.index(joint)]
            yield curves.PropertyCurves(f"{path}.location", -(changes @ beside[:, number, :, None])[..., 0], name)


def _moved_joints(at_rest: _AtRest, motion: FaceMotion) -> np.ndarray | None:
    """(T, 5, 3) metres that expressions move the joints by; None for heads whose joints rest."""
    if at_rest.moves is None:
        return None
    each = [at_rest.moves.get(name, np.zeros((5, 3), np.float32)) for name in motion.expression_names]
    return np.einsum("te,eja->tja", motion.expression, np.array(each))


def _notices(target: FaceTarget, motion: FaceMotion, driven: int, clipped: int) -> Iterator[str]:
    missing = [name for name in motion.expression_names if name not in target.keys]
    if missing:
        yield f"“{target.mesh.name}” lacks {len(missing)} of the motion's {len(motion.expression_names)} shapes ({listed(missing)})."
    if driven:
        yield f"Left to their drivers: {driven} of the face's shape keys."
    if clipped:
        yield f"Held at Blender's limit of {SLIDER_LIMIT:g}: {clipped} of the face's shape keys."
    if motion.head is not None and "neck" not in target.bones:
        yield "The head's turns are left out: there is no neck bone that is the face's own."
    if motion.eyes is not None and not set(target.bones) >= _EYES:
        yield "The eyes' turns are left out: there are no eye bones."
    if motion.blinks is not None:
        yield "The blinks are left out: this face has no shape that closes the lids."
