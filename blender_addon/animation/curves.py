"""F-curves of Blender 4.2 to 5.2: the only file that knows Actions, slots, layers and channelbags.

4.2 and 4.3 keep curves in the Action itself, 4.4 and later in a channelbag per slot. Keys are written in bulk, into an Action
that nobody plays until `bind`, so that a job which stops in between leaves no trace in the scene.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bpy
import numpy as np

from .datablocks import Reference, Vanished

RECIPE_PROPERTY = "understudy_recipe"  # JSON, on every Action that Understudy made

# All that a key is, and how many numbers each of it takes; Blender hands enums out as integers
_KEY_FLOATS = {"co": 2, "handle_left": 2, "handle_right": 2, "amplitude": 1, "back": 1, "period": 1}
_KEY_ENUMS = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type")
KEY_PROPERTIES = (*_KEY_FLOATS, *_KEY_ENUMS)  # all that a key is
_SAME_FRAME = 1e-3

Interpolation = Literal["BEZIER", "LINEAR"]
Owner = bpy.types.Object | bpy.types.Key  # a rig, or the shape keys of a mesh


@dataclass(frozen=True)
class PropertyCurves:
    """Values of one animated property: (T, N) float32, one F-curve per array index. `group` names its folder in the editors."""

    data_path: str
    values: np.ndarray
    group: str


@dataclass(frozen=True)
class ActionSlot:
    """Where the curves of one data-block lie in an Action; on 4.2 and 4.3 that is the whole Action."""

    action: Reference
    id_type: str
    name: str


def new_action(name: str, owner: Owner) -> ActionSlot:
    """An empty Action for the keys of `owner`, which does not play it yet."""
    action = bpy.data.actions.new(name)
    if hasattr(action, "slots"):
        slot = action.slots.new(id_type=owner.id_type, name=owner.name)
        strip: Any = action.layers.new("Layer").strips.new(type="KEYFRAME")
        strip.channelbag(slot, ensure=True)
    else:
        action.id_root = owner.id_type
    return ActionSlot(Reference.to(action, "actions"), owner.id_type, owner.name)


def draft_actions(name: str, owners: Sequence[Owner], begun: Sequence[ActionSlot | None] = ()) -> list[ActionSlot]:
    """Where keys of each owner can be written while nobody plays them: in a copy of the Action that it plays.

    Owners that play none share one where Blender can, with those that do or in a new Action called `name`.
    begun: for each owner a draft that it shall have instead and that is its own, or None.
    """
    copies: dict[int, Reference] = {}
    given = {number: slot for number, slot in enumerate(begun) if slot is not None}
    slots: dict[int, ActionSlot] = {}
    for number, owner in enumerate(owners):
        if number not in given and (playing := playing_slot(owner)) is not None:
            if playing.action.uid not in copies:
                copies[playing.action.uid] = Reference.to(copy_of(playing.action.resolve()), "actions")
            slots[number] = ActionSlot(copies[playing.action.uid], playing.id_type, playing.name)
    for number, owner in enumerate(owners):
        if number not in slots and number not in given:
            shared = next((slot.action for slot in slots.values() if hasattr(slot.action.resolve(), "slots")), None)
            slots[number] = _added_slot(shared, owner) if shared else new_action(name, owner)
    return [(slots | given)[number] for number in range(len(owners))]


def copy_of(action: bpy.types.Action) -> bpy.types.Action:
    """Blender's own copy, the only one that loses nothing. It cannot be cut into slices: 33 ms for ten minutes of a face."""
    return action.copy()


def take_over(drafts: Sequence[ActionSlot], owners: Sequence[Owner]) -> None:
    """Lets each owner play its draft. What it played before is removed and hands its name on, unless something else uses it."""
    before = []
    for slot, owner in zip(drafts, owners, strict=True):
        playing = playing_slot(owner)
        if playing is None:  # an Action without a slot for the owner was not copied
            bind(slot, owner)
            continue
        if playing.action == slot.action:
            continue
        before.append((slot, playing.action))
        _play(owner.animation_data, slot)
    for slot, reference in before:
        previous, action = reference.find(), slot.action.resolve()
        if previous is not None and previous.library is None and previous.users == int(previous.use_fake_user):
            name, action.use_fake_user = previous.name, previous.use_fake_user
            bpy.data.actions.remove(previous)
            action.name = name


