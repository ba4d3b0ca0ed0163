"""The memory of the graphics card, as torch and the driver tell it."""

from __future__ import annotations

import contextlib

import torch

from .contract import CardMemory


def card_memory(job: int) -> CardMemory | None:
    """After a job; None where nothing was done on a card, or it cannot be asked."""
    if not torch.cuda.is_initialized():
        return None
    with contextlib.suppress(RuntimeError):  # a card that failed does not answer
        free, total = torch.cuda.mem_get_info()
        return CardMemory(job, torch.cuda.memory_reserved() / 1e6, free / 1e6, total / 1e6)
    return None
