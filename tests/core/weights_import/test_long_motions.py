"""Are motions of any length, and of several prompts, made of an imported model that learnt at most 49 tokens, without a seam?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from understudy.core.body import pipeline as pipeline_module
from understudy.core.body.clip_text import ClipText
from understudy.core.body.humanml3d import HUMANML3D, FeatureLayout
from understudy.core.body.humanml3d_encoding import features_from_joints
from understudy.core.body.kit_joints import kit_from_smpl
from understudy.core.body.pipeline import BodyPipeline
from understudy.core.body.token_plan import LONGEST_WINDOW, plan_windows
from understudy.core.checkpoints import load_pipeline
from understudy.core.contract import MAX_SECONDS, MIN_SECONDS, BodyMotion, BodyRequest, Recipe
from understudy.core.geometry.skeleton import REST_SKELETON
from understudy.core.weights_import.importing import Imported
from understudy.tests.core.weights_import.published_files import MEAN, OWN_STD, STD, Published, statistics

CPU = torch.device("cpu")
CHAIN = "a person walks forward, then he waves, then he sits down"
STEPS = ["a person walks forward", "he waves", "he sits down"]
TREMBLE_M, PACE_M, HALF_TURN = 0.002, 0.05, 0.005  # a frame
AROUND_FRAMES = 4  # one token before and behind a seam


@pytest.fixture(params=["humanml3d", "kit"])
def pipeline(
    request: pytest.FixtureRequest, make_published: Callable[[str], Published], run_import: Callable[..., Imported], models: Path
) -> BodyPipeline:
    files = make_published(request.param)
    for name in ("cond_emb.weight", "output_process.poseFinal.weight"):  # or a random network would hardly hear its prompt
        files.parts["tokens"][name] = files.parts["tokens"][name] * 1000
    files.write_all()
    for name, values in zip((MEAN, STD), walking(files.layout), strict=True):
        files.write_array(name, values)
    run_import(files.folder)
    return load_pipeline(models / f"discord-{request.param}", CPU)[0]


def walking(layout: FeatureLayout) -> tuple[np.ndarray, np.ndarray]:
    """Statistics (D,) by which random features are a trembling body that walks a curve at an even pace."""
    joints = REST_SKELETON.rest_positions().expand(2, -1, -1)
    joints = joints if layout == HUMANML3D else kit_from_smpl(joints)
    mean = features_from_joints(joints - joints[..., 1].min() * joints.new_tensor([0.0, 1.0, 0.0]), layout)[0].double().numpy()
    mean[layout.groups["yaw_velocity"]] = HALF_TURN
    mean[layout.groups["planar_velocity"]] = 0.0, PACE_M / layout.metres_per_unit
    in_units = {group: deviation / layout.metres_per_unit for group, deviation in (OWN_STD | {"positions": TREMBLE_M}).items()}
    angles = ("yaw_velocity", "rotations", "contacts")
    return mean, statistics(layout, in_units | {group: OWN_STD[group] for group in angles})[1]


def made(pipeline: BodyPipeline, **wishes: object) -> BodyMotion:
    request = replace(BodyRequest(1, CHAIN, 30.0, 3, 2, device="cpu"), **wishes)  # type: ignore[arg-type]
    return pipeline.generate(request, Recipe(), lambda *_: None)[0][0]


def prompts_of(pipeline: BodyPipeline, monkeypatch: pytest.MonkeyPatch, **wishes: object) -> list[str]:
    """What the text encoder was asked."""
    seen: list[str] = []
    encode = ClipText.encode
    with monkeypatch.context() as patch:
        patch.setattr(ClipText, "encode", lambda encoder, prompts: (seen.extend(prompts), encode(encoder, prompts))[1])
        made(pipeline, **wishes)
    return seen


def changes(motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
    """Of each frame to the next: largest turn of a joint in radians (T - 1,), and from step to step how the root's changes, metres (T - 2,)."""
    turns = 2 * np.arccos(np.abs((motion.rotations[1:] * motion.rotations[:-1]).sum(-1)).clip(0, 1)).max(-1)
    return turns, np.linalg.norm(np.diff(motion.translation, n=2, axis=0), axis=-1)


