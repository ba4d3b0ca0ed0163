"""Scaled faces come back as they were, and a tokenizer that learned from them has the same codes for coefficients."""

from __future__ import annotations

import pytest
import torch

from understudy.core.contract.head import DEFAULT_HEAD, read_head
from understudy.core.face.expression_tokens import ExpressionTokenizer, ExpressionTokensConfig
from understudy.core.training.face.face_losses import face_loss, lips_apart, lips_correlation
from understudy.core.training.face.face_scale import FaceScale, face_scale
from understudy.core.training.face.lip_line import LipLine, lip_line

FEATURES = 55


@pytest.fixture(scope="module")
def line() -> LipLine:
    return lip_line(read_head(DEFAULT_HEAD))


def faces(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    motion = torch.rand(20, 16, FEATURES, generator=generator)
    motion[..., -3:] = 0
    return motion


@pytest.fixture(scope="module")
def scale(line: LipLine) -> FaceScale:
    return face_scale(faces(), line)


def test_faces_come_back(scale: FaceScale) -> None:
    assert torch.allclose(scale.motion(scale.of(faces(1))), faces(1), atol=1e-4)


def test_numbers_have_deviation_one_and_one_is_the_lips_opening(scale: FaceScale, line: LipLine) -> None:
    scaled = scale.of(faces()).flatten(0, 1)
    assert torch.allclose(scaled[:, :-3].std(0, correction=0), torch.ones(FEATURES - 3), atol=1e-3)
    opening = faces().flatten(0, 1)[:, :-3] @ torch.from_numpy(line.slopes) * 1000
    assert torch.allclose(scale.lips_of(scaled), opening - opening.mean(), atol=0.02)


def test_a_tokenizer_takes_the_scale_in(scale: FaceScale) -> None:
    torch.manual_seed(0)
    config = ExpressionTokensConfig(FEATURES, width=16, n_codes=24, feed_forward=16, motion_feed_forward=16)
    learned, finished = ExpressionTokenizer(config).eval(), ExpressionTokenizer(config).eval()
    finished.load_state_dict(learned.state_dict())
    scale.take_in(finished)
    motion = faces(3)
    codes = learned.encode(scale.of(motion))
    for one, other in zip(codes, finished.encode(motion), strict=True):
        assert (one == other).float().mean() > 0.99
    assert torch.allclose(finished.decode(*codes), scale.motion(learned.decode(*codes)), atol=1e-3)


def test_the_loss_is_nothing_for_the_same_face_and_counts_lips_twice(scale: FaceScale) -> None:
    wanted = scale.of(faces(4))
    assert float(face_loss(scale, wanted, wanted)) == 0
    brow, lips = wanted.clone(), wanted.clone()
    brow[..., 0] += 0.5
    lips[..., scale.lips] += 0.5
    assert float(face_loss(scale, lips, wanted)) > 5 * float(face_loss(scale, brow, wanted))
    assert float(lips_apart(scale, lips, wanted)) == pytest.approx(0.5 * scale.lips_mm, rel=1e-3)
    assert float(lips_correlation(scale, lips, wanted)) == pytest.approx(1, abs=1e-3)
