"""Face motion to keys on shape keys and bones: written into drafts, played only once they are whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import bpy

from ...core.contract import FaceMotion
from . import curves, face_lines
from .body import BodyDraft
from .datablocks import Reference
from .face_conversion import mouth_of
from .face_lines import FaceLine, KeptLine
from .face_plan import FacePlan, listed, planned
from .face_target import FaceError, FaceTarget, find_face
from .slices import in_one_go, in_thread

FACE_RECIPE_PROPERTY = "understudy_face_recipe"  # JSON, on every Action that holds a face's keys
MAX_NAME_BYTES = 63  # of a data-block's name in Blender 4.x
_SAME_FRAME = 1e-2


class LineEdited(FaceError):
    """Keys that were changed by hand would be written over."""


_Part = tuple[curves.Owner, list[tuple[FacePlan, tuple[curves.PropertyCurves, ...]]]]


@dataclass(frozen=True)
class KeyedFace:
    """actions: names of what now plays. notices: sentences on what could not be done in full."""

    actions: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class FaceDraft:
    """Keys that are written but not played yet; `play` or `discard` ends them. slots: of the mesh's shape keys and of the armature."""

    target: FaceTarget
    plans: tuple[FacePlan, ...]
    slots: tuple[curves.ActionSlot, ...]

    def play(self) -> KeyedFace:
        """Raises Vanished if mesh or armature are gone; then the keys are discarded."""
        try:
            # Undo makes references stale between the slices, so the owners are looked up again
            curves.take_over(self.slots, [owner for owner, _ in _parts(self.target, self.plans)])
        except BaseException:
            self.discard()
            raise
        notices = [notice for plan in self.plans for notice in plan.notices]
        notices += [notice for plan in self.plans for notice in _prepare_keys(self.target, plan.sliders)]
        _prepare_bones(self.target, self.plans)
        actions = dict.fromkeys(str(slot.action.resolve().name) for slot in self.slots)
        return KeyedFace(tuple(actions), tuple(dict.fromkeys(notices)))

    def discard(self) -> None:
        """Leaves the scene as it was."""
        for slot in self.slots:
            curves.remove_action(slot.action)


def key_face(
    mesh_name: str, lines: Sequence[FaceLine], chosen_keys: Mapping[str, str] | None = None
) -> Generator[None, None, KeyedFace]:
    """Keys lines on a face; yields after every curve.

    `mesh_name` may also be the armature's. What mesh and armature play is kept but for the keys in the lines' ranges; where they play
    nothing, both get one new Action (two in Blender 4.2 and 4.3). Turned bones are set to quaternion rotation, and sliders are widened
    where they would cut values off. The lines are kept in the Action of the shape keys; see face_lines.

    Raises FaceError if the mesh cannot take a motion, Vanished if it is deleted in between. Whenever it raises or is closed, the
    scene is as before.
    """
    draft = yield from draft_face(mesh_name, lines, chosen_keys)
    return draft.play()


def draft_face(
    mesh_name: str, lines: Sequence[FaceLine], chosen_keys: Mapping[str, str] | None = None, body: BodyDraft | None = None
) -> Generator[None, None, FaceDraft]:
    """All of `key_face` but the playing.

    body: a draft that plays first. Where it is of the face's own armature, both share it, and the head's turns are its business.
    """
    target = find_face(_object(mesh_name), chosen_keys)
    turns_head = body is None or not _is_worn(target, body.rig.object)
    plans = []
    for line in lines:
        mouth = (yield from mouth_of(target, line.motions[0])) if line.amounts.lips != line.amounts.upper_face else None
        plan = yield from planned(target, line, mouth, turns_head)
        plans.append(plan)
    parts = _parts(target, plans)
    _refuse_locked(target, parts)
    owners = [owner for owner, _ in parts]
    slots = curves.draft_actions(take_name(lines[0].motions[0]), owners, [_body_slot(body, target, owner) for owner in owners])
    draft = FaceDraft(target, tuple(plans), tuple(slots))
    try:
        yield  # the copy of a long Action is a slice by itself
        yield from _write(draft, [written for _, written in parts])
        for line in lines:
            packed = yield from in_thread(line.packed)
            checksum = yield from curves.range_checksum(slots[0], line.start_frame, line.last_frame)
            face_lines.keep(slots[0].action, line, take_name(line.motions[line.shown]), packed, checksum)
            yield
        for slot in slots:
            curves.set_text(slot.action, FACE_RECIPE_PROPERTY, lines[-1].motions[lines[-1].shown].recipe.to_json())
    except BaseException:
        draft.discard()
        raise
    return draft


def _write(draft: FaceDraft, parts: Sequence[list[tuple[FacePlan, tuple[curves.PropertyCurves, ...]]]]) -> Iterator[None]:
    for slot, written in zip(draft.slots, parts, strict=True):
        for plan, properties in written:
            for _ in curves.write_curves(slot, plan.frames, properties):
                draft.target.mesh.resolve()
                yield


def is_worn_by(mesh_name: str, armature_name: str, chosen_keys: Mapping[str, str] | None = None) -> bool:
    """Whether the face hangs on this armature and leaves the neck to it. Raises FaceError."""
    return _is_worn(find_face(_object(mesh_name), chosen_keys), Reference.to(_object(armature_name), "objects"))


