"""Is the talker the generator of section 6 of the specification?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from understudy.core.face.talker import Talker, stacked
from understudy.tests.core.face import plain_formulas as plain
from understudy.tests.core.face.conftest import TINY_TALKER
from understudy.tests.core.face.plain_formulas import Array, Weights, array_of, weights_of

Fill = Callable[[nn.Module, int], nn.Module]
FOUR_SLOPES = [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]


@pytest.fixture(scope="module")
def talker(filled: Fill) -> Talker:
    made = filled(Talker(TINY_TALKER), 5)
    assert isinstance(made, Talker)
    return made


def inputs(frames: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(frames)
    speech = torch.randn(2, frames, 12, generator=generator, dtype=torch.float64)
    emotion = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    return speech, emotion, torch.eye(4, dtype=torch.float64)[[2, 0]]


def features_by_hand(speech: Array, emotion: Array, actor: Array, w: Weights) -> Array:
    """[content | style] through one layer whose bias counts periods of three frames, then a linear one."""
    style = plain.linear(np.concatenate((plain.linear(emotion, w / "emotion_map_layer"), actor)), w / "condition_feature_layer")
    content = plain.linear(speech, w / "sequence_encoder")
    x = np.concatenate((content, np.tile(style, (len(content), 1))), axis=1)
    x = plain.post_norm_stack(x, w / "bert_decoder", 1, 4, plain.distance_bias(FOUR_SLOPES, len(x), TINY_TALKER.period))
    return plain.linear(x, w / "decoder")


def logits_by_hand(x: Array, w: Weights) -> Array:
    x = plain.linear(x, w / "pre_linear")
    x = plain.post_norm_stack(x, w / "encoder", TINY_TALKER.n_code_layers, 4, plain.distance_bias(FOUR_SLOPES, len(x)))
    return plain.linear(x, w / "post_linear")


@pytest.mark.parametrize("frames", [4, 12])
def test_the_features_are_the_formula(frames: int, talker: Talker) -> None:
    speech, emotion, actor = inputs(frames)
    found = talker.features(speech, emotion, actor)
    assert found.shape == (2, frames, TINY_TALKER.feature_width)
    for row in range(2):
        expected = features_by_hand(array_of(speech[row]), array_of(emotion[row]), array_of(actor[row]), weights_of(talker))
        np.testing.assert_allclose(array_of(found[row]), expected, atol=1e-10)


@pytest.mark.parametrize("frames", [4, 12])
def test_the_logits_are_the_formula(frames: int, talker: Talker) -> None:
    features = torch.randn(2, frames, 7, dtype=torch.float64)
    expanded = torch.randn(2, frames // 2, 8, dtype=torch.float64)
    top, bottom = talker.top_logits(features), talker.bottom_logits(features, expanded)
    assert top.shape == (2, frames // 4, 40) and bottom.shape == (2, frames // 2, 40)
    for row in range(2):
        plain_features = array_of(features[row])
        of_top = logits_by_hand(plain_features.reshape(-1, 28), weights_of(talker) / "squasher_2_t")
        np.testing.assert_allclose(array_of(top[row]), of_top, atol=1e-10)
        joined = np.concatenate((plain_features.reshape(-1, 14), array_of(expanded[row])), axis=1)
        np.testing.assert_allclose(array_of(bottom[row]), logits_by_hand(joined, weights_of(talker) / "squasher_2_b_2"), atol=1e-10)


def test_frames_are_stacked_the_earliest_first() -> None:
    frames = torch.arange(16.0).view(1, 8, 2)
    assert stacked(frames, 4).tolist() == [[[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]]


def test_within_a_period_the_order_of_frames_does_not_count(talker: Talker) -> None:
    """Frames 0 and 1 are 0 or 1 periods from the same others as seen from frame 9: only whole periods weigh."""
    speech, emotion, actor = inputs(12)
    swapped = speech.clone()
    swapped[:, [1, 2]] = speech[:, [2, 1]]
    before, after = talker.features(speech, emotion, actor), talker.features(swapped, emotion, actor)
    # Frame 11 is 10 and 9 frames from these two, three periods each; frame 4 is 3 and 2 frames from them
    torch.testing.assert_close(before[:, 11], after[:, 11], atol=1e-12, rtol=0)
    assert float((before[:, 4] - after[:, 4]).abs().max()) > 1e-9


def test_every_frame_of_the_codes_hears_the_whole_clip(talker: Talker) -> None:
    speech, emotion, actor = inputs(12)
    moved = speech.clone()
    moved[:, 0] += 1
    before, after = (talker.top_logits(talker.features(each, emotion, actor)) for each in (speech, moved))
    assert bool(((before - after).abs().amax(-1) > 1e-9).all())


def test_rows_of_a_batch_are_for_themselves(talker: Talker) -> None:
    speech, emotion, actor = inputs(8)
    both = talker.features(speech, emotion, actor)
    for row in range(2):
        alone = talker.features(speech[row : row + 1], emotion[row : row + 1], actor[row : row + 1])
        torch.testing.assert_close(both[row : row + 1], alone, atol=1e-12, rtol=0)


def test_clips_longer_than_the_authors_tables(talker: Talker) -> None:
    """Their biases are tables of 1200 frames; ours are computed."""
    speech, emotion, actor = inputs(1204)
    features = talker.features(speech[:1], emotion[:1], actor[:1])
    assert talker.top_logits(features).shape == (1, 301, 40)