def playing_slot(owner: Owner) -> ActionSlot | None:
    """Where the curves lie that `owner` plays, None if it plays none."""
    animation = owner.animation_data
    if animation is None or animation.action is None:
        return None
    action = Reference.to(animation.action, "actions")
    if not hasattr(animation.action, "slots"):
        return ActionSlot(action, owner.id_type, owner.name)
    slot = animation.action_slot
    return ActionSlot(action, slot.target_id_type, slot.name_display) if slot is not None else None


def unwritable_paths(owner: Owner) -> set[str]:
    """Data paths whose curves the animator has locked or muted."""
    slot = playing_slot(owner)
    curves = channel_bag(slot).fcurves if slot is not None else ()
    return {curve.data_path for curve in curves if curve.lock or curve.mute or (curve.group and (curve.group.lock or curve.group.mute))}


def driven_paths(owner: Owner) -> set[str]:
    """Data paths that drivers decide, whatever their curves say."""
    return {driver.data_path for driver in owner.animation_data.drivers} if owner.animation_data else set()


def write_curves(
    slot: ActionSlot, frames: np.ndarray, properties: Iterable[PropertyCurves], interpolation: Interpolation = "BEZIER"
) -> Iterator[None]:
    """Writes keys at `frames` (T,), fractions allowed, and yields after every curve, and on the way through one that is there.

    Where a curve is there already, its keys from the first to the last of `frames` are replaced and all others stay as they are.
    Raises Vanished if the Action is deleted in between.
    """
    kinds = kinds_of_new_keys(interpolation)
    for animated in properties:
        for index, values in enumerate(animated.values.T):
            yield from _write_curve(slot, animated, index, np.column_stack((frames, values)).astype(np.float32), kinds)
            yield


def kinds_of_new_keys(interpolation: Interpolation = "BEZIER") -> dict[str, str]:
    """What keys that Understudy writes are, by property of a key."""
    handles = dict.fromkeys(("handle_left_type", "handle_right_type"), "AUTO_CLAMPED")
    return {"type": "GENERATED", "interpolation": interpolation, **handles}


def read_curves(slot: ActionSlot) -> dict[tuple[str, int], np.ndarray]:
    """Keys (T, 2) of frame and value of every curve, by data path and array index."""
    return {(curve.data_path, curve.array_index): _key_floats(curve, "co") for curve in channel_bag(slot).fcurves}


def first_frames(slot: ActionSlot, path: str) -> np.ndarray:
    """Frames (T,) of the keys of the first curve whose data path begins so; (0,) if there is none."""
    found = next((curve for curve in channel_bag(slot).fcurves if curve.data_path.startswith(path)), None)
    return _key_floats(found, "co")[:, 0] if found is not None else np.empty(0, np.float32)


def fingerprint(slot: ActionSlot) -> Generator[None, None, str]:
    """Yields after every curve and returns a checksum of all keys, handles and modifiers: it changes when somebody edits them."""
    checksum, index = 0, 0
    while index < len(curves := channel_bag(slot).fcurves):
        curve = curves[index]
        checksum = zlib.crc32(f"{curve.data_path}[{curve.array_index}] {curve.mute} {len(curve.modifiers)}".encode(), checksum)
        for name in ("co", "handle_left", "handle_right"):
            checksum = zlib.crc32(_key_floats(curve, name).tobytes(), checksum)
        index += 1
        del curve, curves
        yield
    return f"{checksum:08x} {index}"


def range_checksum(slot: ActionSlot, first: float, last: float) -> Generator[None, None, str]:
    """Yields after every curve and returns a checksum of the keys between two frames: it changes when somebody edits them.

    Of handles only their types count, which change when they are moved: where they stand also hangs on keys beyond these frames.
    """
    checksum, index = 0, 0
    while index < len(curves := channel_bag(slot).fcurves):
        curve = curves[index]
        frames = _key_floats(curve, "co")[:, 0]
        inside = (frames > first - _SAME_FRAME) & (frames < last + _SAME_FRAME)
        checksum = zlib.crc32(f"{curve.data_path}[{curve.array_index}]".encode(), checksum)
        for name in ("co", "interpolation", "handle_left_type", "handle_right_type"):
            checksum = zlib.crc32(key_property(curve.keyframe_points, name)[inside].tobytes(), checksum)
        index += 1
        del curve, curves
        yield
    return f"{checksum:08x}"


