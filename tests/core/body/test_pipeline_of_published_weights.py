"""Does the pipeline keep its promises with the features and the frame rates of the published weights?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from understudy.core.body.humanml3d import HUMANML3D, KIT_ML, FeatureLayout
from understudy.core.body.pipeline import BodyPipeline
from understudy.core.checkpoints import BodyConfigs
from understudy.core.contract import BodyMotion, BodyRequest, Recipe, UnderstudyError
from understudy.core.geometry.skeleton import SMPL_22_NAMES
from understudy.tests.core.body.small_pipelines import pipeline_of

SETS = {"HumanML3D": HUMANML3D, "KIT-ML": KIT_ML}
BOTH = pytest.mark.parametrize("layout", SETS.values(), ids=SETS)


def generated(pipeline: BodyPipeline, seconds: float | None, **wishes: bool) -> BodyMotion:
    request = dataclasses.replace(BodyRequest(1, "a person walks", seconds=seconds, seed=4, steps=2), **wishes)  # type: ignore[arg-type]
    return pipeline.generate(request, Recipe(model="published"), lambda stage, step, total: None)[0][0]


@BOTH
@pytest.mark.parametrize("seconds", [0.5, 2.0, 5.0, 9.8, 21.3])
def test_a_length_in_seconds_is_kept_to_the_frame(layout: FeatureLayout, seconds: float, tiny_configs: BodyConfigs) -> None:
    motion = generated(pipeline_of(tiny_configs, layout), seconds)
    assert motion.fps == layout.fps
    assert abs(motion.seconds - seconds) <= 0.5 / layout.fps + 1e-9
    assert motion.recipe.seconds == pytest.approx(motion.seconds, abs=1e-6)


@BOTH
def test_the_recipe_s_length_makes_the_same_motion_again(layout: FeatureLayout, tiny_configs: BodyConfigs) -> None:
    pipeline = pipeline_of(tiny_configs, layout)
    for seconds in (None, 5.0):
        motion = generated(pipeline, seconds)
        np.testing.assert_array_equal(generated(pipeline, motion.recipe.seconds).rotations, motion.rotations)


@BOTH
def test_without_a_length_the_estimator_s_tokens_are_four_frames_each(layout: FeatureLayout, tiny_configs: BodyConfigs) -> None:
    pipeline = pipeline_of(tiny_configs, layout)
    tokens = pipeline._networks.length.expected_tokens(torch.ones(1, 384))
    assert len(generated(pipeline, None).translation) == 4 * int(tokens)


@BOTH
def test_published_motion_passes_the_foot_lock_and_other_frame_rates(layout: FeatureLayout, tiny_configs: BodyConfigs) -> None:
    motion = generated(pipeline_of(tiny_configs, layout), 4.0, lock_feet=True)
    assert motion.joint_names == SMPL_22_NAMES and motion.recipe.lock_feet
    assert len(motion.resampled(24.0).translation) == 97
    assert np.isfinite(motion.translation).all()


@BOTH
def test_a_model_that_makes_no_numbers_ends_in_a_sentence(layout: FeatureLayout, tiny_configs: BodyConfigs) -> None:
    pipeline = pipeline_of(tiny_configs, layout)
    for parameter in pipeline._networks.flow.parameters():
        parameter.fill_(torch.nan)
    with pytest.raises(UnderstudyError, match="values that are no numbers"):
        generated(pipeline, 1.0)
