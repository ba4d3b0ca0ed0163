"""Face motion to keys on shape keys and bones: resampled to the scene's rate, written into drafts, played only once they are whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import bpy
import numpy as np

from ...core.contract import FaceMotion
from ...core.contract.head import CORRECTIVE_NAMES, FLAME_JOINTS, LINEAR_JAW_NAMES, corrective_values, joint_rotations, linear_jaw_values
from . import curves, quaternions
from .face_conversion import in_space_of
from .face_target import HEAD_JOINTS, FaceError, FaceTarget, find_face, value_path
from .flame_mesh import JOINT_MOVES_PROPERTY
from .slices import in_one_go

FACE_RECIPE_PROPERTY = "understudy_face_recipe"  # JSON, on every Action that holds a face's keys
SLIDER_LIMIT = 10.0  # Blender's own, on either side
CLOSED_RADIANS = 0.01  # a jaw that never turns further stays shut
_NAMES_SHOWN = 4
_KEYS_FOLDER = "Face"


_Part = tuple[curves.Owner, tuple[curves.PropertyCurves, ...]]


@dataclass(frozen=True)
class KeyedFace:
    """actions: names of what now plays. notices: sentences on what could not be done in full."""

    actions: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """frames: (T,). keys: of the mesh's shape keys. turns: of the armature's bones. sliders: shape key to its lowest and highest value."""

    frames: np.ndarray
    keys: tuple[curves.PropertyCurves, ...]
    turns: tuple[curves.PropertyCurves, ...]
    sliders: Mapping[str, tuple[float, float]]
    notices: tuple[str, ...]


def key_face(
    mesh_name: str,
    motion: FaceMotion,
    start_frame: float,
    fps: float,
    chosen_keys: Mapping[str, str] | None = None,
) -> Generator[None, None, KeyedFace]:
    """Keys `motion` on a face from `start_frame` on; yields after every curve.

    `fps` is the scene's rate. `mesh_name` may also be the armature's. What mesh and armature play is kept but for the keys in the
    motion's range; where they play nothing, both get one new Action (two in Blender 4.2 and 4.3). Turned bones are set to quaternion
    rotation, and sliders are widened where they would cut values off.

    Raises FaceError if the mesh cannot take the motion, Vanished if it is deleted in between. Whenever it raises or is closed, the
    scene is as before.
    """
    target = find_face(_object(mesh_name), chosen_keys)
    plan = _planned(target, motion, start_frame, fps)
    parts = _parts(target, plan)
    _refuse_locked(target, parts)
    drafts = curves.draft_actions(take_name(motion), [owner for owner, _ in parts])
    try:
        for slot, (_, properties) in zip(drafts, parts, strict=True):
            for _ in curves.write_curves(slot, plan.frames, properties):
                target.mesh.resolve()
                yield
            curves.set_text(slot.action, FACE_RECIPE_PROPERTY, motion.recipe.to_json())
        # Undo makes references stale between the slices, so the owners are looked up again
        curves.take_over(drafts, [owner for owner, _ in _parts(target, plan)])
    except BaseException:
        for slot in drafts:
            curves.remove_action(slot.action)
        raise
    notices = (*plan.notices, *_prepare_keys(target, plan.sliders))
    _prepare_bones(target, plan.turns)
    return KeyedFace(tuple(dict.fromkeys(str(slot.action.resolve().name) for slot in drafts)), notices)


def key_face_now(
    mesh_name: str, motion: FaceMotion, start_frame: float, fps: float, chosen_keys: Mapping[str, str] | None = None
) -> KeyedFace:
    """`key_face` in one go."""
    return in_one_go(key_face(mesh_name, motion, start_frame, fps, chosen_keys))


def take_name(motion: FaceMotion) -> str:
    """Sound and emotion, at most 63 bytes."""
    sound = PurePath(motion.recipe.audio).stem or "Face"
    emotion = f" ({motion.recipe.emotion})" if motion.recipe.emotion else ""
    return sound.encode()[: 63 - len(emotion.encode())].decode(errors="ignore") + emotion


def _object(name: str) -> bpy.types.Object:
    found = bpy.data.objects.get((name, None)) or bpy.data.objects.get(name)  # the file's own before a linked one
    if found is None:
        raise FaceError(f"The scene has no object “{name}”: choose a face's mesh, or add Understudy's own head.")
    return found


def _parts(target: FaceTarget, plan: _Plan) -> list[_Part]:
    """What is written to the mesh's shape keys and, where there is one, to the armature; without what gets nothing."""
    keys = target.mesh.resolve().data.shape_keys
    owners = (keys, target.armature.resolve()) if target.armature else (keys,)
    return [(owner, properties) for owner, properties in zip(owners, (plan.keys, plan.turns), strict=False) if properties]


def _refuse_locked(target: FaceTarget, parts: list[_Part]) -> None:
    for owner, properties in parts:
        paths = curves.unwritable_paths(owner) & {each.data_path for each in properties}
        if paths:
            names = sorted({path.split('"')[1] for path in paths})
            raise FaceError(
                f"Curves of “{target.mesh.name}” are locked or muted ({_listed(names)}), so nothing was written:"
                " unlock them in the Graph Editor (Channel > Toggle Channel Setting)."
            )


