"""A range of a body's keys: read back as a motion, whoever made them, and replaced by what was made anew of it.

What the curves say counts, at every whole frame of the scene's rate: the inverse of what `body` writes.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial

import bpy
import numpy as np

from ...core.contract import LOWER_BODY_JOINTS, BodyMotion, MotionEdit
from . import curves, key_ranges, quaternions, takes
from .body import find_armature
from .bone_space import BoneSpace
from .default_skeleton import resting_motion
from .listed_names import listed
from .rig import BODY_JOINTS, Rig, RigError, find_rig, refusal
from .slices import in_thread

REDONE_PROPERTY = "understudy_redone"  # JSON list on an Action: what was made anew in which frames
_LOCATION, _ROTATION = "location", "rotation_quaternion"


@dataclass(frozen=True)
class KeyRange:
    """Whole frames `first` to `last`, both included, of what an armature plays. fps: the scene's rate."""

    armature: str
    first: int
    last: int
    fps: float


@dataclass(frozen=True)
class ReadKeys:
    """motion: all that the armature's keys say, its frame 0 at frame `start`. first, last: the range, inside of it.

    locations: (T, 3) and rotations: (T, 22, 4) of the pose bones, as the curves have them. checksum: of all keys when they were read.
    """

    rig: Rig
    space: BoneSpace
    slot: curves.ActionSlot
    start: int
    first: int
    last: int
    motion: BodyMotion
    locations: np.ndarray
    rotations: np.ndarray
    checksum: str

    def edit(self, upper_body: bool, carries_rest: bool) -> MotionEdit:
        """Seconds of the motion instead of frames."""
        fps = self.motion.fps
        return MotionEdit(self.motion, (self.first - self.start) / fps, (self.last + 1 - self.start) / fps, carries_rest, upper_body)


def range_refusal(armature: bpy.types.Object | None) -> str:
    """Why no range of this object's keys can be made anew; empty if one can. Cheap enough for poll()."""
    if reason := refusal(armature):
        return reason
    assert armature is not None
    slot = curves.playing_slot(armature)
    if slot is None or key_ranges.extent(slot, body_paths(armature)) is None:
        return f"“{armature.name}” plays no keys of a body: press Generate first, or give it the Action that you want to change."
    return ""


def body_paths(armature: bpy.types.Object) -> list[str]:
    """Data paths of all that moves the body of an armature that has one."""
    paths = _bone_paths(find_rig(armature))
    return [f"{paths[0]}.{_LOCATION}", *(f"{path}.{_ROTATION}" for path in paths)]


def read_keys(chosen: KeyRange) -> Generator[None, None, ReadKeys]:
    """Yields after every curve. Raises RigError with a sentence where the keys, or the range, are none that can be made anew."""
    armature = find_armature(chosen.armature)
    if reason := range_refusal(armature) or _unreadable(armature):
        raise RigError(reason)
    rig, slot = find_rig(armature), curves.playing_slot(armature)
    assert slot is not None
    start, stop = _keyed_frames(armature, slot)
    first, last = max(chosen.first, start), min(chosen.last, stop)
    if first > last:
        raise RigError(
            f"Frames {chosen.first} to {chosen.last} have no keys of “{armature.name}”, which go from {start} to {stop}:"
            " choose a range inside of them."
        )
    frames = np.arange(start, stop + 1, dtype=np.float64)
    checksum = yield from curves.range_checksum(slot, start, stop)
    locations, rotations = yield from _sampled(rig, slot, frames)
    resting = resting_motion(chosen.fps)
    space = BoneSpace.between(resting, rig)
    motion = yield from in_thread(lambda: space.posed(resting, quaternions.unit(rotations), locations))
    return ReadKeys(rig, space, slot, start, first, last, motion, locations, rotations, checksum)


