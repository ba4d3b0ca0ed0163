"""One thread, and property tests that try the same examples every time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from understudy.tests.core.worker_processes import Spawn, spawned_workers

torch.set_num_threads(1)

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2000, database=None)
settings.load_profile(os.environ.get("UNDERSTUDY_HYPOTHESIS", "repeatable"))


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def write_voice(tmp_path: Path) -> Callable[..., Path]:
    """Writes seeded noise of about the loudness of speech, 16 kHz, as a wav file. Skips where nothing can write one."""
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")

    def write(seconds: float = 2.0, name: str = "voice.wav", seed: int = 0) -> Path:
        samples = np.random.default_rng(seed).normal(size=round(16_000 * seconds)) * 0.1
        soundfile.write(tmp_path / name, samples, 16_000, "FLOAT")
        return tmp_path / name

    return write


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts workers that never outlive the test."""
    with spawned_workers() as start:
        yield start
