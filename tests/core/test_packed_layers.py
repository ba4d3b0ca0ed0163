"""Do packed layers say what torch's own say, in whatever shapes, and are others left as they are?"""

from __future__ import annotations

import copy
import platform

import pytest
import torch
from torch import nn

from understudy.core.body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from understudy.core.body.residual_tokens import ResidualTransformer
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_generator import MaskTransformer
from understudy.core.body.token_transformer import TokenTransformerConfig
from understudy.core.packed_layers import PackedConv, PackedEncoder, PackedLinear, pack

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


@pytest.mark.parametrize("n", [1, 7, 50])
def test_an_encoder_with_padding(n: int) -> None:
    layer = nn.TransformerEncoderLayer(24, 3, 40, dropout=0.3, activation="gelu", batch_first=True)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).eval()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    ours = packed(encoder)
    assert isinstance(ours, PackedEncoder)
    x, pad = torch.randn(4, n, 24), torch.rand(4, n) < 0.3
    pad[:, 0] = False
    theirs = encoder(x, src_key_padding_mask=pad)
    torch.testing.assert_close(ours(x, src_key_padding_mask=pad)[~pad], theirs[~pad], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("local_blocks", [0, 2])
def test_whole_token_transformers(local_blocks: int) -> None:
    config = TokenTransformerConfig(n_codes=30, n_quantizers=4, code_dim=16, width=24, n_heads=3, n_layers=2, feed_forward=32, text_width=10,
                                    word_width=10, local_blocks=local_blocks)  # fmt: skip
    text = EncodedText(torch.randn(2, 10), torch.randn(2, 5, 10), torch.tensor([[False] * 5, [False] * 3 + [True] * 2]))
    ids, pad = torch.randint(30, (2, 9, 4)), torch.tensor([[False] * 9, [False] * 6 + [True] * 3])
    for plain, arguments in (
        (MaskTransformer(config), (ids[..., 0], text, pad)), (ResidualTransformer(config), (ids, torch.tensor([1, 3]), text, pad)),
    ):  # fmt: skip
        quick = copy.deepcopy(plain.eval())
        pack(quick)
        assert not any(isinstance(layer, nn.Linear | nn.Conv1d) for layer in quick.modules())
        torch.testing.assert_close(quick(*arguments)[~pad], plain(*arguments)[~pad], atol=1e-5, rtol=1e-5)


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