def bind(slot: ActionSlot, owner: Owner) -> None:
    """Lets `owner` play the slot. The Action it played before is kept in the file, even if nothing else uses it."""
    animation = owner.animation_data_create()
    previous, action = animation.action, slot.action.resolve()
    _play(animation, slot)
    if previous is not None and previous != action and previous.library is None:
        previous.use_fake_user = True


def bound_action(owner: Owner) -> Reference | None:
    """The Action that `owner` plays."""
    animation = owner.animation_data
    return Reference.to(animation.action, "actions") if animation and animation.action else None


def in_tweak_mode(owner: Owner) -> bool:
    """Whether an NLA strip of `owner` is being edited, which locks its Action."""
    return bool(owner.animation_data and owner.animation_data.use_tweak_mode)


def set_frame_range(action: Reference, first: float, last: float) -> None:
    """Sets the Action's manual frame range, which gives an NLA strip its length."""
    found = action.resolve()
    found.use_frame_range = True
    found.frame_start, found.frame_end = first, last


def copied(slot: ActionSlot, name: str) -> ActionSlot:
    """The same slot of a copy of the Action, which nobody plays and the file keeps."""
    action = copy_of(slot.action.resolve())
    action.name, action.use_fake_user = name, True
    return ActionSlot(Reference.to(action, "actions"), slot.id_type, slot.name)


def is_linked(slot: ActionSlot) -> bool:
    """Whether the Action comes from another file, and cannot be changed here."""
    return slot.action.resolve().library is not None


def plays_strips(owner: Owner) -> bool:
    """Whether NLA strips play besides the Action, so that its keys are not what is seen."""
    animation = owner.animation_data
    if animation is None or not animation.use_nla:
        return False
    return any(not track.mute and any(not strip.mute for strip in track.strips) for track in animation.nla_tracks)


def rename(action: Reference, name: str) -> str:
    """Returns the new name: Blender numbers it if another Action has it."""
    found = action.resolve()
    found.name = name
    return str(found.name)


def keep(action: Reference) -> None:
    """Saves the Action with the file although nothing plays it."""
    action.resolve().use_fake_user = True


def remove_action(action: Reference) -> None:
    """Deletes the Action if it is still there."""
    found = action.find()
    if found is not None:
        bpy.data.actions.remove(found)


def used_beside(action: Reference, owner: Owner) -> bool:
    """Whether anything but `owner` and the fake user uses the Action: another character, an NLA strip."""
    found = action.resolve()
    own = owner.animation_data is not None and owner.animation_data.action == found
    return bool(found.users > int(own) + int(found.use_fake_user))


def set_text(action: Reference, key: str, text: str) -> None:
    """Stores a text as the Action's custom property `key`."""
    action.resolve()[key] = text


def text(action: Reference, key: str) -> str:
    """The Action's custom property `key`, empty if it has none."""
    return str(action.resolve().get(key, ""))


def understudy_actions() -> list[Reference]:
    """The file's own Actions that carry an Understudy recipe."""
    return [Reference.to(action, "actions") for action in bpy.data.actions if action.get(RECIPE_PROPERTY) and action.library is None]


def first_slot(action: Reference) -> ActionSlot | None:
    """Where the curves lie in an Action for a single owner; None if somebody gave it more slots or took all away."""
    found = action.resolve()
    if not hasattr(found, "slots"):
        return ActionSlot(action, found.id_root, "")
    if len(found.slots) != 1 or len(found.layers) != 1:
        return None
    return ActionSlot(action, found.slots[0].target_id_type, found.slots[0].name_display)


def _play(animation: bpy.types.AnimData, slot: ActionSlot) -> None:
    animation.action = action = slot.action.resolve()
    if hasattr(action, "slots"):
        # Blender picks a slot by itself only if it is named after the owner: without one nothing plays
        animation.action_slot = _layered_slot(action, slot)


def _added_slot(action: Reference, owner: Owner) -> ActionSlot:
    slot = action.resolve().slots.new(id_type=owner.id_type, name=owner.name)
    return ActionSlot(action, slot.target_id_type, slot.name_display)


def channel_bag(slot: ActionSlot) -> Any:
    """What has the `fcurves` and `groups` of a slot."""
    action = slot.action.resolve()
    if not hasattr(action, "slots"):
        return action
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(_layered_slot(action, slot), ensure=True)


