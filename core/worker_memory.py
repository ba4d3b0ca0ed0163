"""How much memory a worker takes with a published model: a fresh one is started, loads random weights of that size, and is asked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from .body import clip_text
from .body.clip_text import ClipTextConfig, ClipTextNetwork
from .checkpoints import FORMAT, WEIGHTS_FILE, BundleCard, build_networks, write_card
from .contract import BodyRequest, Unload
from .measured_worker import answered, resident_megabytes, started_worker
from .saved_clip import FORMAT as ENCODER_FORMAT
from .saved_clip import LICENCE, EncoderCard, saved_in
from .saved_clip import write_card as write_encoder_card
from .weights_import.choice import BODY_ROLES
from .weights_import.published import HUMANML3D_SET, PublishedSet
from .weights_import.writing import write_safetensors

_NAME = "random"
_PROMPT = "a person walks forward and waves with the right hand"


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
        with started_worker(Path(folder), threads) as process:
            answered(process, Unload(1))
            waiting = resident_megabytes("VmRSS", process.pid)
            answered(process, BodyRequest(2, _PROMPT, seconds, model=_NAME, device="cpu"))
            loaded, highest = resident_megabytes("VmRSS", process.pid), resident_megabytes("VmHWM", process.pid)
            answered(process, Unload(3))
            return WorkerMemory(waiting, highest, loaded, resident_megabytes("VmRSS", process.pid))


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