def _planned(target: FaceTarget, motion: FaceMotion, start_frame: float, fps: float) -> _Plan:
    motion, converted = in_space_of(target, motion)
    shown = [name for name in motion.expression_names if name in target.keys]
    _refuse_unshown(target, motion, shown)
    driven = curves.driven_paths(target.mesh.resolve().data.shape_keys)
    moved = [name for name in shown if value_path(target.keys[name]) not in driven]
    sampled = motion.resampled(fps)
    rotations = joint_rotations(sampled)
    columns = [motion.expression_names.index(name) for name in moved]
    values = dict(zip((target.keys[name] for name in moved), sampled.expression[:, columns].T, strict=True))
    clipped = sum(bool((np.abs(curve) > SLIDER_LIMIT).any()) for curve in values.values())
    joints = [joint for joint in HEAD_JOINTS if _is_moved(motion, joint)]
    values |= _jaw_shapes(target, rotations, joints)
    values = {key: np.clip(curve, -SLIDER_LIMIT, SLIDER_LIMIT) for key, curve in values.items()}
    return _Plan(
        frames=start_frame + np.arange(len(rotations)),
        keys=tuple(curves.PropertyCurves(value_path(key), curve[:, None], _KEYS_FOLDER) for key, curve in values.items()),
        turns=tuple(_turns(target, sampled, rotations, joints)),
        sliders={key: (float(curve.min()), float(curve.max())) for key, curve in values.items()},
        notices=(*converted, *_notices(target, motion, len(shown) - len(moved), clipped)),
    )


def _refuse_unshown(target: FaceTarget, motion: FaceMotion, shown: list[str]) -> None:
    if not shown:
        raise FaceError(
            f"“{target.mesh.name}” has none of the motion's {len(motion.expression_names)} shapes ({_listed(motion.expression_names)}):"
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


def _turns(target: FaceTarget, motion: FaceMotion, rotations: np.ndarray, joints: list[str]) -> Iterator[curves.PropertyCurves]:
    """Quaternions of the bones, and locations where expressions move the joints beside them."""
    if target.armature is None:
        return
    armature = target.armature.resolve()
    beside = _moved_joints(target, motion)
    for joint in joints:
        if joint not in target.bones:
            continue
        name, number = target.bones[joint], FLAME_JOINTS.index(joint)
        path = f'pose.bones["{bpy.utils.escape_identifier(name)}"]'
        rest = np.array(armature.data.bones[name].matrix_local.to_3x3())
        turned = rotations[:, number] @ target.axes.T @ rest
        yield curves.PropertyCurves(f"{path}.rotation_quaternion", quaternions.sign_continuous(quaternions.from_axis_angle(turned)), name)
        if beside is not None:
            changes = corrective_values(rotations).reshape(len(rotations), len(HEAD_JOINTS), 3, 3)[:, HEAD_JOINTS.index(joint)]
            yield curves.PropertyCurves(f"{path}.location", -(changes @ beside[:, number, :, None])[..., 0], name)


def _moved_joints(target: FaceTarget, motion: FaceMotion) -> np.ndarray | None:
    """(T, 5, 3) metres that expressions move the joints by; None for heads whose joints rest."""
    moves = target.mesh.resolve().get(JOINT_MOVES_PROPERTY)
    if moves is None:
        return None
    each = [np.array(moves.get(name, [0.0] * 15), np.float32).reshape(-1, 3) for name in motion.expression_names]
    return np.einsum("te,eja->tja", motion.expression, np.array(each))


def _notices(target: FaceTarget, motion: FaceMotion, driven: int, clipped: int) -> Iterator[str]:
    missing = [name for name in motion.expression_names if name not in target.keys]
    if missing:
        yield f"“{target.mesh.name}” lacks {len(missing)} of the motion's {len(motion.expression_names)} shapes ({_listed(missing)})."
    if driven:
        yield f"Left to their drivers: {driven} of the face's shape keys."
    if clipped:
        yield f"Held at Blender's limit of {SLIDER_LIMIT:g}: {clipped} of the face's shape keys."
    if motion.head is not None and "neck" not in target.bones:
        yield "The head's turns are left out: there is no neck bone that is the face's own."
    if motion.eyes is not None and not {"left_eye", "right_eye"} <= set(target.bones):
        yield "The eyes' turns are left out: there are no eye bones."


def _prepare_keys(target: FaceTarget, sliders: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """Lets every value through; yields what the animator has to know of it."""
    mesh = target.mesh.resolve()
    blocks, narrow = mesh.data.shape_keys.key_blocks, []
    for name, (lowest, highest) in sliders.items():
        key = blocks[name]
        if key.slider_min > lowest or key.slider_max < highest:
            key.slider_min, key.slider_max = min(key.slider_min, lowest), max(key.slider_max, highest)
            narrow.append(name)
    if narrow:
        yield f"Sliders widened, which would have cut values off: {_listed(narrow)}."
    muted = [name for name in sliders if blocks[name].mute]
    if muted:
        yield f"Muted, so that they do not show: {_listed(muted)}. Tick them in the list of shape keys."
    if mesh.show_only_shape_key:
        yield "Solo is on in the list of shape keys, so that only the active one shows: click the pin."


def _prepare_bones(target: FaceTarget, turns: tuple[curves.PropertyCurves, ...]) -> None:
    turned = {each.group for each in turns}
    for name in turned if target.armature else ():
        target.armature.resolve().pose.bones[name].rotation_mode = "QUATERNION"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