def write_keys(read: ReadKeys, edit: MotionEdit, motions: tuple[BodyMotion, ...]) -> Generator[None, None, tuple[str, ...]]:
    """Puts the range of the first motion into the Action that plays, and that of the others into copies that are kept.

    Returns the names of all Actions, the played one first. Raises RigError, and changes nothing, where rig or keys are others by now.
    """
    posed = []
    for motion in motions:
        part = motion.cut(edit.first_frame, edit.end_frame + 1)  # one more, of what is carried
        posed.append((yield from in_thread(partial(_posed, read.space, part))))
    checksum = yield from curves.range_checksum(read.slot, read.start, read.start + len(read.locations) - 1)
    armature = read.rig.object.resolve()
    playing = curves.bound_action(armature)
    same = playing is not None and playing.uid == read.slot.action.uid and find_rig(armature).rests_like(read.rig)
    if not same or checksum != read.checksum:
        raise RigError(f"“{armature.name}” or its keys were changed meanwhile, so nothing was written: press Redo Range again.")
    if reason := _unreadable(armature):
        raise RigError(reason)
    moved = [_moved(read, edit, motion, locations) for motion, (_, locations) in zip(motions, posed, strict=True)]
    written = [tuple(_range_keys(read, edit, *each, rest)) for each, rest in zip(posed, moved, strict=True)]
    _refuse_misaligned(read, moved[0])
    return _replaced(read, motions, written, moved)


