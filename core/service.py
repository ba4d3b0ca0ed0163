"""Requests to replies: the one place that loads, keeps and drops models and picks the device."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from .body.pipeline import BodyPipeline
from .body.range_editing import edited
from .checkpoints import BundleCard, find_bundle, load_pipeline, read_card
from .contract import VERSION, BadRequest, BodyReply, BodyRequest, FaceRecipe, FaceReply, FaceRequest, OutOfMemory, Recipe, StageTime
from .face.pipeline import FacePipeline
from .face_bundles import FaceCard, find_face_bundle, load_face_pipeline, read_face_card
from .given_back import give_memory_back
from .loaded_model import LoadedModel, Report
from .out_of_memory import is_out_of_memory
from .weights_manifest import WEIGHTS_FOLDER

_FACE_ADVICE = "the face: choose a smaller face model, make fewer variations"
Reply = TypeVar("Reply", BodyReply, FaceReply)


class Service:
    """Keeps one body model and one face model loaded: the last ones asked for. Where both find no room, the one at work stays."""

    def __init__(self, model_folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> None:
        self._folders = model_folders
        self._body: LoadedModel[BodyPipeline, BundleCard] = LoadedModel(read_card, load_pipeline)
        self._face: LoadedModel[FacePipeline, FaceCard] = LoadedModel(read_face_card, load_face_pipeline)

    def body(self, request: BodyRequest, report: Report) -> BodyReply:
        """Raises BadRequest, WeightsError or OutOfMemory in the animator's words; whatever `report` raises passes through."""
        request.validate()
        device = pick_device(request.device)
        return self._with_room(lambda: self._body_made(request, device, report), self._face, _body_advice(request), device)

    def face(self, request: FaceRequest, report: Report) -> FaceReply:
        """Raises as `body` does, and UnderstudyError where this Python cannot read sound."""
        request.validate()
        device = pick_device(request.device)
        return self._with_room(lambda: self._face_made(request, device, report), self._body, _FACE_ADVICE, device)

    def unload(self) -> None:
        """Drops the models and gives their memory back."""
        self._body.drop()
        self._face.drop()
        give_memory_back()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _body_made(self, request: BodyRequest, device: torch.device, report: Report) -> BodyReply:
        began = time.perf_counter()
        pipeline, card = self._body.get(find_bundle(request.model, self._folders), device, report)
        loading = StageTime("loading", time.perf_counter() - began)
        recipe = Recipe(model=card.name, weights=card.sha256[:16], version=VERSION)
        if request.edit is not None:
            motions, times, notices = edited(pipeline, request, request.edit, recipe, report)
            return BodyReply(request.id, tuple(motions), (loading, *times), notices)
        motions, times = pipeline.generate(request, recipe, report)
        return BodyReply(request.id, tuple(motions), (loading, *times))

    def _face_made(self, request: FaceRequest, device: torch.device, report: Report) -> FaceReply:
        began = time.perf_counter()
        pipeline, card = self._face.get(find_face_bundle(request.model, self._folders), device, report)
        loading = StageTime("loading", time.perf_counter() - began)
        recipe = FaceRecipe(model=card.name, weights=card.sha256[:16], version=VERSION)
        motions, times = pipeline.generate(request, recipe, report)
        return FaceReply(request.id, tuple(motions), (loading, *times))

    def _with_room(self, make: Callable[[], Reply], other: LoadedModel, advice: str, device: torch.device) -> Reply:
        """Makes it; where memory runs out, once more without the model of the other kind. Raises OutOfMemory with the advice."""
        try:
            return make()
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            if not other.drop():
                self.unload()
                where = "the graphics card" if device.type == "cuda" else "this machine"
                raise OutOfMemory(f"There was not enough memory on {where} for {advice}, or close other programs.") from error
        self.unload()  # only now, because the error holds what it happened to
        return self._with_room(make, other, advice, device)


def pick_device(wish: str) -> torch.device:
    """ "auto" takes CUDA where it works. Raises BadRequest for a device that is not there."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wish == "cuda" and not torch.cuda.is_available():
        raise BadRequest("CUDA was asked for, but this machine offers none to the engine: choose Auto or CPU in the preferences.")
    if wish not in ("cpu", "cuda"):
        raise BadRequest(f'The device "{wish}" is not known: choose auto, cpu or cuda.')
    return torch.device(wish)


def _body_advice(request: BodyRequest) -> str:
    length = "" if request.seconds is None else f" of {request.seconds:g} s"
    return f"{request.variations} motion(s){length}: make fewer variations or a shorter motion"
