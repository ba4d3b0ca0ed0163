"""Is what is played what the network would give, is a recording that lies never used, and does a fault cost nothing but its time?

The recording itself is CUDA's; here a fake one on the CPU stands for it, which lies and raises where a test wants it to.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from understudy.core.body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from understudy.core.body.text_encoder import EncodedText
from understudy.core.body.token_generator import MaskTransformer, UnmaskingSettings, generate_base_tokens
from understudy.core.body.token_transformer import TokenTransformerConfig
from understudy.core.recorded_calls import RecordedCalls, cuda_recording

Play = Callable[[], Tensor]


class Network:
    """Sums what it is given, and counts how often it is asked. Where it is recorded, what is counted is the recording."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, others: list[Tensor], text: EncodedText) -> Tensor:
        self.calls += 1
        return x + sum(others) + text.pooled


class FakeRecording:
    """As a CUDA graph: one output that each playing fills anew. changed: what becomes of it on the way."""

    def __init__(self, changed: Callable[[Tensor, int], Tensor] = lambda result, _playing: result) -> None:
        self.made, self.played, self._changed = 0, 0, changed

    def __call__(self, work: Play) -> Play:
        self.made += 1
        result = work()

        def play() -> Tensor:
            self.played += 1
            return result.copy_(self._changed(work(), self.played))

        return play


def arguments(length: int, seed: int) -> tuple[Tensor, list[Tensor], EncodedText]:
    x, other, pooled = torch.randn(3, length, generator=torch.Generator().manual_seed(seed))
    return x, [other, other], EncodedText(pooled, other, other > 0)


def right(x: Tensor, others: list[Tensor], text: EncodedText) -> Tensor:
    return x + sum(others) + text.pooled


def asked(calls: RecordedCalls, length: int, times: int) -> None:
    """Every answer is compared with what is right, and stays so while others are given."""
    given = [arguments(length, seed) for seed in range(times)]
    answers = [calls(*each) for each in given]
    for answer, each in zip(answers, given, strict=True):
        torch.testing.assert_close(answer, right(*each), atol=0, rtol=0)


def test_from_the_fifth_call_with_the_same_shapes_on_the_recording_is_played() -> None:
    network, fake = Network(), FakeRecording()
    calls = RecordedCalls(network, fake)
    asked(calls, 5, 2)
    assert fake.made == 0
    asked(calls, 5, 2)
    assert fake.made == 1 and fake.played == 2
    network.calls = 0
    asked(calls, 5, 6)
    assert fake.made == 1 and fake.played == 2 + 6 and network.calls == 6


def test_shapes_have_recordings_of_their_own_and_the_oldest_makes_room() -> None:
    fake = FakeRecording()
    calls = RecordedCalls(Network(), fake)
    for length in (1, 2, 3, 4):
        asked(calls, length, 5)
    asked(calls, 1, 1)
    asked(calls, 5, 5)
    assert fake.made == 5
    asked(calls, 1, 5)
    assert fake.made == 5
    asked(calls, 2, 5)
    assert fake.made == 6


def test_types_of_numbers_have_recordings_of_their_own() -> None:
    fake = FakeRecording()
    calls = RecordedCalls(lambda x: x * 2, fake)
    for _ in range(5):
        assert calls(torch.ones(3)).dtype == torch.float32
    for _ in range(5):
        assert calls(torch.ones(3, dtype=torch.float64)).dtype == torch.float64
    assert fake.made == 2


def test_what_is_large_is_not_recorded() -> None:
    fake = FakeRecording()
    calls = RecordedCalls(lambda x: x + 1, fake)
    for _ in range(8):
        calls(torch.zeros(600_000))
    assert fake.made == 0


