"""Do packed layers say what torch's own say, in whatever shapes, and are others left as they are?"""

from __future__ import annotations

import copy
import platform

import pytest
import torch
from torch import nn

from understudy.core.body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from understudy.core.packed_layers import PackedConv, PackedLinear, pack

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available(), reason="packs only with oneDNN on x86"
)


@pytest.fixture(autouse=True)
def inference() -> object:
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        yield


def packed(layer: nn.Module) -> nn.Module:
    network = nn.Sequential(copy.deepcopy(layer))
    pack(network)
    return network[0]


@pytest.mark.parametrize("rows", [1, 7, 196, 400])
def test_a_linear_layer(rows: int) -> None:
    layer, x = nn.Linear(24, 40), torch.randn(2, rows, 24)
    ours = packed(layer)
    assert isinstance(ours, PackedLinear)
    torch.testing.assert_close(ours(x), layer(x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(x.mT.contiguous().mT), layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("options", [{"kernel_size": 1}, {"kernel_size": 3, "padding": 1}, {"kernel_size": 4, "stride": 2, "padding": 1}])
@pytest.mark.parametrize(("batch", "frames"), [(1, 4), (1, 196), (3, 52)])
def test_a_convolution(options: dict[str, int], batch: int, frames: int) -> None:
    layer, x = nn.Conv1d(20, 33, **options), torch.randn(batch, 20, frames)
    ours = packed(layer)
    assert isinstance(ours, PackedConv)
    torch.testing.assert_close(ours(x), layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layer", [nn.Conv1d(4, 4, 3, dilation=3), nn.Conv1d(4, 4, 3, groups=2), nn.LayerNorm(4), nn.Embedding(3, 4)])
def test_others_stay(layer: nn.Module) -> None:
    assert type(packed(layer)) is type(layer)


@pytest.mark.parametrize("config", [
    FlowDecoderConfig(n_features=11, code_dim=16, width=16, condition_width=8),
    FlowDecoderConfig(n_features=11, code_dim=16, width=16, condition_width=8, predicts_motion=True, refines=True),
])  # fmt: skip
def test_a_whole_decoder(config: FlowDecoderConfig) -> None:
    plain = RectifiedFlowDecoder(config).eval()
    quick = copy.deepcopy(plain)
    pack(quick)
    assert not list(quick.net.mid_block1.block1.proj.parameters())
    codes, noise = torch.randn(2, 13, 16), torch.randn(2, 52, 11)
    sketch = torch.randn(2, 52, 11) if config.refines else None
    for steps in (2, 16):
        torch.testing.assert_close(quick.decode(codes, noise, steps, sketch=sketch), plain.decode(codes, noise, steps, sketch=sketch),
                                   atol=1e-5, rtol=1e-5)  # fmt: skip
