"""Does the flow decoder compute what section 6 of the specification says?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from understudy.core.body.flow import integrate
from understudy.core.body.flow_decoder import ChannelNorm, FlowDecoderConfig, RectifiedFlowDecoder, TimeEmbedding, smoothed

Fill = Callable[[nn.Module, int], nn.Module]
CONFIG = FlowDecoderConfig(n_features=5, code_dim=6, width=8, condition_width=3)
REACH = 28  # frames that one evaluation looks to either side


@pytest.fixture(scope="module")
def decoder(filled: Fill) -> RectifiedFlowDecoder:
    network = filled(RectifiedFlowDecoder(CONFIG), 2)
    assert isinstance(network, RectifiedFlowDecoder)
    return network


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return noise(2, 32, 5), torch.tensor([0.1, 0.85], dtype=torch.float64), noise(2, 8, 6)


def close(a: Tensor, b: Tensor, atol: float = 1e-9) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


def naive_condition(weights: dict[str, Tensor], y: Tensor) -> Tensor:
    """(B, n, C) to (B, 4 n, K): every token beside itself four times, mixed, cut into four frames, and narrowed."""
    first, first_bias = weights["net.condition_projection.1.weight"][:, :, 0], weights["net.condition_projection.1.bias"]
    second, second_bias = weights["net.condition_projection.3.weight"][:, :, 0], weights["net.condition_projection.3.bias"]
    rows = []
    for row in y:
        frames = []
        for token in row:
            mixed = first @ torch.cat((token, token, token, token)) + first_bias
            frames += [second @ mixed[6 * frame : 6 * frame + 6] + second_bias for frame in range(4)]
        rows.append(torch.stack(frames))
    return torch.stack(rows)


def naive_norm(x: Tensor, gain: Tensor) -> Tensor:
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[2]):
            length = math.sqrt(sum(float(value) ** 2 for value in x[b, :, t]))
            out[b, :, t] = x[b, :, t] / max(length, 1e-12) * gain[0, :, 0] * math.sqrt(x.shape[1])
    return out


def naive_time(t: Tensor, width: int) -> Tensor:
    rows = []
    for value in t.tolist():
        angles = [value * math.exp(-i * math.log(10000) / (width // 2 - 1)) for i in range(width // 2)]
        rows.append([*map(math.sin, angles), *map(math.cos, angles)])
    return torch.tensor(rows, dtype=torch.float64)


class Specified:
    """The table of section 6.1 step 5, reading the weights by their published names."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.weights = weights

    def conv(self, name: str, x: Tensor, **options: int) -> Tensor:
        return F.conv1d(x, self.weights[f"net.{name}.weight"], self.weights[f"net.{name}.bias"], **options)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.weights[f"net.{name}.weight"].T + self.weights[f"net.{name}.bias"]

    def block(self, name: str, x: Tensor, e: Tensor) -> Tensor:
        modulation = self.linear(f"{name}.mlp.1", e * torch.sigmoid(e))
        half = modulation.shape[1] // 2
        scale, shift = modulation[:, :half, None], modulation[:, half:, None]
        h = naive_norm(self.conv(f"{name}.block1.proj", x, padding=1), self.weights[f"net.{name}.block1.norm.g"])
        h = h * (scale + 1) + shift
        h = h * torch.sigmoid(h)
        h = naive_norm(self.conv(f"{name}.block2.proj", h, padding=1), self.weights[f"net.{name}.block2.norm.g"])
        h = h * torch.sigmoid(h)
        return h + (self.conv(f"{name}.res_conv", x) if f"net.{name}.res_conv.weight" in self.weights else x)

    def velocity(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        h = self.conv("init_proj", torch.cat((x, naive_condition(self.weights, y)), dim=2).transpose(1, 2))
        r = h
        e = self.linear("time_mlp.1", naive_time(t, 8))
        e = self.linear("time_mlp.3", 0.5 * e * (1 + torch.erf(e / math.sqrt(2))))
        s0 = h = self.block("downs.0.0", h, e)
        h = self.conv("downs.0.1", h, stride=2, padding=1)
        s1 = h = self.block("downs.1.0", h, e)
        h = self.conv("downs.1.1", h, padding=1)
        h = self.block("mid_block2", self.block("mid_block1", h, e), e)
        h = self.block("ups.0.0", torch.cat((h, s1), dim=1), e)
        h = self.conv("ups.0.1.1", h.repeat_interleave(2, dim=2), padding=1)
        h = self.conv("ups.1.1", self.block("ups.1.0", torch.cat((h, s0), dim=1), e), padding=1)
        h = self.block("final_res_block", torch.cat((h, r), dim=1), e)
        return self.conv("final_conv", h).transpose(1, 2)


def test_the_condition_is_mixed_per_token_and_narrowed_per_frame(decoder: RectifiedFlowDecoder, inputs: tuple[Tensor, ...]) -> None:
    close(decoder.condition(inputs[2]).transpose(1, 2), naive_condition(decoder.state_dict(), inputs[2]))


def test_the_norm_is_a_root_mean_square_over_channels() -> None:
    norm = ChannelNorm(6).double()
    norm.g.data = torch.randn(1, 6, 1, dtype=torch.float64)
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    x[1, :, 2] = 0
    close(norm(x), naive_norm(x, norm.g.data))


@pytest.mark.parametrize("width", [8, 512])
def test_time_is_a_sinusoid_of_the_raw_time(width: int) -> None:
    t = torch.tensor([0.0, 1 / 30, 0.5, 1.0], dtype=torch.float64)
    close(TimeEmbedding(width)(t), naive_time(t, width), atol=1e-6)


def test_the_whole_network_is_the_specified_one(decoder: RectifiedFlowDecoder, inputs: tuple[Tensor, ...]) -> None:
    x, t, y = inputs
    close(decoder(x, t, y), Specified(decoder.state_dict()).velocity(x, t, y), atol=1e-5)
    close(decoder(x, t, y), decoder.velocity(x, t, decoder.condition(y)), atol=0)


def test_rows_of_a_batch_do_not_meet(decoder: RectifiedFlowDecoder, inputs: tuple[Tensor, ...]) -> None:
    x, t, y = inputs
    both = decoder(x, t, y)
    for row in range(2):
        close(both[row : row + 1], decoder(x[row : row + 1], t[row : row + 1], y[row : row + 1]))


def test_every_input_counts(decoder: RectifiedFlowDecoder, inputs: tuple[Tensor, ...]) -> None:
    x, t, y = inputs
    usual = decoder(x, t, y)
    for changed in (decoder(x + 0.1, t, y), decoder(x, t + 0.1, y), decoder(x, t, y + 0.1)):
        assert float((changed - usual).abs().max()) > 1e-3


def changed_frames(decoder: RectifiedFlowDecoder, frame: int | None, token: int | None) -> list[int]:
    """By derivatives, because at the ends of its reach a change is smaller than what rounding loses."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(1, 128, 5, generator=generator, dtype=torch.float64), torch.randn(1, 32, 6, generator=generator, dtype=torch.float64)
    t = torch.tensor([0.3], dtype=torch.float64)
    given = x.requires_grad_() if frame is not None else y.requires_grad_()
    towards = torch.zeros_like(given)
    towards[:, frame if frame is not None else token] = 1
    out = decoder(x, t, y)
    weights = torch.zeros_like(out, requires_grad=True)
    (back,) = torch.autograd.grad(out, given, weights, create_graph=True)
    (change,) = torch.autograd.grad(back, weights, towards)  # twice backwards is forwards
    return (change != 0).any(-1)[0].nonzero()[:, 0].tolist()


@pytest.mark.parametrize("frame", range(60, 64))
def test_a_frame_changes_only_neighbours(decoder: RectifiedFlowDecoder, frame: int) -> None:
    changed = changed_frames(decoder, frame, None)
    assert frame - REACH <= changed[0] and changed[-1] <= frame + REACH
    assert changed[0] < frame - 15 and changed[-1] > frame + 15


def test_the_reach_of_one_evaluation_is_just_28_frames(decoder: RectifiedFlowDecoder) -> None:
    spans = [(changed_frames(decoder, frame, None), frame) for frame in range(60, 64)]
    assert max(frame - changed[0] for changed, frame in spans) <= REACH and max(changed[-1] - frame for changed, frame in spans) <= REACH
    assert max(max(frame - changed[0], changed[-1] - frame) for changed, frame in spans) == REACH


def test_a_token_changes_only_its_frames_and_their_neighbours(decoder: RectifiedFlowDecoder) -> None:
    changed = changed_frames(decoder, None, 15)
    assert 60 - REACH <= changed[0] < 50 and 75 < changed[-1] <= 63 + REACH


def test_a_shift_by_four_frames_shifts_the_result(decoder: RectifiedFlowDecoder) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(1, 160, 5, generator=generator, dtype=torch.float64), torch.randn(1, 40, 6, generator=generator, dtype=torch.float64)
    t = torch.tensor([0.6], dtype=torch.float64)
    whole, later = decoder(x, t, y), decoder(x[:, 4:], t, y[:, 1:])
    close(later[:, REACH + 4 : -REACH - 4], whole[:, REACH + 8 : -REACH - 4])
    odd = decoder(x[:, 1:-3], t, y[:, :-1])
    assert float((odd[:, 40:-40] - whole[:, 41:-43]).abs().max()) > 1e-3


def test_lengths_are_free(decoder: RectifiedFlowDecoder) -> None:
    for tokens in (1, 2, 3, 50):
        x, y = torch.zeros(1, 4 * tokens, 5, dtype=torch.float64), torch.zeros(1, tokens, 6, dtype=torch.float64)
        assert decoder(x, torch.zeros(1, dtype=torch.float64), y).shape == x.shape


def test_a_decoder_that_predicts_the_motion_gives_the_velocity_that_leads_there() -> None:
    torch.manual_seed(3)
    gives_velocity = RectifiedFlowDecoder(CONFIG).double().eval()
    gives_motion = RectifiedFlowDecoder(dataclasses.replace(CONFIG, predicts_motion=True)).double().eval()
    gives_motion.load_state_dict(gives_velocity.state_dict())
    x, y = torch.randn(2, 16, 5, dtype=torch.float64), torch.randn(2, 4, 6, dtype=torch.float64)
    for time in (0.0, 0.4, 0.99):
        t = torch.full((2,), time, dtype=torch.float64)
        with torch.no_grad():
            close(x + (1 - time) * gives_motion(x, t, y), gives_velocity(time * x, t, y))


def test_its_last_step_ends_at_the_motion_that_it_predicts() -> None:
    torch.manual_seed(4)
    decoder = RectifiedFlowDecoder(dataclasses.replace(CONFIG, predicts_motion=True)).double().eval()
    noise, y = torch.randn(1, 16, 5, dtype=torch.float64), torch.randn(1, 4, 6, dtype=torch.float64)
    seen: list[Tensor] = []
    decoder.net.register_forward_hook(lambda _network, _given, motion: seen.append(motion.transpose(1, 2)))
    with torch.no_grad():
        close(decoder.decode(y, noise, 6), seen[-1])
    assert len(seen) == 5


def test_a_decoder_of_velocities_is_integrated_by_midpoint(decoder: RectifiedFlowDecoder, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    noise, _, y = inputs
    with torch.no_grad():
        condition = decoder.condition(y)
        close(decoder.decode(y, noise, 5), integrate(lambda x, t: decoder.velocity(x, t, condition), noise, 5, "midpoint"))


REFINING = dataclasses.replace(CONFIG, predicts_motion=True, refines=True)


def test_a_refining_decoder_that_changes_nothing_ends_at_the_sketch(filled: Fill, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    network = filled(RectifiedFlowDecoder(REFINING), 2)
    assert isinstance(network, RectifiedFlowDecoder)
    for parameter in network.net.final_conv.parameters():
        nn.init.zeros_(parameter)
    noise, _, y = inputs
    sketch = torch.sin(torch.arange(2 * 32 * 5).double()).view(2, 32, 5)
    close(network.decode(y, noise, 6, sketch=sketch), smoothed(sketch.mT).mT)


def test_a_refining_decoder_sees_the_sketch_and_adds_to_it(filled: Fill, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    network = filled(RectifiedFlowDecoder(REFINING), 2)
    assert isinstance(network, RectifiedFlowDecoder)
    noise, t, y = inputs
    sketch = torch.cos(torch.arange(2 * 32 * 5).double()).view(2, 32, 5)
    motion = noise + network(noise, t, y, sketch) * (1 - t)[:, None, None]
    start = smoothed(sketch.mT)
    change = network.net((t[:, None, None] * noise).mT, network.net.modulations(t), torch.cat((network.net.condition(y), start), dim=1))
    close(motion, (start + change).mT)
    moved = network.decode(y, noise, 4, sketch=sketch + 0.1)
    assert float((moved - network.decode(y, noise, 4, sketch=sketch)).abs().mean()) > 0.01


def test_only_a_decoder_that_predicts_the_motion_can_refine() -> None:
    with pytest.raises(ValueError, match="predicts the motion"):
        dataclasses.replace(CONFIG, refines=True)


def test_a_smoothed_sketch_keeps_lines_and_loses_what_alternates() -> None:
    line = torch.arange(12.0).expand(1, 2, 12)
    assert torch.equal(smoothed(line)[..., 1:-1], line[..., 1:-1])
    alternating = torch.tensor([1.0, -1.0]).repeat(6).expand(1, 2, 12)
    assert torch.equal(smoothed(alternating)[..., 1:-1], torch.zeros(1, 2, 10))
    assert smoothed(torch.ones(1, 2, 1)).tolist() == [[[1.0], [1.0]]]
