"""One training run of one network: the loop, its checkpoints, its log.

A run can be stopped at any time and goes on where it was: batches and dropout depend on the seed and the step alone.
"""

from __future__ import annotations

import copy
import json
import math
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..contract import UnderstudyError

CHECKPOINT, CONFIG = "checkpoint.pt", "config.json"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Schedule:
    """AdamW with linear warm-up and cosine decay. ema: decay of the averaged weights, which are the ones that are used.

    patience: the run ends early when so many validations in a row have not been better than the best.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int = 500
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema: float = 0.999
    seed: int = 42
    patience: int = 8

    def rate(self, step: int) -> float:
        """Learning rate at a step, relative to the highest."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class Task(Protocol):
    """What is particular to one network."""

    @property
    def network(self) -> nn.Module: ...

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of one random batch, and figures for the log."""
        ...

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Figures on held-out data; lower `loss` is better."""
        ...

    def extra_state(self) -> dict[str, Any]:
        """Tensors beside the network's own that a resumed run needs."""
        ...

    def load_extra_state(self, state: dict[str, Any]) -> None: ...


class NoExtraState:
    """For a task that a resumed run gives nothing but its network's own tensors."""

    def extra_state(self) -> dict[str, Any]:
        return {}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        pass


@dataclass(frozen=True)
class Best:
    """Averaged weights of the lowest validation loss so far."""

    loss: float
    step: int
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Hardware:
    """device: "cpu" or "cuda"; bf16: autocast forward passes; log_every, save_every: steps."""

    device: str = "cpu"
    bf16: bool = False
    log_every: int = 50
    save_every: int = 500


class Run:
    """The state of a run in its folder. `train` goes on from the last checkpoint to the last step of the schedule."""

    def __init__(self, folder: Path, task: Task, schedule: Schedule, hardware: Hardware, config: Any) -> None:
        self.folder, self.task, self.schedule, self.hardware = folder, task, schedule, hardware
        self.config = config
        self.step = 0
        self.device = torch.device(hardware.device)
        self.optimizer = torch.optim.AdamW(
            task.network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, betas=(0.9, 0.99)
        )
        self.averaged = copy.deepcopy(task.network).eval().requires_grad_(False)
        self.best = Best(math.inf, 0, {})
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self._load()

    def train(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Trains to the end, or until stop() says so; saves in both cases."""
        began, first = time.monotonic(), self.step
        while self.step < self.schedule.steps and not self._is_hopeless() and not stop():
            figures = self._one_step()
            self.step += 1
            if self.step % self.hardware.log_every == 0 or self.step == self.schedule.steps:
                self._report(figures, (time.monotonic() - began) / (self.step - first))
            if self.step % self.hardware.save_every == 0 and self.step < self.schedule.steps:
                self._validate_and_save()
        self._validate_and_save()

    def _is_hopeless(self) -> bool:
        return self.best.step > 0 and self.step - self.best.step > self.schedule.patience * self.hardware.save_every

    def _one_step(self) -> dict[str, float]:
        torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)
        generator = torch.Generator().manual_seed(self.schedule.seed * 7_919 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate * self.schedule.rate(self.step)
        self.task.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.hardware.bf16):
            loss, figures = self.task.loss(self.schedule.batch_size, generator)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.task.network.parameters(), self.schedule.gradient_clip)
        self.optimizer.step()
        self._average()
        return {"loss": float(loss.detach()), "gradient": float(norm), **figures}

    def _average(self) -> None:
        # A young average follows closely: the decay grows with the steps taken
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.task.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            for held, fresh in zip(self.averaged.buffers(), self.task.network.buffers(), strict=True):
                held.copy_(fresh)

    def _report(self, figures: Mapping[str, float], seconds_a_step: float) -> None:
        left = seconds_a_step * (self.schedule.steps - self.step)
        words = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        pace = f"{seconds_a_step:.2f} s/step  {left / 60:.0f} min left"
        print(f"step {self.step}/{self.schedule.steps}  {words}  {pace}", file=sys.stderr, flush=True)
        self._log({"step": self.step, **figures})

    def _validate_and_save(self) -> None:
        self.averaged.eval()
        with torch.inference_mode():
            figures = {f"validation {name}": float(value) for name, value in self.task.validate(self.averaged).items()}
        print(f"step {self.step}  " + "  ".join(f"{name} {value:.4f}" for name, value in figures.items()), file=sys.stderr, flush=True)
        self._log({"step": self.step, **figures})
        if figures["validation loss"] <= self.best.loss:
            weights = {name: tensor.clone() for name, tensor in self.averaged.state_dict().items()}
            self.best = Best(figures["validation loss"], self.step, weights)
        self.save()

    def _log(self, row: Mapping[str, float]) -> None:
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(dict(row)) + "\n")

    def save(self) -> None:
        """Writes the checkpoint whole or not at all, and the configuration beside it."""
        state = {
            "step": self.step,
            "network": self.task.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "best": vars(self.best),
            "optimizer": self.optimizer.state_dict(),
            "extra": self.task.extra_state(),
        }
        settings = {"config": asdict(self.config), "schedule": asdict(self.schedule), "hardware": asdict(self.hardware)}
        self._write(CONFIG, lambda path: path.write_text(json.dumps(settings, indent=1), encoding="utf-8"))
        self._write(CHECKPOINT, lambda path: torch.save(state, path))

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        partial = self.folder / (name + ".part")
        write(partial)
        partial.replace(self.folder / name)

    def _load(self) -> None:
        state = _checkpoint(self.folder, self.device)
        self.step = state["step"]
        try:
            self.task.network.load_state_dict(state["network"])
        except RuntimeError as error:
            raise UnderstudyError(f"{self.folder} was trained with other sizes: choose another folder with --run.") from error
        self.averaged.load_state_dict(state["averaged"])
        self.best = Best(**state["best"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.task.load_extra_state(state["extra"])


def trained_network(folder: Path, network: nn.Module, last: bool = False) -> nn.Module:
    """`network` with those averaged weights of a run that did best on held-out data, or its last ones, ready for inference."""
    state = _checkpoint(folder)
    network.load_state_dict(state["averaged"] if last else state["best"]["weights"] or state["averaged"])
    return network.eval().requires_grad_(False)


def saved_extra(folder: Path) -> dict[str, Any]:
    """What the task of a run kept beside its network."""
    return _checkpoint(folder)["extra"]


def saved_config(folder: Path) -> dict[str, Any]:
    """The network configuration of a run, as its dataclass's fields."""
    return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["config"]


def _checkpoint(folder: Path, device: torch.device | None = None) -> dict[str, Any]:
    try:
        state = torch.load(folder / CHECKPOINT, map_location=device or "cpu", weights_only=True)
        if "best" not in state:
            raise ValueError("written before the best weights were kept")
        return state
    except (RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as error:
        raise UnderstudyError(f"{folder / CHECKPOINT} cannot be read: delete it, and train this network again.") from error