def _posed(space: BoneSpace, motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
    return space.rotations(motion), space.locations(motion)


def _replaced(
    read: ReadKeys,
    motions: tuple[BodyMotion, ...],
    written: list[tuple[key_ranges.RangeKeys, ...]],
    moved: list[tuple[key_ranges.Moved, ...]],
) -> tuple[str, ...]:
    slots = [read.slot]
    try:
        slots += [curves.copied(read.slot, takes.take_name(motion.recipe)) for motion in motions[1:]]
        for slot, keys, rest in reversed(list(zip(slots, written, moved, strict=True))):
            key_ranges.replace(slot, keys, rest)
    except BaseException:
        for slot in slots[1:]:
            curves.remove_action(slot.action)
        raise
    for slot, motion in zip(slots, motions, strict=True):
        _note(slot, read, motion)
    return tuple(str(slot.action.resolve().name) for slot in slots)


def _unreadable(armature: bpy.types.Object) -> str:
    """Why keys that are there cannot be read or changed; empty if they can."""
    name, slot = armature.name, curves.playing_slot(armature)
    assert slot is not None
    if curves.plays_strips(armature):
        return (
            f"“{name}” plays NLA strips besides its Action, so its keys are not what is seen: mute their tracks, or bake all into one"
            " Action (NLA editor, Edit > Bake Action)."
        )
    if curves.is_linked(slot):
        return f"The Action of “{name}” is linked from another file and cannot be changed here: make it local first."
    turned = [bone for bone in find_rig(armature).bones if armature.pose.bones[bone].rotation_mode != "QUATERNION"]
    if turned:
        return (
            f"{len(turned)} bones of “{name}” do not turn by quaternions ({listed(turned)}), and keys of a range are written as such:"
            " bake them with rotation mode Quaternion first (Pose > Animation > Bake Action)."
        )
    paths = set(body_paths(armature))
    for reason, found in (("locked or muted", curves.unwritable_paths(armature)), ("driven", curves.driven_paths(armature))):
        if found := paths & found:
            names = sorted({path.split('"')[1] for path in found})
            way = "unlock them in the Graph Editor" if reason != "driven" else "delete the drivers"
            return f"Curves of “{name}” are {reason} ({listed(names)}), so that nothing can be made anew: {way}."
    return ""


def _keyed_frames(armature: bpy.types.Object, slot: curves.ActionSlot) -> tuple[int, int]:
    """The first and the last whole frame that the body's keys reach."""
    found = key_ranges.extent(slot, body_paths(armature))
    assert found is not None
    first, last = int(np.ceil(found[0] - 1e-3)), int(np.floor(found[1] + 1e-3))
    return first, max(first, last)


def _sampled(rig: Rig, slot: curves.ActionSlot, frames: np.ndarray) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Locations (T, 3) of the pelvis and rotations (T, 22, 4) of all bones; what has no curve stays as it is posed."""
    armature, columns = rig.object.resolve(), []
    properties = [(0, _LOCATION, 3), *((joint, _ROTATION, 4) for joint in range(len(rig.bones)))]
    for joint, name, size in properties:
        path, posed = _bone_paths(rig)[joint], list(getattr(armature.pose.bones[rig.bones[joint]], name))
        for index in range(size):
            values = key_ranges.sampled(slot, f"{path}.{name}", index, frames)
            columns.append(np.full(len(frames), posed[index]) if values is None else values)
            yield
            armature = rig.object.resolve()
    return np.stack(columns[:3], axis=-1), np.stack(columns[3:], axis=-1).reshape(len(frames), len(rig.bones), 4)


def _range_keys(
    read: ReadKeys, edit: MotionEdit, rotations: np.ndarray, locations: np.ndarray, moved: tuple[key_ranges.Moved, ...]
) -> Iterator[key_ranges.RangeKeys]:
    """rotations, locations: from the first frame of the range on. moved: what is carried along."""
    carried = {each.data_path: each.matrix for each in moved}
    paths, count = _bone_paths(read.rig), edit.end_frame - edit.first_frame
    frames = read.first + np.arange(count, dtype=np.float64)
    beside = [max(0, edit.first_frame - 1), min(len(read.locations) - 1, edit.end_frame)]
    if not edit.upper_body:
        yield key_ranges.RangeKeys(f"{paths[0]}.{_LOCATION}", read.rig.bones[0], frames, locations[:count], read.locations[beside])
    for joint, (path, bone) in enumerate(zip(paths, read.rig.bones, strict=True)):
        if edit.upper_body and BODY_JOINTS[joint] in LOWER_BODY_JOINTS:
            continue
        around = [read.rotations[beside[0], joint], carried.get(f"{path}.{_ROTATION}", np.eye(4)) @ read.rotations[beside[1], joint]]
        values = _signed(rotations[:count, joint], edit, around, len(read.locations))
        goes_round = edit.end_frame < len(read.locations) and float(values[-1] @ around[1]) < 0
        yield key_ranges.RangeKeys(f"{path}.{_ROTATION}", bone, frames, values, read.rotations[beside, joint], goes_round)


def _signed(values: np.ndarray, edit: MotionEdit, around: list[np.ndarray], n_frames: int) -> np.ndarray:
    """Quaternions (T, 4) in one hemisphere with their neighbours and the kept key before the range, or after it."""
    values = quaternions.sign_continuous(values)
    if edit.first_frame > 0:
        return values if float(values[0] @ around[0]) >= 0 else -values
    return -values if edit.end_frame < n_frames and float(values[-1] @ around[1]) < 0 else values


def _moved(read: ReadKeys, edit: MotionEdit, motion: BodyMotion, locations: np.ndarray) -> tuple[key_ranges.Moved, ...]:
    """What is carried along: the pelvis' keys after the range, turned and moved as the motion's frame after it was.

    locations: from the first frame of the range to the one after it.
    """
    end = edit.end_frame
    if not edit.carries_rest or end >= len(read.locations):
        return ()
    before, after = edit.motion.rotations[end, 0].astype(np.float64), motion.rotations[end, 0].astype(np.float64)
    turn = quaternions.multiply(after, quaternions.inverse(before))
    rotation, matrix = read.space.turning(2 * float(np.arctan2(turn[2], turn[0])))
    path = _bone_paths(read.rig)[0]
    return (
        key_ranges.Moved(f"{path}.{_LOCATION}", matrix, locations[-1] - matrix @ read.locations[end]),
        key_ranges.Moved(f"{path}.{_ROTATION}", quaternions.multiply(rotation, np.eye(4)).T, np.zeros(4)),
    )


def _refuse_misaligned(read: ReadKeys, moved: tuple[key_ranges.Moved, ...]) -> None:
    if any(key_ranges.misaligned(read.slot, each, read.last) for each in moved):
        raise RigError(
            f"The keys of “{read.rig.bones[0]}” after frame {read.last} lie at other frames in some of its curves, so that they cannot be"
            " turned together: switch Carry the Rest off, or bake them (Pose > Animation > Bake Action)."
        )


def _note(slot: curves.ActionSlot, read: ReadKeys, motion: BodyMotion) -> None:
    """Adds how the range was made to what the Action tells of itself."""
    before = curves.text(slot.action, REDONE_PROPERTY)
    entry = {"first_frame": read.first, "last_frame": read.last, **json.loads(motion.recipe.to_json())}
    del entry["source"]
    curves.set_text(slot.action, REDONE_PROPERTY, json.dumps([*(json.loads(before) if before else []), entry], ensure_ascii=False))


def _bone_paths(rig: Rig) -> list[str]:
    return [f'pose.bones["{bpy.utils.escape_identifier(bone)}"]' for bone in rig.bones]