def jumps(motion: BodyMotion, seams: list[int]) -> list[float]:
    """How often as large as anywhere inside the clips turns and changes of velocity are near the seams."""
    ratios = []
    for values in changes(motion):
        near = np.zeros(len(values), bool)
        for seam in seams:
            near[max(0, seam - AROUND_FRAMES) : seam + AROUND_FRAMES] = True
        ratios.append(float(values[near].max() / values[~near].max()))
    return ratios


def joined(first: BodyMotion, second: BodyMotion) -> BodyMotion:
    """One behind the other, as they were made: what a seam looks like."""
    parts = {name: np.concatenate((getattr(first, name), getattr(second, name))) for name in ("translation", "rotations", "contacts")}
    return replace(first, **parts)


@pytest.mark.parametrize("text", [CHAIN, "a person walks forward"])
def test_no_seam_is_rougher_than_the_motion_between_them(text: str, pipeline: BodyPipeline) -> None:
    """Windows end where prompts do, and where a prompt is longer than a pass."""
    request = BodyRequest(1, text, 30.0, 3, 4, device="cpu", lock_feet=False)
    lengths = pipeline._step_lengths(pipeline._encoder.encode(pipeline._sentences(request)), 30.0)
    seams = [4 * window.start for window in plan_windows(lengths)[1:]]
    assert len(seams) >= 2
    motion = made(pipeline, text=text, steps=4, lock_feet=False)
    assert changes(motion)[0].max() < 1.0, "radians; near half a turn nothing larger could be seen"
    assert max(jumps(motion, seams)) <= 1.0, jumps(motion, seams)


def test_the_measure_sees_a_seam(pipeline: BodyPipeline) -> None:
    one = made(pipeline, text="he waves", seconds=5.0, steps=4, lock_feet=False)
    other = made(pipeline, text="he sits down", seconds=5.0, steps=4, lock_feet=False, seed=8)
    assert max(jumps(joined(one, other), [len(one.translation)])) > 2.0


@pytest.mark.parametrize("seconds", [MIN_SECONDS, 9.75, 9.8, 61.3, MAX_SECONDS])
def test_any_length_is_kept_and_never_asks_for_more_than_was_learnt(
    seconds: float, pipeline: BodyPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    generate = pipeline_module.generate_base_tokens

    def spied(network: object, text: object, lengths: Tensor, *others: object) -> Tensor:
        passes.extend(lengths.tolist())
        return generate(network, text, lengths, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline_module, "generate_base_tokens", spied)
    motion = made(pipeline, seconds=seconds)
    assert len(motion.translation) == round(seconds * motion.fps) + 1
    assert np.isfinite(motion.rotations).all() and np.isfinite(motion.translation).all()
    assert max(passes) <= LONGEST_WINDOW


def test_a_prompt_stays_whole_as_long_as_one_pass_holds_it(pipeline: BodyPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published networks learnt captions such as this one; beyond a pass they would do all of it again in every window."""
    longest = (4 * LONGEST_WINDOW - 1) / pipeline._representation.fps
    assert prompts_of(pipeline, monkeypatch, seconds=longest) == [CHAIN]
    assert prompts_of(pipeline, monkeypatch, seconds=None) == [CHAIN]
    assert prompts_of(pipeline, monkeypatch, seconds=longest + 0.5) == STEPS


def test_what_a_step_says_changes_only_what_comes_from_it_on(pipeline: BodyPipeline) -> None:
    request = BodyRequest(1, CHAIN, 30.0, 3, 2, device="cpu")
    lengths = pipeline._step_lengths(pipeline._encoder.encode(pipeline._sentences(request)), 30.0)
    one = pipeline.tokens(request)
    other = pipeline.tokens(replace(request, text=CHAIN.replace("sits down", "jumps up high")))
    last = lengths[0] + lengths[1]
    assert torch.equal(one[:, : last - 1], other[:, : last - 1]) and not torch.equal(one[:, last + 1 :], other[:, last + 1 :])
