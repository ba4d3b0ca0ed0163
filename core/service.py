"""Requests to replies: the one place that loads, keeps and drops models and picks the device."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from .body.pipeline import BodyPipeline, Report
from .checkpoints import BundleCard, find_bundle, load_pipeline, read_card
from .contract import VERSION, BadRequest, BodyReply, BodyRequest, OutOfMemory, Recipe, StageTime
from .given_back import give_memory_back
from .out_of_memory import is_out_of_memory
from .weights_manifest import WEIGHTS_FOLDER


class Service:
    """Keeps one body model loaded: the last one asked for."""

    def __init__(self, model_folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> None:
        self._folders = model_folders
        self._loaded: tuple[tuple[Path, str], BodyPipeline, BundleCard] | None = None

    def body(self, request: BodyRequest, report: Report) -> BodyReply:
        """Raises BadRequest, WeightsError or OutOfMemory in the animator's words; whatever `report` raises passes through."""
        request.validate()
        device = pick_device(request.device)
        try:
            began = time.perf_counter()
            pipeline, card = self._pipeline(request.model, device, report)
            loading = StageTime("loading", time.perf_counter() - began)
            recipe = Recipe(model=card.name, weights=card.sha256[:16], version=VERSION)
            motions, times = pipeline.generate(request, recipe, report)
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            self.unload()
            raise OutOfMemory(_memory_advice(request, device)) from error
        return BodyReply(request.id, tuple(motions), (loading, *times))

    def unload(self) -> None:
        """Drops the model and gives its memory back."""
        self._loaded = None
        give_memory_back()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _pipeline(self, model: str, device: torch.device, report: Report) -> tuple[BodyPipeline, BundleCard]:
        folder = find_bundle(model, self._folders)
        if self._loaded is None or self._loaded[0] != (folder, str(device)) or self._loaded[2] != read_card(folder):
            self._loaded = None
            report("Loading the model", 0, 1)
            self._loaded = ((folder, str(device)), *load_pipeline(folder, device))
            give_memory_back()  # what loading needed beside the model
        return self._loaded[1], self._loaded[2]


def pick_device(wish: str) -> torch.device:
    """ "auto" takes CUDA where it works. Raises BadRequest for a device that is not there."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wish == "cuda" and not torch.cuda.is_available():
        raise BadRequest("CUDA was asked for, but this machine offers none to the engine: choose Auto or CPU in the preferences.")
    if wish not in ("cpu", "cuda"):
        raise BadRequest(f'The device "{wish}" is not known: choose auto, cpu or cuda.')
    return torch.device(wish)


def _memory_advice(request: BodyRequest, device: torch.device) -> str:
    length = "" if request.seconds is None else f" of {request.seconds:g} s"
    return (
        f"There was not enough memory on {'the graphics card' if device.type == 'cuda' else 'this machine'} for"
        f" {request.variations} motion(s){length}: make fewer variations or a shorter motion, or close other programs."
    )
