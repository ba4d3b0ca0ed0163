"""Steady gaits of any length: recordings of runs begin, brake and stop within three seconds, prompts ask for more.

Features are relative to the heading, so a stretch between two like moments can follow itself; only the pose at the seam is blended.
"""

from __future__ import annotations

import random
from dataclasses import replace

import torch
from torch import Tensor

from ..body.features import FPS, Layout
from ..geometry.skeleton import SMPL_22_NAMES
from .corpus import MIXED, Corpus, Report, Span, Stretch
from .paces import at_any_pace
from .stitching import BLEND_FRAMES, joined

GAITS = ("walk", "walk-back", "run", "dash")  # contents, and their paces
FRAMES, CLIPS = int(8 * FPS), 6  # of each made clip; clips of each style, content and side
SHORTEST, LONGEST = int(0.5 * FPS), int(4 * FPS)  # frames of what is repeated
STEADY = 0.75  # of the clip's highest speed over a second: slower moments are its beginning and end
ALIKE = 0.5  # mean difference, in units of the scale, that two moments may have
NEARLY = 1.2  # times the least difference: of such loops the longest repeats itself the least


def with_steady_gaits(corpus: Corpus, report: Report) -> Corpus:
    """The corpus and steady versions of some training clips of every gait and style, with the sentences of those clips."""
    dice = random.Random(13)
    scale = corpus.features.std(0).clamp_min(1e-3)
    rows, stretches, n_frames = [corpus.features], list(corpus.stretches), len(corpus.features)
    cells = _gaits(corpus)
    for number, members in enumerate(cells.values()):
        report("steady gaits", number, len(cells))
        for stretch, span in dice.sample(members, min(CLIPS, len(members))):
            start = stretch.first + span.start
            made = sustained(corpus.features[start : start + span.end - span.start], scale, FRAMES, Layout(len(SMPL_22_NAMES)))
            if made is not None:
                whole = (Span(0, len(made), span.sentences),)
                stretches.append(
                    replace(stretch, clip=f"{stretch.clip}~{span.start}", pack=MIXED, first=n_frames, count=len(made), spans=whole)
                )
                rows.append(made)
                n_frames += len(made)
    return Corpus(torch.cat(rows), tuple(stretches), corpus.sentences)


def _gaits(corpus: Corpus) -> dict[tuple[str, str, bool], list[tuple[Stretch, Span]]]:
    """Described spans of training clips by content, style and side."""
    cells: dict[tuple[str, str, bool], list[tuple[Stretch, Span]]] = {}
    for stretch in corpus.split("train"):
        if at_any_pace(stretch.content) in GAITS:
            cell = cells.setdefault((stretch.content, stretch.style, stretch.mirrored), [])
            cell.extend((stretch, span) for span in stretch.spans)
    return {cell: members for cell, members in cells.items() if members}


def sustained(features: Tensor, scale: Tensor, frames: int, layout: Layout) -> Tensor | None:
    """A steady stretch (T, D) repeated up to `frames` frames, straight ahead; None where no part of it is steady and comes back.

    scale: (D,) what counts as a difference of one between two poses.
    """
    steady = _steady(features, layout)
    if not (loop := _best_loop(features / scale, steady)):
        return None
    start, end = loop
    once = features[start : end + BLEND_FRAMES].clone()
    once[:, layout.groups["yaw_velocity"]] -= features[start:end, layout.groups["yaw_velocity"]].mean()
    made = once
    while len(made) < frames:
        made = joined(made, once)
    return made[:frames]


def _steady(features: Tensor, layout: Layout) -> Tensor:
    """(T,) whether the body moves about as fast as it ever does, over a second around."""
    speed = features[:, layout.groups["planar_velocity"]].norm(dim=-1)
    window = min(int(FPS), len(speed))
    smooth = torch.nn.functional.avg_pool1d(speed[None, None], window, 1, window // 2, count_include_pad=False)[0, 0][: len(speed)]
    return smooth >= STEADY * smooth.max()


def _best_loop(poses: Tensor, steady: Tensor) -> tuple[int, int] | None:
    """The first frames of two moments that hardly differ, with nothing but steady frames from the one to the end of the other."""
    count = len(poses) - BLEND_FRAMES + 1
    if count <= SHORTEST:
        return None
    moments = poses.unfold(0, BLEND_FRAMES, 1).flatten(1)
    differences = torch.cdist(moments, moments, compute_mode="donot_use_mm_for_euclid_dist") / moments.shape[1] ** 0.5
    unsteady = torch.nn.functional.pad((~steady).cumsum(0), (1, 0))
    first = torch.arange(count)
    apart = first[None] - first[:, None]
    bad = unsteady[first[None] + BLEND_FRAMES] - unsteady[first[:, None]] > 0
    differences[bad | (apart < SHORTEST) | (apart > LONGEST)] = torch.inf
    if (least := float(differences.min())) > ALIKE:
        return None
    best = int(torch.where(differences <= NEARLY * least, apart, 0).argmax())
    return best // count, best % count
