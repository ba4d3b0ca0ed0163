"""Is a range that is made anew seen to do what was asked, is all else kept, and does nothing jump at its seams?"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...checkpoints import typed_bundle
from ...contract import BodyMotion, BodyRequest, MotionEdit
from ...service import Service
from ..motion_capture.ground import joint_positions
from .directions import Rule
from .measured import Measured
from .motion_measures import foot_slide

SECONDS, BASES = 6.0, ("a person walks forward", "a person runs", "a person walks and turns left", "a person dances", "an old man walks")
# What a range is asked for, and what its frames must show; all can be seen within two seconds
ASKED: dict[str, Rule] = {
    "a person waves with the right hand": lambda m: m.raised("right") > 0.3 and m.raised("left") < 0.2,
    "a person waves with the left hand": lambda m: m.raised("left") > 0.3 and m.raised("right") < 0.2,
    "a person raises both hands": lambda m: min(m.raised("left"), m.raised("right")) > 0.15,
    "a person bows": lambda m: m.lean() > 25,
    "a person kicks": lambda m: max(m.highest("left_foot"), m.highest("right_foot")) > 0.5,
}
START, LENGTH = (1.5, 2.5), (1.4, 2.4)  # seconds
KINDS = {"whole body": (False, False), "rest carried": (True, False), "upper body": (False, True)}  # carries_rest, upper_body
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Case:
    """One range: whether all outside of it is the same to the bit, whether what was asked is seen in it, and was so before.

    steps, accelerations: the largest of any joint from frame to frame at the seams, in the largest of the motion before.
    slides: cm/s that standing feet slide in the range, and did before.
    """

    is_kept: bool
    is_seen: bool
    was_seen: bool
    steps: float
    accelerations: float
    slides: tuple[float, float]


def redone(model: str, count: int, report: Report) -> dict[str, list[Case]]:
    """The same `count` draws of base, prompt, range and seed for every kind of edit."""
    service, model, dice = Service(), typed_bundle(model), random.Random(7)
    cases: dict[str, list[Case]] = {kind: [] for kind in KINDS}
    for number in range(count):
        report("redoing ranges", number, count)
        base = BodyRequest(1, dice.choice(BASES), SECONDS, dice.randrange(10_000), model=model, device="cpu")
        motion = service.body(base, _quiet).motions[0]
        text, start, seed = dice.choice(list(ASKED)), dice.uniform(*START), dice.randrange(10_000)
        edit = MotionEdit(motion, start, start + dice.uniform(*LENGTH))
        for kind, (carries_rest, upper_body) in KINDS.items():
            wish = replace(edit, carries_rest=carries_rest, upper_body=upper_body)
            request = replace(base, text=text, seconds=None, seed=seed, edit=wish)
            cases[kind].append(_case(wish, service.body(request, _quiet).motions[0], ASKED[text]))
    return cases


def as_table(cases: dict[str, list[Case]]) -> str:
    """Markdown, one line a kind of edit."""
    lines = [
        "| edit | outside kept to the bit | seen | seen before | step at a seam, of the motion's largest: median, worst"
        " | acceleration: median, worst | feet slide, and before (cm/s) |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, found in cases.items():
        steps, accelerations = ([getattr(case, name) for case in found] for name in ("steps", "accelerations"))
        after, before = np.mean([case.slides for case in found], axis=0)
        counts = " | ".join(f"{sum(getattr(case, name) for case in found)} of {len(found)}" for name in ("is_kept", "is_seen", "was_seen"))
        lines.append(
            f"| {kind} | {counts} | {np.median(steps):.2f}, {max(steps):.2f} | {np.median(accelerations):.2f}, {max(accelerations):.2f}"
            f" | {after:.1f}, {before:.1f} |"
        )
    return "\n".join(lines)


def _case(edit: MotionEdit, made: BodyMotion, rule: Rule) -> Case:
    first, end, motion = edit.first_frame, edit.end_frame, edit.motion
    stop = end if edit.carries_rest else len(motion.translation)
    rows = np.r_[0:first, end:stop]
    arrays = ("translation", "rotations", "contacts")
    is_kept = all(np.array_equal(getattr(made, name)[rows], getattr(motion, name)[rows]) for name in arrays)
    before, after = motion.cut(first, end), made.cut(first, end)
    (own_steps, own_turns), (steps, turns) = _changes(motion), _changes(made)
    return Case(
        is_kept,
        bool(rule(Measured.of(after))),
        bool(rule(Measured.of(before))),
        float(steps[[first - 1, end - 1]].max() / own_steps.max()),
        float(turns[[first - 2, first - 1, end - 2, end - 1]].max() / own_turns.max()),
        (foot_slide(joint_positions(after), motion.fps), foot_slide(joint_positions(before), motion.fps)),
    )


def _changes(motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
    """(T - 1,) the longest step of any joint to the next frame, and (T - 2,) the largest change of a step."""
    positions = joint_positions(motion)
    steps, changes = (positions.diff(n=order, dim=0).norm(dim=-1).amax(-1).numpy() for order in (1, 2))
    return steps, changes


def _quiet(_stage: str, _step: int, _total: int) -> None:
    pass
