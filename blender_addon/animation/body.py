"""Body motion to keys on an SMPL rig: resampled to the scene's rate, written in slices, played only once it is whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.contract import BadRequest, BodyMotion
from . import curves, quaternions, takes
from .bone_space import BoneSpace
from .datablocks import Reference
from .rig import Rig, RigError, find_rig
from .slices import in_one_go

FRAMES_PER_SLICE = 256  # about 5 ms


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second, such as 30 / 1.001."""
    return float(scene.render.fps / scene.render.fps_base)


def find_armature(name: str) -> bpy.types.Object:
    """Of the file's own objects before a linked one's. Raises RigError where there is none."""
    armature = bpy.data.objects.get((name, None)) or bpy.data.objects.get(name)
    if armature is None:
        raise RigError(f"The scene has no object “{name}”: choose a character's armature, or add Understudy's own character.")
    return armature


@dataclass(frozen=True)
class BodyDraft:
    """Takes that are written but not played yet, the first to be played; `play` or `discard` ends them.

    replaced: Actions that make room for them.
    """

    rig: Rig
    slots: tuple[curves.ActionSlot, ...]
    names: tuple[str, ...]
    replaced: tuple[Reference, ...]

    def play(self) -> tuple[str, ...]:
        """The names of all Actions, the played one first. Raises RigError or Vanished; then they are discarded."""
        try:
            _play(self.slots, self.rig)
        except BaseException:
            self.discard()
            raise
        for action in self.replaced:
            curves.remove_action(action)
        return tuple(curves.rename(slot.action, name) for slot, name in zip(self.slots, self.names, strict=True))

    def discard(self) -> None:
        """Leaves the scene as it was."""
        for slot in self.slots:
            curves.remove_action(slot.action)


def key_motion(
    armature_name: str,
    motion: BodyMotion,
    start_frame: float,
    fps: float,
    action_name: str = "",
    variations: Sequence[BodyMotion] = (),
) -> Generator[None, None, tuple[str, ...]]:
    """Keys `motion` on an armature as a new Action that it plays from `start_frame` on; yields every few milliseconds.

    `fps` is the scene's rate. The Action is named `action_name`, or after the prompt; `variations` become further Actions that are
    kept but not played. Returns the names of all Actions, the played one first.

    The 22 joints are set to quaternion rotation. The Action played before is kept in the file; a take of the same recipe on the
    same character is replaced, unless somebody edited it or something else uses it.

    Raises RigError if the armature cannot take the keys, Vanished if it is deleted in between, BadRequest for a broken motion.
    Whenever it raises or is closed, the scene is as before.
    """
    draft = yield from draft_motion(armature_name, motion, start_frame, fps, action_name, variations)
    return draft.play()


def draft_motion(
    armature_name: str,
    motion: BodyMotion,
    start_frame: float,
    fps: float,
    action_name: str = "",
    variations: Sequence[BodyMotion] = (),
) -> Generator[None, None, BodyDraft]:
    """All of `key_motion` but the playing."""
    rig, motions = find_rig(find_armature(armature_name)), (motion, *variations)
    spaces = [_bone_space(each, rig) for each in motions]
    names = [takes.take_name(each.recipe) for each in motions]
    slots: list[curves.ActionSlot] = []
    replaced: list[Reference] = []
    try:
        for each, space, name in zip(motions, spaces, names, strict=True):
            rotations, locations = yield from _sampled(each, space, fps)
            slots.append(curves.new_action(name, rig.object.resolve()))
            yield from _write_take(slots[-1], rig, start_frame, rotations, locations)
        for each in motions:
            replaced += yield from takes.replaceable_takes(each.recipe, rig.object)
        for each, slot in zip(motions, slots, strict=True):
            yield from takes.sign_take(slot, each.recipe, rig.object.name)
    except BaseException:
        for slot in slots:
            curves.remove_action(slot.action)
        raise
    return BodyDraft(rig, tuple(slots), (action_name or names[0], *names[1:]), tuple(replaced))


def key_motion_now(
    armature_name: str,
    motion: BodyMotion,
    start_frame: float,
    fps: float,
    action_name: str = "",
    variations: Sequence[BodyMotion] = (),
) -> tuple[str, ...]:
    """`key_motion` in one go."""
    return in_one_go(key_motion(armature_name, motion, start_frame, fps, action_name, variations))


def _bone_space(motion: BodyMotion, rig: Rig) -> BoneSpace:
    broken = ~(np.isfinite(motion.rotations).all((1, 2)) & np.isfinite(motion.translation).all(1))
    if broken.any():
        raise BadRequest(f"{broken.sum()} of the motion's {len(broken)} frames hold no numbers: generate it again with another seed.")
    return BoneSpace.between(motion, rig)


def _sampled(motion: BodyMotion, space: BoneSpace, fps: float) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Pose bone rotations (T, 22, 4) and pelvis locations (T, 3) at `fps`, in slices."""
    times = np.arange(int(np.floor(motion.seconds * fps + 1e-6)) + 1) / fps
    rotations, locations = [], []
    for start in range(0, len(times), FRAMES_PER_SLICE):
        yield
        part = motion.at(times[start : start + FRAMES_PER_SLICE])
        rotations.append(space.rotations(part))
        locations.append(space.locations(part))
    return np.concatenate(rotations), np.concatenate(locations)


def _write_take(
    slot: curves.ActionSlot, rig: Rig, start_frame: float, rotations: np.ndarray, locations: np.ndarray
) -> Generator[None, None, None]:
    frames = start_frame + np.arange(len(locations))
    for _ in curves.write_curves(slot, frames, _properties(rig, rotations, locations)):
        rig.object.resolve()
        yield
    curves.set_frame_range(slot.action, frames[0], frames[-1])


def _properties(rig: Rig, rotations: np.ndarray, locations: np.ndarray) -> Iterator[curves.PropertyCurves]:
    paths = [f'pose.bones["{bpy.utils.escape_identifier(bone)}"]' for bone in rig.bones]
    yield curves.PropertyCurves(f"{paths[0]}.location", locations, rig.bones[0])
    for joint, (path, bone) in enumerate(zip(paths, rig.bones, strict=True)):
        yield curves.PropertyCurves(f"{path}.rotation_quaternion", quaternions.sign_continuous(rotations[:, joint]), bone)


def _play(slots: Sequence[curves.ActionSlot], rig: Rig) -> None:
    """Binds the first Action and keeps the others."""
    armature = rig.object.resolve()
    if not find_rig(armature).rests_like(rig):
        raise RigError(f"The bones of “{armature.name}” changed while it was being keyed, so nothing was written: try again.")
    for bone in rig.bones:
        armature.pose.bones[bone].rotation_mode = "QUATERNION"
    curves.bind(slots[0], armature)
    for slot in slots[1:]:
        curves.keep(slot.action)
