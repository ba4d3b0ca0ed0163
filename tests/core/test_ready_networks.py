"""Do networks give the same on the quick way of each device?"""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor

from understudy.core.body.pipeline import BodyNetworks
from understudy.core.body.residual_tokens import ResidualSettings, _guided_logits, generate_residual_tokens
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_generator import UnmaskingSettings, generate_base_tokens
from understudy.core.checkpoints import BodyConfigs, build_networks
from understudy.core.ready_networks import make_quick, make_ready
from understudy.core.recorded_calls import RecordedCalls
from understudy.core.weights_import.published import PUBLISHED

_GAIN = 20.0  # of logits with fresh weights, to those of trained ones


@torch.inference_mode()
def made(networks: BodyNetworks, configs: BodyConfigs) -> tuple[Tensor, Tensor]:
    """All ids of a motion of ten tokens, and its features."""
    torch.manual_seed(1)
    width = configs.tokens.word_width
    text = EncodedText(torch.randn(1, configs.tokens.text_width), torch.randn(1, 3, width), torch.zeros(1, 3, dtype=torch.bool))
    base = generate_base_tokens(networks.tokens, text, torch.tensor([10]), UnmaskingSettings(), [torch.Generator().manual_seed(2)])
    assert networks.residual is not None and networks.flow is not None
    ids = generate_residual_tokens(networks.residual, base, text, ResidualSettings(), [torch.Generator().manual_seed(3)])
    codes, noise = networks.tokenizer.quantizer.lookup(ids), torch.randn(1, 40, configs.tokenizer.n_features)
    sketch = networks.tokenizer.decoder(codes) if networks.flow.config.refines else None
    return ids, networks.flow.decode(codes, noise, 16, sketch=sketch)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_same_motion_comes_out(device: str, tiny_configs: BodyConfigs, capsys: pytest.CaptureFixture[str]) -> None:
    """For CUDA as on a card that records nothing, which is what this machine is where it has none: everything is as before."""
    torch.manual_seed(0)
    networks = build_networks(tiny_configs)
    make_ready(networks, torch.device("cpu"))
    quick = copy.deepcopy(networks)
    make_quick(quick, torch.device(device))
    ids, features = made(networks, tiny_configs)
    quick_ids, quick_features = made(quick, tiny_configs)
    assert torch.equal(quick_ids, ids)
    torch.testing.assert_close(quick_features, features, atol=1e-5, rtol=1e-5)
    if device == "cuda":
        assert quick.flow is not None
        assert all(isinstance(each.forward, RecordedCalls) for each in (quick.tokens, quick.residual, quick.flow.net) if each)
        assert torch.cuda.is_available() or capsys.readouterr().err.count("is not recorded") == 3


@torch.inference_mode()
def test_logits_of_the_published_size_are_those_of_float64_within_7e_5() -> None:
    """At a magnitude of 20, where guidance multiplies the rounding of float32 to more than 1e-4."""
    torch.manual_seed(0)
    networks = build_networks(dataclasses.replace(PUBLISHED, flow=None))
    residual = networks.residual
    assert residual is not None
    for weights in (residual.output_process.poseFinal.weight, residual.output_process.poseFinal.bias):
        weights.mul_(_GAIN)
    exact = copy.deepcopy(residual).double().eval()
    make_ready(networks, torch.device("cpu"))
    make_quick(networks, torch.device("cpu"))
    ids, pad = torch.randint(512, (1, 49, 6)), torch.zeros(1, 49, dtype=torch.bool)
    text = EncodedText(torch.randn(1, 512), torch.zeros(1, 0, 0), torch.zeros(1, 0, dtype=torch.bool)).with_unconditional()
    text64 = EncodedText(text.pooled.double(), text.words.double(), text.word_pad)
    for layer in (1, 5):
        which = torch.tensor([layer] * 2)
        conditional, unconditional = exact(ids.repeat(2, 1, 1), which, text64, pad.repeat(2, 1))
        expected = unconditional + 5.0 * (conditional - unconditional)
        logits = _guided_logits(residual, ids, layer, text, pad, 5.0)[0]
        assert 15 < expected.abs().max() < 25
        assert (logits - expected).abs().max() < 7e-5