def _is_worn(target: FaceTarget, armature: Reference) -> bool:
    return target.armature is not None and target.armature.uid == armature.uid and "neck" not in target.bones


def _body_slot(body: BodyDraft | None, target: FaceTarget, owner: curves.Owner) -> curves.ActionSlot | None:
    is_its_armature = body is not None and target.armature is not None and body.rig.object.uid == target.armature.uid
    return body.slots[0] if body is not None and is_its_armature and owner.id_type == body.slots[0].id_type else None


def key_face_now(
    mesh_name: str, motion: FaceMotion, start_frame: float, fps: float, chosen_keys: Mapping[str, str] | None = None
) -> KeyedFace:
    """`key_face` in one go, of one motion; `fps` is the scene's rate."""
    return in_one_go(key_face(mesh_name, [FaceLine((motion,), start_frame, fps)], chosen_keys))


def spoken_lines(mesh: bpy.types.Object) -> list[KeptLine]:
    """The lines in the Action that the mesh plays, the earliest made first. Cheap enough for panels."""
    slot = curves.playing_slot(mesh.data.shape_keys) if mesh.type == "MESH" and mesh.data.shape_keys else None
    return face_lines.kept_lines(slot.action) if slot is not None else []


def was_edited(mesh_name: str, line: KeptLine) -> Generator[None, None, bool]:
    """Yields after every curve; whether somebody changed the line's keys since, or laid another line over it."""
    slot = curves.playing_slot(_object(mesh_name).data.shape_keys)
    return slot is not None and (yield from curves.range_checksum(slot, line.start_frame, line.last_frame)) != line.checksum


def lines_to_key_again(mesh: bpy.types.Object, changed: KeptLine) -> list[FaceLine]:
    """`changed` as it shall be from now on, and the lines that were laid over it later, which stay as they are.

    Raises FaceError where its keys are no longer where they were written, BadRequest where its motions cannot be read.
    """
    slot = curves.playing_slot(mesh.data.shape_keys)
    assert slot is not None
    _refuse_moved(slot, changed)
    before = face_lines.kept_line(slot.action, changed.number)
    after = replace(before, amounts=changed.amounts, shown=changed.shown)
    over = [
        other.number for other in face_lines.kept_lines(slot.action)
        if other.number > changed.number and other.start_frame <= changed.last_frame and other.last_frame >= changed.start_frame
    ]  # fmt: skip
    return [after, *(face_lines.kept_line(slot.action, number) for number in over)]


def _refuse_moved(slot: curves.ActionSlot, line: KeptLine) -> None:
    frames = curves.first_frames(slot, "key_blocks")
    near = bool(len(frames)) and abs(frames - line.start_frame).min() < _SAME_FRAME
    if not near:
        raise FaceError(
            f"The keys of “{line.name}” are no longer at frame {line.start_frame:g}, where they were written, so nothing was changed:"
            " move them back, or generate the line again."
        )


def take_name(motion: FaceMotion) -> str:
    """Sound, emotion and variation, at most 63 bytes."""
    recipe = motion.recipe
    said = [recipe.emotion, str(recipe.variation + 1) if recipe.variation else ""]
    ending = f" ({', '.join(filter(None, said))})" if any(said) else ""
    return (PurePath(recipe.audio).stem or "Face").encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _object(name: str) -> bpy.types.Object:
    found = bpy.data.objects.get((name, None)) or bpy.data.objects.get(name)  # the file's own before a linked one
    if found is None:
        raise FaceError(f"The scene has no object “{name}”: choose a face's mesh, or add Understudy's own head.")
    return found


def _parts(target: FaceTarget, plans: Sequence[FacePlan]) -> list[_Part]:
    """What is written to the mesh's shape keys and, where there is one, to the armature; without what gets nothing."""
    keys = target.mesh.resolve().data.shape_keys
    parts: list[_Part] = [(keys, [(plan, plan.keys) for plan in plans])]
    if target.armature:
        parts.append((target.armature.resolve(), [(plan, plan.turns) for plan in plans]))
    return [(owner, written) for owner, written in parts if any(properties for _, properties in written)]


def _refuse_locked(target: FaceTarget, parts: list[_Part]) -> None:
    for owner, written in parts:
        paths = curves.unwritable_paths(owner) & {each.data_path for _, properties in written for each in properties}
        if paths:
            names = sorted({path.split('"')[1] for path in paths})
            raise FaceError(
                f"Curves of “{target.mesh.name}” are locked or muted ({listed(names)}), so nothing was written:"
                " unlock them in the Graph Editor (Channel > Toggle Channel Setting)."
            )


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
        yield f"Sliders widened, which would have cut values off: {listed(narrow)}."
    muted = [name for name in sliders if blocks[name].mute]
    if muted:
        yield f"Muted, so that they do not show: {listed(muted)}. Tick them in the list of shape keys."
    if mesh.show_only_shape_key:
        yield "Solo is on in the list of shape keys, so that only the active one shows: click the pin."


def _prepare_bones(target: FaceTarget, plans: Sequence[FacePlan]) -> None:
    turned = {each.group for plan in plans for each in plan.turns}
    for name in turned if target.armature else ():
        target.armature.resolve().pose.bones[name].rotation_mode = "QUATERNION"
