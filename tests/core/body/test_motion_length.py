"""Does the length estimator give its mean length within what the model was trained for?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.core.body.motion_length import LengthConfig, LengthEstimator

CONFIG = LengthConfig(text_width=6, hidden=(5, 4, 3))


def estimator(shares: dict[int, float]) -> LengthEstimator:
    """One that gives these shares to these lengths whatever the prompt is."""
    network = LengthEstimator(CONFIG).eval()
    last = network.output[-1]
    torch.nn.init.zeros_(last.weight)
    last.bias.data.fill_(-1e9)
    for length, share in shares.items():
        last.bias.data[length] = torch.tensor(share).log()
    return network


@pytest.mark.parametrize(("shares", "tokens"), [
    ({0: 1.0}, 10), ({9: 1.0}, 10), ({10: 1.0}, 10), ({11: 1.0}, 11), ({30: 1.0}, 30), ({49: 1.0}, 49), ({20: 0.5, 40: 0.5}, 30),
    ({20: 0.9, 40: 0.1}, 22), ({10: 0.29, 12: 0.71}, 11), ({10: 0.2, 12: 0.8}, 12),
])  # fmt: skip
def test_the_mean_is_rounded_and_held_between_ten_and_forty_nine(shares: dict[int, float], tokens: int) -> None:
    expected = estimator(shares).expected_tokens(torch.randn(3, 6))
    assert expected.tolist() == [tokens] * 3 and expected.dtype == torch.long


def test_other_limits_follow_the_configuration() -> None:
    network = LengthEstimator(LengthConfig(text_width=6, hidden=(5, 4, 3), n_lengths=20, shortest=15)).eval()
    tokens = network.expected_tokens(torch.randn(200, 6) * 5)
    assert int(tokens.min()) >= 15 and int(tokens.max()) <= 19


def test_the_network_is_the_specified_one() -> None:
    network = LengthEstimator(CONFIG).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    weights, pooled = network.state_dict(), torch.randn(4, 6, dtype=torch.float64)

    def dense(index: int, x: Tensor) -> Tensor:
        return x @ weights[f"output.{index}.weight"].T + weights[f"output.{index}.bias"]

    def norm_and_leak(index: int, x: Tensor) -> Tensor:
        x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
        x = x * weights[f"output.{index}.weight"] + weights[f"output.{index}.bias"]
        return torch.maximum(x, 0.2 * x)

    h = norm_and_leak(1, dense(0, pooled))
    h = norm_and_leak(5, dense(4, h))
    h = norm_and_leak(9, dense(8, h))
    torch.testing.assert_close(network(pooled), dense(11, h), atol=1e-9, rtol=0)
    assert network(pooled).shape == (4, 50)