def _layered_slot(action: bpy.types.Action, slot: ActionSlot) -> bpy.types.ActionSlot:
    for found in action.slots:
        if found.target_id_type == slot.id_type and found.name_display == slot.name:
            return found
    raise Vanished(f"The slot “{slot.name}” of the Action “{action.name}” was removed while it was being keyed: try again.")


def _write_curve(slot: ActionSlot, animated: PropertyCurves, index: int, keys: np.ndarray, kinds: dict[str, str]) -> Iterator[None]:
    """keys: (T, 2) frames and values; kinds: what all of them are, by property of a key."""
    if channel_bag(slot).fcurves.find(animated.data_path, index=index) is not None:
        yield from replace_keys(lambda: channel_bag(slot).fcurves.find(animated.data_path, index=index), keys, kinds)
        return
    _fill(added_curve(slot, animated.data_path, index, animated.group), keys, kinds)


def added_curve(slot: ActionSlot, data_path: str, index: int, group: str) -> bpy.types.FCurve:
    """Without keys, in the group of this name."""
    bag = channel_bag(slot)
    curve = bag.fcurves.new(data_path, index=index)
    curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def _fill(curve: bpy.types.FCurve, keys: np.ndarray, kinds: dict[str, str]) -> None:
    """Keys (T, 2) of a curve that has none."""
    points = curve.keyframe_points
    points.add(len(keys))
    points.foreach_set("co", keys.ravel())
    for name, kind in kinds.items():
        if getattr(points[0], name) != kind:  # new keys are all alike
            points.foreach_set(name, np.full(len(keys), _enum_value(name, kind), np.int32))
    curve.update()


def replace_keys(find: Callable[[], Any], keys: np.ndarray, kinds: dict[str, str]) -> Generator[None, None, None]:
    """Keys (T, 2) in place of all between the first and the last of them; the curve's others keep everything that they are.

    find: the curve, looked up again after every slice. kinds: what all of the new keys are, by property of a key.
    """
    points = find().keyframe_points
    frames = key_property(points, "co")[:, 0]
    kept = (frames < keys[0, 0] - _SAME_FRAME) | (frames > keys[-1, 0] + _SAME_FRAME)
    if not kept.any():
        points.clear()
        _fill(find(), keys, kinds)
        return
    others = {}
    for name in KEY_PROPERTIES:
        others[name] = key_property(find().keyframe_points, name)[kept]
        yield
    order = np.argsort(np.concatenate((frames[kept], keys[:, 0])), kind="stable")
    is_other = order < kept.sum()
    points = find().keyframe_points
    points.clear()
    points.add(len(order))
    yield
    for name, stored in others.items():
        points = find().keyframe_points
        merged = _like_new(points, name)
        merged[is_other] = stored
        if name in kinds:
            merged[~is_other] = _enum_value(name, kinds[name])
        elif _KEY_FLOATS.get(name) == 2:  # place and handles
            merged[~is_other] = keys
        points.foreach_set(name, merged.ravel())
        yield
    find().update()
    for name in ("handle_left", "handle_right"):  # Blender has moved those beside the new keys, where they place themselves
        points = find().keyframe_points
        moved = key_property(points, name)
        moved[is_other] = others[name]
        points.foreach_set(name, moved.ravel())
        yield


def _like_new(points: bpy.types.FCurveKeyframePoints, name: str) -> np.ndarray:
    """One property of every key, where all are as Blender makes them."""
    if name in _KEY_ENUMS:
        return np.full(len(points), _enum_value(name, getattr(points[0], name)), np.int32)
    first = np.atleast_1d(np.array(getattr(points[0], name), np.float32))
    return np.tile(first, (len(points), 1)) if len(first) > 1 else np.full(len(points), first[0], np.float32)


def key_property(points: bpy.types.FCurveKeyframePoints, name: str) -> np.ndarray:
    """One property of every key, (N, 2) for places and (N,) for the others."""
    width = _KEY_FLOATS.get(name, 1)
    values = np.empty((len(points), width), np.float32 if name in _KEY_FLOATS else np.int32)
    points.foreach_get(name, values.ravel())
    return values if width > 1 else values[:, 0].copy()


def _enum_value(name: str, identifier: str) -> int:
    properties: Any = bpy.types.Keyframe.bl_rna.properties
    return int(properties[name].enum_items[identifier].value)


def _key_floats(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    return key_property(curve.keyframe_points, name)
