"""Time, parameters and memory of one stage."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .measured_worker import resident_megabytes

_CLEAR_PEAK = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Row:
    """seconds: median; parameters: count; megabytes: highest memory above what was used before the stage."""

    stage: str
    seconds: float
    parameters: int
    megabytes: float


def measured(work: Callable[[], object], repeats: int, device: torch.device) -> tuple[float, float]:
    """Median of the seconds, and the highest megabytes above what was used before."""
    with torch.inference_mode():
        before = _start_memory(device)
        work()  # the first run pays for allocations and kernel choices
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - began)
        return statistics.median(times), _peak_memory(device) - before


def _start_memory(device: torch.device) -> float:
    """Megabytes in use now; from here on the peak is counted."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 1e6
    _CLEAR_PEAK.write_text("5") if _CLEAR_PEAK.exists() else None
    return resident_megabytes("VmRSS")


def _peak_memory(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else resident_megabytes("VmHWM")


def n_parameters(network: nn.Module) -> int:
    """Numbers that a network holds, buffers included."""
    return sum(tensor.numel() for tensor in network.state_dict().values())