@pytest.mark.parametrize(("changed", "why"), [
    (lambda result, playing: result + 2e-5, "2e-05 off"),
    (lambda result, playing: result * torch.nan, "nan off"),
    (lambda result, playing: result + (playing == 2), "1 off"),
], ids=["off", "not a number", "right only at first"])  # fmt: skip
def test_a_recording_that_lies_is_never_used_again(
    changed: Callable[[Tensor, int], Tensor], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeRecording(changed)
    calls = RecordedCalls(Network(), fake)
    asked(calls, 5, 9)
    asked(calls, 6, 9)
    assert fake.made == 1 and fake.played <= 2
    assert why in (told := capsys.readouterr().err) and len(told.splitlines()) == 1


def test_a_recording_that_does_not_read_its_inputs_is_found_out() -> None:
    """Right on the inputs that it was made with, whatever comes after."""
    calls = RecordedCalls(Network(), lambda work: (lambda result: lambda: result)(work()))
    asked(calls, 5, 9)


def test_a_recording_of_another_shape_is_a_fault() -> None:
    calls = RecordedCalls(Network(), lambda work: lambda: torch.zeros(7))
    asked(calls, 5, 9)


def test_a_recording_that_cannot_be_made_is_not_tried_twice(capsys: pytest.CaptureFixture[str]) -> None:
    tried = []

    def fails(work: Play) -> Play:
        tried.append(work)
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    calls = RecordedCalls(Network(), fails)
    asked(calls, 5, 9)
    asked(calls, 6, 9)
    assert len(tried) == 1 and "operation not permitted" in capsys.readouterr().err


def test_a_recording_that_fails_later_gives_way_to_the_network() -> None:
    def fails_later(result: Tensor, playing: int) -> Tensor:
        if playing == 4:
            raise RuntimeError("CUDA error: out of memory")
        return result

    fake = FakeRecording(fails_later)
    calls = RecordedCalls(Network(), fake)
    asked(calls, 5, 12)
    assert fake.played == 4


def test_an_error_of_the_network_itself_passes_through() -> None:
    def broken(_x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    calls = RecordedCalls(broken, FakeRecording())
    with pytest.raises(torch.OutOfMemoryError):
        calls(torch.zeros(1))


@torch.inference_mode()
def test_a_whole_sampling_is_the_same_played() -> None:
    torch.manual_seed(0)
    flow = RectifiedFlowDecoder(FlowDecoderConfig(n_features=11, code_dim=16, width=16, condition_width=8)).eval()
    codes, noise = torch.randn(2, 13, 16), torch.randn(2, 52, 11)
    told: list[int] = []
    plain = flow.decode(codes, noise, 16)
    fake = _recorded(flow.net)
    for _ in range(2):
        torch.testing.assert_close(flow.decode(codes, noise, 16, lambda done, _of: told.append(done)), plain, atol=0, rtol=0)
    assert fake.made == 1 and fake.played > 50 and told == [*range(1, 16)] * 2


@torch.inference_mode()
def test_base_tokens_are_the_same_played() -> None:
    torch.manual_seed(0)
    config = TokenTransformerConfig(n_codes=30, code_dim=16, width=24, n_heads=3, n_layers=2, feed_forward=32, text_width=10, word_width=10)
    model = MaskTransformer(config).eval()
    text = EncodedText(torch.randn(2, 10), torch.randn(2, 5, 10), torch.tensor([[False] * 5, [False] * 3 + [True] * 2]))

    def tokens() -> Tensor:
        seeds = [torch.Generator().manual_seed(seed) for seed in range(2)]
        return generate_base_tokens(model, text, torch.tensor([13, 9]), UnmaskingSettings(), seeds)

    plain = tokens()
    fake = _recorded(model)
    assert torch.equal(tokens(), plain) and torch.equal(tokens(), plain)
    assert fake.made == 1 and fake.played > 10


def _recorded(network: nn.Module) -> FakeRecording:
    fake = FakeRecording()
    network.forward = RecordedCalls(network.forward, fake)  # type: ignore[method-assign]
    return fake


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA graphics card")
@torch.inference_mode()
def test_a_real_recording_on_the_graphics_card(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    flow = RectifiedFlowDecoder(FlowDecoderConfig(n_features=11, code_dim=16, width=16, condition_width=8)).eval().cuda()
    codes, noise = torch.randn(2, 13, 16, device="cuda"), torch.randn(2, 52, 11, device="cuda")
    plain = flow.decode(codes, noise, 16)
    recorded = RecordedCalls(flow.net.forward, cuda_recording)
    flow.net.forward = recorded  # type: ignore[method-assign]
    torch.testing.assert_close(flow.decode(codes, noise, 16), plain, atol=1e-5, rtol=0)
    assert capsys.readouterr().err == ""
