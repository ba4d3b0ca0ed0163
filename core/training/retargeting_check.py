"""How well does retargeting keep what was recorded? Joints of the retargeted figure against those of its source, and feet on the floor.

The source's joints are first scaled to our figure, all by one factor: the ratio of leg lengths, by which `retarget` moves the hips.
They are then compared in three ways, strict first; distances are means over both sides and over all good frames, before `on_flat_floor`:

in the room     where both figures stand, nothing aligned. Other proportions of the source count in full, as does what a recording
                lost: CMU's MotionBuilder skeletons have no thorax, so that neck and shoulders sit 12 cm low in the source.
from the root   knees, ankles and feet seen from their own hip, elbows and wrists from their shoulder, neck and head from between
                the hips. Lengths of bones that differ from ours still count.
with our bones  as before, but every bone of the source is drawn with our length, from the limb's root on: only directions count.
                `retarget` makes thighs, shins and arms point as the source's do, so these should be 0; a fault shows here best.

The neck stands for where the spine ends: the joints below it are at other heights in every skeleton. A source without toes has no
feet to compare with. The feet's height is that of the motion as it is trained on, at 20 fps and after `on_flat_floor`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ..body.features import CONTACT_SPEED
from ..contract import BodyMotion
from ..geometry.skeleton import REST_SKELETON, SMPL_22_NAMES
from .corpus import Report, is_uneven
from .motion_capture.ground import UPRIGHT_SHIN, Foot, feet, joint_positions, on_flat_floor
from .motion_capture.normalise import at_training_rate
from .motion_capture.packs import MotionPack
from .motion_capture.retarget import Retargeted, retarget, source_leg_length
from .motion_capture.source_clip import SourceClip
from .pack_names import PACKS

MEASURES = ("in the room", "from the root", "with our bones")
_LEG, _ARM, _TRUNK = ("hips", "knees", "ankles", "feet"), ("shoulders", "elbows", "wrists"), ("trunk", "neck", "head")
JOINTS = (*_LEG, *_ARM, *_TRUNK[1:])
LIMBS = (*_LEG, *_ARM)
LIMBS_BAR, SOLES_BAR = 40.0, 20.0  # millimetres, on average
_SINGULAR = {"feet": "foot"}


@dataclass(frozen=True)
class ClipFigures:
    """distances: (measures, joints) mean millimetres, NaN where there is nothing to compare; soles: millimetres over the floor."""

    distances: Tensor
    frames: int
    soles: Tensor


@dataclass(frozen=True)
class Figures:
    """Means over the frames of many clips, in millimetres. soles: absolute heights in every frame of flat clips in which a foot stands."""

    clips: int
    distances: Tensor
    soles: Tensor

    @classmethod
    def of(cls, clips: Sequence[ClipFigures]) -> Figures:
        distances = torch.stack([clip.distances for clip in clips])
        weights = torch.tensor([clip.frames for clip in clips], dtype=torch.float64)[:, None, None] * ~distances.isnan()
        mean = (distances.nan_to_num() * weights).sum(0) / weights.sum(0)  # 0 / 0 is NaN again
        return cls(len(clips), mean, torch.cat([clip.soles for clip in clips]).abs())

    def distance(self, measure: str, joint: str) -> float:
        return float(self.distances[MEASURES.index(measure), JOINTS.index(joint)])

    def limbs(self, measure: str) -> float:
        """Mean over the joints of legs and arms that the measure compares."""
        return float(self.distances[MEASURES.index(measure), : len(LIMBS)].nanmean())

    def over_the_bar(self, measure: str) -> dict[str, float]:
        """Joints of the limbs, and "limbs" for their mean."""
        found = {joint: self.distance(measure, joint) for joint in LIMBS} | {"limbs": self.limbs(measure)}
        return {joint: distance for joint, distance in found.items() if distance >= LIMBS_BAR}


def check_retargeting(packs: Path, limit: int | None, report: Report) -> dict[str, Figures]:
    """Figures of each pack, and of "all" of them. `limit`: so many clips of each pack, evenly spread."""
    found: dict[str, list[ClipFigures]] = {}
    for name in PACKS:
        pack = MotionPack(packs / f"{name}.npz")
        names = evenly_spread(pack.names, limit)
        found[name] = []
        for number, clip in enumerate(map(pack.clip, names)):
            report(f"retargeting {name}", number + 1, len(names))
            figures = clip_figures(clip, retarget(clip), flat=not is_uneven(pack.labels[clip.name]))
            found[name].append(figures)
    found["all"] = [figures for of_pack in found.values() for figures in of_pack]
    return {name: Figures.of(of_pack) for name, of_pack in found.items()}


def evenly_spread(names: Sequence[str], limit: int | None) -> list[str]:
    count = min(limit or len(names), len(names))
    return [names[(2 * index + 1) * len(names) // (2 * count)] for index in range(count)]


def clip_figures(clip: SourceClip, retargeted: Retargeted, flat: bool) -> ClipFigures:
    good = retargeted.frame_ok
    source, ours = scaled_source_positions(clip)[good], joint_positions(retargeted.motion)[good]
    distances = torch.stack([measure(source, ours) for measure in (_in_the_room, _from_the_root, _with_our_bones)])
    soles = standing_soles(*at_training_rate(retargeted)) if flat else torch.zeros(0, dtype=torch.float64)
    return ClipFigures(distances, int(good.sum()), soles)


def scaled_source_positions(clip: SourceClip) -> Tensor:
    """Positions (T, 22, 3) of the source joints that stand for the SMPL joints, scaled by the ratio of leg lengths."""
    scale = REST_SKELETON.leg_length() / source_leg_length(clip.skeleton)
    return scale * clip.forward_kinematics()[0][:, list(clip.skeleton.smpl_joints)]


def _in_the_room(source: Tensor, ours: Tensor) -> Tensor:
    differences = {joint: _both(source, joint) - _both(ours, joint) for joint in JOINTS}
    return _mean_millimetres(differences, source)


def _from_the_root(source: Tensor, ours: Tensor) -> Tensor:
    differences = {}
    for root, *chain in (_LEG, _ARM, _TRUNK):
        for joint in chain:
            seen = [_both(positions, joint) - _both(positions, root) for positions in (source, ours)]
            differences[joint] = seen[0] - seen[1]
    return _mean_millimetres(differences, source)


def _with_our_bones(source: Tensor, ours: Tensor) -> Tensor:
    differences = {}
    for chain in (_LEG, _ARM, _TRUNK):
        so_far = torch.zeros_like(_both(source, chain[0]))
        for start, end in pairwise(chain):
            theirs, own = (_both(positions, end) - _both(positions, start) for positions in (source, ours))
            so_far = so_far + torch.nn.functional.normalize(theirs, dim=-1) * own.norm(dim=-1, keepdim=True) - own
            differences[end] = so_far
    return _mean_millimetres(differences, source)


def _both(positions: Tensor, joint: str) -> Tensor:
    """(T, 2, 3): left and right; (T, 1, 3) in the middle. The trunk begins between the hips."""
    if joint == "trunk":
        return _both(positions, "hips").mean(1, keepdim=True)
    names = (joint,) if joint in _TRUNK else [f"{side}_{_SINGULAR.get(joint, joint[:-1])}" for side in ("left", "right")]
    return positions[:, [SMPL_22_NAMES.index(name) for name in names]]


def _mean_millimetres(differences: dict[str, Tensor], source: Tensor) -> Tensor:
    """(joints,) NaN for joints without a difference, and for the feet of a source that has none."""
    if bool((_both(source, "feet") == _both(source, "ankles")).all()):
        differences.pop("feet")
    return torch.stack([1000 * differences[joint].norm(dim=-1).mean() if joint in differences else _nothing() for joint in JOINTS])


def _nothing() -> Tensor:
    return torch.tensor(math.nan, dtype=torch.float64)


def standing_soles(motion: BodyMotion, frame_ok: Tensor) -> Tensor:
    """Height of the lowest sole over the floor, millimetres, in good frames in which at least one foot stands.

    A foot stands while ankle and toe are both slow, below an upright shin, at any height: a figure that floats shows. The lowest
    of both ankles and toes over where it is in a flat foot is the sole.
    """
    positions = joint_positions(on_flat_floor(motion))
    flat = REST_SKELETON.standing_heights()
    both = feet(REST_SKELETON)
    joints = [joint for foot in both for joint in (foot.ankle, foot.toe)]
    lowest = (positions[:, joints, 1] - flat[joints]).amin(-1)
    stands = torch.stack([_stands(positions, foot, motion.fps) for foot in both]).any(0)
    return 1000 * lowest[stands & frame_ok]


def _stands(positions: Tensor, foot: Foot, fps: float) -> Tensor:
    at = positions[:, [foot.ankle, foot.toe]]
    speed = (at[1:] - at[:-1]).norm(dim=-1).amax(-1) * fps
    slow = torch.cat((speed, speed[-1:])) < CONTACT_SPEED if len(speed) else torch.ones(1, dtype=torch.bool)
    shin = positions[:, foot.knee] - positions[:, foot.ankle]
    return slow & (shin[:, 1] > UPRIGHT_SHIN * shin.norm(dim=-1))


def table(figures: dict[str, Figures]) -> Iterator[str]:
    """Lines of text: distances for each measure, feet, and what is over the bar."""
    for measure in MEASURES:
        yield f"{measure + ', mm':<22}" + "".join(f"{joint:>10}" for joint in (*JOINTS, "limbs"))
        for name, of_pack in figures.items():
            distances = [*(of_pack.distance(measure, joint) for joint in JOINTS), of_pack.limbs(measure)]
            yield f"  {name:<13}{of_pack.clips:>7}" + "".join(f"{_number(distance):>10}" for distance in distances)
    yield f"{'soles on a flat floor':<22}" + "".join(f"{column:>10}" for column in ("frames", "mean mm", "95% mm", "> 20 mm"))
    for name, of_pack in figures.items():
        yield f"  {name:<20}{len(of_pack.soles):>10}" + _soles(of_pack.soles)
    yield from _verdict(figures)


def _number(distance: float) -> str:
    return "-" if math.isnan(distance) else f"{distance:.1f}"


def _soles(heights: Tensor) -> str:
    if not len(heights):
        return ""
    return f"{float(heights.mean()):>10.1f}{float(heights.quantile(0.95)):>10.1f}{float((heights > SOLES_BAR).double().mean()):>10.1%}"


def _verdict(figures: dict[str, Figures]) -> Iterator[str]:
    for measure in MEASURES:
        over = [
            f"{name} {joint} {distance:.0f}"
            for name, of_pack in figures.items()
            if name != "all"
            for joint, distance in of_pack.over_the_bar(measure).items()
        ]
        mean = figures["all"].limbs(measure)
        yield f"{measure}: limbs {mean:.1f} mm on average, {_judged(mean, LIMBS_BAR)}; over it: {', '.join(over) or 'none'}"
    mean = float(figures["all"].soles.mean())
    yield f"soles: {mean:.1f} mm from the floor on average, {_judged(mean, SOLES_BAR)}"


def _judged(mean: float, bar: float) -> str:
    return f"{'within' if mean < bar else 'MISSES'} the bar of {bar:.0f} mm"
