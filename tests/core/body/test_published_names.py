"""Do the default networks have every parameter of the published checkpoints, by name, shape and number?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from understudy.core.body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from understudy.core.body.motion_length import LengthConfig, LengthEstimator
from understudy.core.body.motion_tokens import MotionTokenizer, TokenizerConfig
from understudy.core.body.residual_tokens import ResidualTransformer
from understudy.core.body.token_generator import MaskTransformer
from understudy.core.body.token_transformer import TokenTransformerConfig

KEYS = Path(__file__).parent / "keys"
Shapes = dict[str, tuple[int, ...]]
NETWORKS = {
    "discord_rf_decoder": (lambda: RectifiedFlowDecoder(FlowDecoderConfig()), 66_896_391, 82),
    "momask_rvq_t2m": (lambda: MotionTokenizer(TokenizerConfig()), 21_009_671, 72),
    "momask_mask_transformer": (lambda: MaskTransformer(TokenTransformerConfig()), 13_968_768, 108),
    "momask_residual_transformer": (lambda: ResidualTransformer(TokenTransformerConfig()), 15_284_224, 112),
    "momask_length_estimator": (lambda: LengthEstimator(LengthConfig()), 435_122, 14),
}


def table(name: str) -> Shapes:
    rows = [
        line.split("\t") for line in (KEYS / f"{name}.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    return {row[0]: tuple(int(size) for size in re.findall(r"\d+", row[1])) for row in rows}


def shapes(network: nn.Module) -> Shapes:
    """Parameters and all buffers, whether they are stored or can be computed."""
    return {name: tuple(tensor.shape) for name, tensor in [*network.named_parameters(), *network.named_buffers()]}


def build(name: str) -> nn.Module:
    with torch.device("meta"):
        return NETWORKS[name][0]()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_and_shape(name: str) -> None:
    assert shapes(build(name)) == table(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_of_section_1_1(name: str) -> None:
    found = shapes(build(name))
    _, parameters, tensors = NETWORKS[name]
    assert sum(torch.Size(shape).numel() for shape in found.values()) == parameters
    assert len(found) == tensors


def test_parts_of_the_tokenizer() -> None:
    found = shapes(build("momask_rvq_t2m"))
    count = {
        part: sum(torch.Size(shape).numel() for name, shape in found.items() if name.startswith(part)) for part in ("enc", "dec", "quant")
    }
    assert count == {"enc": 9_587_200, "dec": 9_849_607, "quant": 6 * 512 * 512}


@pytest.mark.parametrize("name", ["momask_mask_transformer", "momask_residual_transformer"])
def test_positions_are_the_only_thing_that_is_not_stored(name: str) -> None:
    network = build(name)
    assert set(shapes(network)) - set(network.state_dict()) == {"position_enc.pe"}


def test_the_kit_tokenizer_differs_in_three_tensors() -> None:
    with torch.device("meta"):
        kit = shapes(MotionTokenizer(TokenizerConfig(n_features=251)))
    usual = table("momask_rvq_t2m")
    assert {name: shape for name, shape in kit.items() if usual[name] != shape} == table("momask_rvq_kit_differences")
    assert kit.keys() == usual.keys()
