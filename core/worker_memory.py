"""How much memory a worker takes with a published model: a fresh one is started, loads random weights of that size, and is asked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import torch

from .body import clip_text
from .body.clip_text import ClipTextConfig, ClipTextNetwork
from .checkpoints import FORMAT, WEIGHTS_FILE, BundleCard, build_networks, write_card
from .contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyRequest,
    Failure,
    Hello,
    Job,
    Message,
    Progress,
    Reply,
    Unload,
    WorkerDied,
    encode_frame,
    read_frame,
)
from .saved_clip import FORMAT as ENCODER_FORMAT
from .saved_clip import LICENCE, EncoderCard, saved_in
from .saved_clip import write_card as write_encoder_card
from .weights_import.choice import BODY_ROLES
from .weights_import.published import HUMANML3D_SET, PublishedSet
from .weights_import.writing import write_safetensors

_NAME = "random"
_PROMPT = "a person walks forward and waves with the right hand"
_ROOT = Path(__file__).resolve().parents[1]
_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class WorkerMemory:
    """Resident megabytes before the first job, which imports torch; at their highest; with all loaded after a motion; after Unload."""

    waiting: float
    highest: float
    loaded: float
    unloaded: float


def measure_worker(
    seconds: float, threads: int | None = None, sizes: PublishedSet = HUMANML3D_SET, text: ClipTextConfig | None = None
) -> WorkerMemory:
    """Of one motion on the CPU. Not a number where there is no /proc. Raises the worker's UnderstudyError."""
    with tempfile.TemporaryDirectory() as folder:
        _write_random_model(Path(folder), sizes, text or ClipTextConfig())
        with _worker(Path(folder), threads) as process:
            _answered(process, Unload(1))
            waiting = resident_megabytes("VmRSS", process.pid)
            _answered(process, BodyRequest(2, _PROMPT, seconds, model=_NAME, device="cpu"))
            loaded, highest = resident_megabytes("VmRSS", process.pid), resident_megabytes("VmHWM", process.pid)
            _answered(process, Unload(3))
            return WorkerMemory(waiting, highest, loaded, resident_megabytes("VmRSS", process.pid))


def resident_megabytes(name: str, process: int | str = "self") -> float:
    """VmRSS or VmHWM of Linux' process table; not a number elsewhere."""
    status = _PROCESSES / str(process) / "status"
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1e3


def _write_random_model(folder: Path, sizes: PublishedSet, text: ClipTextConfig) -> None:
    """As an import leaves it: float32, and CLIP's text encoder beside it in float16."""
    torch.manual_seed(0)
    networks = build_networks(sizes.networks)
    parts = {role.value: getattr(networks, role.value) for role in BODY_ROLES}
    tensors = {f"{part}.{name}": tensor for part, network in parts.items() for name, tensor in network.state_dict().items()}
    n_features = sizes.layout.n_features
    tensors |= {"features.mean": torch.randn(n_features), "features.std": torch.full((n_features,), 0.01)}
    (folder / _NAME).mkdir()
    size, sha256 = write_safetensors(folder / _NAME / WEIGHTS_FILE, tensors, lambda *_: None)
    card = BundleCard(
        FORMAT, _NAME, "Random", sizes.licence, (), clip_text.NAME, sizes.representation, False, sizes.guidance, sizes.residual_guidance,
        0.1, sizes.networks, size, sha256,
    )  # fmt: skip
    write_card(folder / _NAME, card)
    _write_random_encoder(saved_in(folder), text)


def _write_random_encoder(folder: Path, config: ClipTextConfig) -> None:
    folder.mkdir()
    tensors = {name: torch.randn(tensor.shape).mul_(0.05).half() for name, tensor in ClipTextNetwork(config).state_dict().items()}
    size, sha256 = write_safetensors(folder / WEIGHTS_FILE, tensors, lambda *_: None)
    write_encoder_card(folder, EncoderCard(ENCODER_FORMAT, clip_text.NAME, LICENCE, (), config, size, sha256))


@contextlib.contextmanager
def _worker(models: Path, threads: int | None) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    command = [sys.executable, "-s", "-u", "-m", "core", "worker", "--models", str(models)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=environment)
    try:
        _send(process, Hello(CONTRACT_VERSION, VERSION))
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _send(process: subprocess.Popen[bytes], message: Message) -> None:
    assert process.stdin is not None
    process.stdin.write(encode_frame(message))
    process.stdin.flush()


def _answered(process: subprocess.Popen[bytes], job: Job) -> None:
    """Waits for the end of a job. Raises its UnderstudyError."""
    _send(process, job)
    while (message := read_frame(cast(BinaryIO, process.stdout))) is not None:
        if isinstance(message, Failure):
            raise message.raised()
        if isinstance(message, Reply) or message == Progress(job.id, "unloaded", 1, 1):
            return
    raise WorkerDied("The worker ended without an answer: see above what it said.")
