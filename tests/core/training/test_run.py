"""One training run: its rates, its averaged weights, its checkpoints, and what happens when it is interrupted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from understudy.core.contract import UnderstudyError
from understudy.core.training import run
from understudy.core.training.run import CHECKPOINT, CONFIG, LOG, Hardware, Run, Schedule, saved_config, saved_extra, trained_network


@dataclass(frozen=True)
class LineConfig:
    width: int = 3


class LineTask:
    """Learns y = 2 x with dropout, and keeps a tensor of its own."""

    def __init__(self, config: LineConfig = LineConfig()) -> None:
        self.network = nn.Sequential(nn.Linear(config.width, config.width), nn.Dropout(0.2), nn.BatchNorm1d(config.width))
        self.seen = torch.zeros(())
        self.validated: list[bool] = []

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        x = torch.randn(batch_size, 3, generator=generator)
        self.seen = self.seen + x.sum()
        return (self.network(x) - 2 * x).square().mean(), {"mean": float(x.mean())}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        self.validated.append(network.training or torch.is_grad_enabled())
        return {"loss": float(network(torch.ones(2, 3)).square().mean())}

    def extra_state(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


SCHEDULE = Schedule(steps=12, batch_size=4, learning_rate=0.01, warmup=3)


def made(folder: Path, schedule: Schedule = SCHEDULE, save_every: int = 100, seed: int = 0) -> Run:
    torch.manual_seed(seed)
    return Run(folder, LineTask(), schedule, Hardware(log_every=4, save_every=save_every), LineConfig())


def state(trained: Run) -> dict[str, Any]:
    return {"network": trained.task.network.state_dict(), "averaged": trained.averaged.state_dict(), "extra": trained.task.extra_state()}


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(equal(*pair) for pair in zip(a, b, strict=True))
    return bool(a == b)


def test_the_rate_rises_to_one_and_falls_to_a_hundredth() -> None:
    schedule = Schedule(steps=1000, batch_size=1, learning_rate=1.0, warmup=100)
    rates = [schedule.rate(step) for step in range(1001)]
    assert rates[:100] == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert rates[100] == 1.0 and rates[550] == pytest.approx(0.505) and rates[1000] == pytest.approx(0.01)
    assert all(after < before for before, after in zip(rates[100:], rates[101:], strict=False))
    assert rates[325] == pytest.approx(0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi / 4)))


@pytest.mark.parametrize(("steps", "warmup"), [(10, 300), (10, 10), (1, 0), (10, 0)])
def test_short_runs_have_rates_between_nothing_and_one(steps: int, warmup: int) -> None:
    schedule = Schedule(steps=steps, batch_size=1, learning_rate=1.0, warmup=warmup)
    assert all(0 < schedule.rate(step) <= 1 for step in range(steps))


def test_the_optimizer_gets_the_rate_of_every_step(tmp_path: Path) -> None:
    trained, rates = made(tmp_path), []
    trained.train(stop=lambda: bool(rates.append(trained.optimizer.param_groups[0]["lr"])))
    assert rates[1:] == pytest.approx([SCHEDULE.learning_rate * SCHEDULE.rate(step) for step in range(11)])


def test_averaged_weights_follow_by_the_ema_formula_and_buffers_are_copied(tmp_path: Path) -> None:
    trained = made(tmp_path)
    mean = trained.averaged[0].weight.clone()
    for step in range(5):
        trained._one_step()
        trained.step += 1
        decay = min(SCHEDULE.ema, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * trained.task.network[0].weight.detach()
        assert torch.allclose(trained.averaged[0].weight, mean, atol=1e-6)
        assert torch.equal(trained.averaged[2].running_mean, trained.task.network[2].running_mean)


def test_an_old_average_follows_slowly(tmp_path: Path) -> None:
    trained = made(tmp_path)
    trained.step = 100_000
    before = trained.averaged[0].weight.clone()
    with torch.no_grad():
        trained.task.network[0].weight.add_(1.0)
    trained._average()
    assert torch.allclose(trained.averaged[0].weight - before, torch.full((3, 3), 1 - SCHEDULE.ema), atol=1e-6)


@pytest.mark.parametrize("stop_at", [1, 4, 7, 11])
def test_an_interrupted_run_ends_as_one_that_was_not(stop_at: int, tmp_path: Path) -> None:
    whole, parts = made(tmp_path / "whole"), made(tmp_path / "parts")
    whole.train()
    parts.train(stop=lambda: parts.step >= stop_at)
    assert parts.step == stop_at
    resumed = made(tmp_path / "parts", seed=stop_at)
    assert resumed.step == stop_at
    resumed.train()
    assert resumed.step == 12 and equal(state(whole), state(resumed))
    assert equal(whole.optimizer.state_dict(), resumed.optimizer.state_dict())


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    whole, killed = made(tmp_path / "whole"), made(tmp_path / "killed", save_every=5)
    whole.train()

    def kill() -> bool:
        if killed.step == 8:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        killed.train(stop=kill)
    resumed = made(tmp_path / "killed", seed=1)
    assert resumed.step == 5
    resumed.train()
    assert equal(state(whole), state(resumed))


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    first = made(tmp_path)
    first.train()
    again = made(tmp_path)
    again.train()
    assert again.step == 12 and equal(state(first), state(again))


def test_validation_sees_the_averaged_network_at_rest(tmp_path: Path) -> None:
    trained = made(tmp_path, save_every=5)
    trained.train()
    assert isinstance(trained.task, LineTask) and trained.task.validated == [False] * 3


def test_a_write_that_breaks_off_leaves_the_last_checkpoint_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = made(tmp_path)
    trained.train(stop=lambda: trained.step >= 4)
    before = (tmp_path / CHECKPOINT).read_bytes(), (tmp_path / CONFIG).read_bytes()

    def full_disk(state: Any, path: Path) -> None:
        path.write_bytes(before[0][:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run.torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        trained.save()
    assert ((tmp_path / CHECKPOINT).read_bytes(), (tmp_path / CONFIG).read_bytes()) == before
    assert made(tmp_path).step == 4


@pytest.mark.parametrize("content", [b"", b"half a file", None])
def test_a_damaged_checkpoint_is_told_in_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    made(tmp_path).save()
    whole = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(whole[: len(whole) // 2] if content is None else content)
    for read in (lambda: made(tmp_path), lambda: saved_extra(tmp_path), lambda: trained_network(tmp_path, LineTask().network)):
        with pytest.raises(UnderstudyError, match=r"checkpoint\.pt cannot be read"):
            read()


def test_a_checkpoint_from_before_the_best_weights_were_kept_is_told_in_a_sentence(tmp_path: Path) -> None:
    made(tmp_path).save()
    stored = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del stored["best"]
    torch.save(stored, tmp_path / CHECKPOINT)
    with pytest.raises(UnderstudyError, match=r"checkpoint\.pt cannot be read"):
        trained_network(tmp_path, LineTask().network)


def test_a_run_of_other_sizes_is_told_in_a_sentence(tmp_path: Path) -> None:
    made(tmp_path).save()
    with pytest.raises(UnderstudyError, match="other sizes"):
        Run(tmp_path, LineTask(LineConfig(4)), SCHEDULE, Hardware(), LineConfig(4))


def test_what_a_run_keeps_can_be_read_back(tmp_path: Path) -> None:
    trained = made(tmp_path)
    trained.train()
    network = trained_network(tmp_path, LineTask().network)
    assert equal(network.state_dict(), trained.best.weights) and equal(network.state_dict(), trained.averaged.state_dict())
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    assert saved_config(tmp_path) == {"width": 3}
    assert torch.equal(saved_extra(tmp_path)["seen"], trained.task.extra_state()["seen"])
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [4, 8, 12]
    assert [row["step"] for row in rows if "validation loss" in row] == [12]
    assert {path.name for path in tmp_path.iterdir()} == {CHECKPOINT, CONFIG, LOG}


class FadingTask(LineTask):
    """Its validation loss falls until the fourth validation and rises from then on."""

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        super().validate(network)
        return {"loss": abs(len(self.validated) - 4.0)}


def test_the_weights_of_the_best_validation_are_kept_and_used(tmp_path: Path) -> None:
    trained = Run(tmp_path, FadingTask(), SCHEDULE, Hardware(log_every=100, save_every=2), LineConfig())
    trained.train(stop=lambda: trained.step >= 8)
    at_best = {name: tensor.clone() for name, tensor in trained.averaged.state_dict().items()}
    assert trained.best.step == 8
    trained.train()
    assert trained.step == 12 and trained.best.step == 8 and not equal(trained.averaged.state_dict(), at_best)
    assert equal(trained_network(tmp_path, LineTask().network).state_dict(), at_best)
    resumed = Run(tmp_path, FadingTask(), SCHEDULE, Hardware(), LineConfig())
    assert resumed.best.step == 8 and equal(resumed.best.weights, at_best)


def test_a_run_that_no_longer_gets_better_ends_early(tmp_path: Path) -> None:
    schedule = Schedule(steps=100, batch_size=4, learning_rate=0.01, warmup=3, patience=3)
    trained = Run(tmp_path, FadingTask(), schedule, Hardware(log_every=100, save_every=2), LineConfig())
    trained.train()
    assert trained.best.step == 8 and 8 + 3 * 2 < trained.step <= 8 + 3 * 2 + 2


def test_before_the_first_validation_the_averaged_weights_are_used(tmp_path: Path) -> None:
    trained = made(tmp_path)
    trained.save()
    assert equal(trained_network(tmp_path, LineTask().network).state_dict(), trained.averaged.state_dict())
